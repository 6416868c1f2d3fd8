"""A real receiver of webhooks, that behaves as badly as a test wants.

    receiver.on("/hook", answer(503, headers={"Retry-After": "120"}))
    …
    [request] = receiver.wait_for(1)
    assert request.body == b"{}"

What a path is not told to do, it does well: 200, and the connection is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

_PATIENCE = 30  # seconds; what is waited for takes some milliseconds, unless the machine is busy


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    time: float  # monotonic
    address: str  # of this machine, that was connected to
    connection: int  # 1 for the first
    turn: int  # 1 for the first on its connection


@dataclass
class Talk:
    """One request, and the connection to do with as one likes."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    over: bool = False

    async def say(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection as a crash would: with RST."""
        self.over = True
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Talk], Awaitable[None]]


@dataclass
class Receiver:
    """Serves in a thread of its own, on 127.0.0.1 unless told otherwise."""

    tls: ssl.SSLContext | None
    address: str = "127.0.0.1"
    port: int = 0
    greeting: bytes = b""  # said before anything is asked
    requests: list[Request] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)  # numbers of connections

    def __post_init__(self) -> None:
        self._behaviours: dict[str, Behaviour] = {}
        self._changed = threading.Condition()
        self._connections = itertools.count(1)
        self._talks: set[asyncio.Task[None]] = set()
        self._accepted: list[socket.socket] = []

    def uri(self, path: str = "/hook", host: str = "localhost") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def on(self, path: str, behaviour: Behaviour) -> str:
        """Tell what to do from now on with requests to this path, and give its URI."""
        self._behaviours[path] = behaviour
        return self.uri(path)

    def wait_for(self, number: int, path: str | None = None) -> list[Request]:
        """Wait for so many requests (to this path, or to any), and give all of them."""
        self.wait_until(lambda: len(self.to(path)) >= number)
        return self.to(path)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, _PATIENCE), f"only {self.requests}"

    def to(self, path: str | None) -> list[Request]:
        with self._changed:
            return [one for one in self.requests if path in {None, one.path.partition("?")[0]}]

    @contextlib.contextmanager
    def running(self) -> Iterator[Receiver]:
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="receiver")
        thread.start()
        assert ready.wait(_PATIENCE)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with socket.create_server((self.address, self.port), backlog=100) as listening:
            listening.settimeout(0)
            self.port = listening.getsockname()[1]
            self._loop.add_reader(listening, self._accept, listening)
            ready.set()
            await self._stop.wait()
            self._loop.remove_reader(listening)
        await asyncio.sleep(0)  # what was accepted last begins, so that it can end
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        while any(raw.fileno() >= 0 for raw in self._accepted):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)

    def _accept(self, listening: socket.socket) -> None:
        """Accept what comes; `asyncio.start_server` loses who is in a handshake when it ends."""
        with contextlib.suppress(BlockingIOError):
            raw, _ = listening.accept()
            raw.settimeout(0)
            self._accepted.append(raw)
            talk = asyncio.create_task(self._meet(raw))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    async def _meet(self, raw: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, raw, ssl=self.tls
            )
        except (OSError, asyncio.CancelledError):
            return  # not a word of TLS, or the test is over
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        await self._listen_to(reader, writer)

    async def _listen_to(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = next(self._connections)
        try:
            writer.write(self.greeting)
            for turn in itertools.count(1):
                talk = Talk(await _read(reader, writer, connection, turn), reader, writer)
                with self._changed:
                    self.requests.append(talk.request)
                    self._changed.notify_all()
                path = talk.request.path.partition("?")[0]
                await self._behaviours.get(path, answer(200))(talk)
                if talk.over:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender has left, or the test is over
        finally:
            writer.transport.abort()
            with self._changed:
                self.ended.add(connection)
                self._changed.notify_all()


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int, turn: int
) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    method, path, _ = head[0].split(" ")
    fields = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    address = writer.get_extra_info("sockname")[0]
    return Request(method, path, headers, body, time.monotonic(), address, connection, turn)


# ------------------------------------------------------------------------ behaviours


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, length: int = -1
) -> Behaviour:
    """Answer, and keep the connection; a `length` that is not the body's is a lie."""
    fields = {"Content-Length": str(len(body) if length < 0 else length), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return raw(f"HTTP/1.1 {status} Words\r\n{head}\r\n".encode("latin-1") + body, close=length >= 0)


def redirect(status: int, location: str) -> Behaviour:
    return answer(status, headers={"Location": location})


def raw(data: bytes, *, close: bool = True) -> Behaviour:
    """Say these bytes, whatever they are, and close the connection."""

    async def run(talk: Talk) -> None:
        await talk.say(data)
        if close:
            talk.over = True
            talk.writer.close()
            await talk.writer.wait_closed()

    return run


def hang_up() -> Behaviour:
    """Close the connection without a word."""
    return raw(b"")


def reset(after: bytes = b"") -> Behaviour:
    """Say these bytes, and break the connection off."""

    async def run(talk: Talk) -> None:
        await talk.say(after)
        await asyncio.sleep(0.05)  # they arrive before the reset, which would overtake them
        talk.reset()

    return run


def slow(released: threading.Event, then: Behaviour) -> Behaviour:
    """Wait until the test sets the event."""

    async def run(talk: Talk) -> None:
        while not released.is_set():
            await asyncio.sleep(0.005)  # the event is set in another thread
            if talk.reader.at_eof():
                talk.over = True  # nobody waits any more
                return
        await then(talk)

    return run


def silent() -> Behaviour:
    """Never answer."""
    return slow(threading.Event(), answer(200))


def endless(beginning: bytes, piece: bytes, pause: float = 0.0) -> Behaviour:
    """Say the beginning, and then this piece again and again, as long as anybody listens."""

    async def run(talk: Talk) -> None:
        await talk.say(beginning)
        while True:
            await talk.say(piece)
            await asyncio.sleep(pause)

    return run


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave differently each time; the last one stays."""
    left = list(behaviours)

    async def run(talk: Talk) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(talk)

    return run


def then_close(behaviour: Behaviour) -> Behaviour:
    """Behave, and close the connection though nothing announced it."""

    async def run(talk: Talk) -> None:
        await behaviour(talk)
        talk.over = True

    return run


@pytest.fixture
def receiver(receiver_tls: ssl.SSLContext) -> Iterator[Receiver]:
    with Receiver(receiver_tls).running() as running:
        yield running
