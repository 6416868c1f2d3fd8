"""A TCP proxy between a client and a server: it can cut, stall and delay."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 65_536


class Proxy:
    """Forwards connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._is_up = True
        self._delay = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        self._is_up = False
        for one in list(self._connections):
            _end(one)

    def mend(self, port: int | None = None) -> None:
        """Let connections through again, to another port if one is given."""
        self._port = port or self._port
        self._is_up = True

    def stall(self) -> None:
        """Hold back everything, and leave connections open."""
        self._flows.clear()

    def flow(self) -> None:
        """Let go of what was held back."""
        self._flows.set()

    def delay(self, seconds: float) -> None:
        """Let every byte to the client take so long."""
        self._delay = seconds

    def close(self) -> None:
        self._listener.close()
        self.flow()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = None
        with suppress(OSError):
            if self._is_up:
                server = socket.create_connection(("127.0.0.1", self._port))
        if server is None:
            client.close()
            return
        self._connections |= {client, server}
        for source, sink in ((client, server), (server, client)):
            chunks: queue.Queue[tuple[float, bytes]] = queue.Queue()
            to_client = sink is client
            threading.Thread(target=self._read, args=(source, chunks), daemon=True).start()
            threading.Thread(
                target=self._write, args=(sink, chunks, to_client), daemon=True
            ).start()

    def _read(self, source: socket.socket, chunks: queue.Queue[tuple[float, bytes]]) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = source.recv(_CHUNK)
            except OSError:
                chunk = b""
            chunks.put((time.monotonic(), chunk))

    def _write(
        self, sink: socket.socket, chunks: queue.Queue[tuple[float, bytes]], to_client: object
    ) -> None:
        while True:
            came, chunk = chunks.get()
            if to_client:
                time.sleep(max(0.0, came + self._delay - time.monotonic()))
            self._flows.wait()
            try:
                if not chunk:
                    raise ConnectionError
                sink.sendall(chunk)
            except OSError:
                _end(sink)
                self._connections.discard(sink)
                return


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def proxied(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
