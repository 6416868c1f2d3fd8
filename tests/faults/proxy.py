"""A network between the server and PostgreSQL, that breaks off when it is told to.

It listens on a socket in a folder of its own and forwards to the one of PostgreSQL.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

_NAME = ".s.PGSQL.5432"


class Cut(Enum):
    """When a connection breaks off: while it sends COMMIT, which arrives, or does not."""

    NEVER = "never"
    BEFORE_COMMIT = "before it arrives"
    AFTER_COMMIT = "before its answer"


class Proxy:
    """Forwards until it cuts."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.cuts = 0
        self._at = Cut.NEVER
        self._target = str(target / _NAME)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _NAME))
        self._listener.listen(64)
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._start(self._accept)

    def cut_next(self, at: Cut) -> None:
        """Cut the next connection that sends a COMMIT."""
        self._at = at

    def cut_all(self) -> None:
        """Cut every connection, whatever it is doing."""
        for end in list(self._open):
            _close(end)
            self.cuts += 1

    def close(self) -> None:
        _close(self._listener)
        self.cut_all()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:  # closed
                return
            theirs = socket.socket(socket.AF_UNIX)
            try:
                theirs.connect(self._target)
            except OSError:  # nobody there
                _close(ours)
                _close(theirs)
                continue
            self._open |= {ours, theirs}
            self._start(self._forward, ours, theirs, True)  # noqa: FBT003
            self._start(self._forward, theirs, ours, False)  # noqa: FBT003

    def _forward(self, source: socket.socket, target: socket.socket, watches: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if watches and self._at is not Cut.NEVER and b"COMMIT" in data:
                    at, self._at = self._at, Cut.NEVER
                    self.cuts += 1
                    if at is Cut.BEFORE_COMMIT:
                        break
                    _close(source)  # nobody hears the answer
                target.sendall(data)
        for end in (source, target):
            self._open.discard(end)
            _close(end)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def between(folder: Path, target: Path) -> Iterator[Proxy]:
    """Forward from a socket in one folder to that of PostgreSQL in another."""
    proxy = Proxy(folder, target)
    try:
        yield proxy
    finally:
        proxy.close()
