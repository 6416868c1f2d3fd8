"""A server that is told to stop stops, whoever is still there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from signal import SIGTERM

from tests.hostile import frames
from tests.hostile.floods import WATCH
from tests.hostile.frames import connection, in_data, message, opening

ANSWER = 7  # bytes: SERVING, and what gRPC puts before it


@contextmanager
def watching_no_further(target: str) -> Iterator[socket.socket]:
    """Watch the health, with room for the first answer and no byte more."""
    window = frames.settings((frames.INITIAL_WINDOW_SIZE, ANSWER))
    with connection(target) as wire:
        wire.sendall(frames.PREFACE + window + opening(1, WATCH) + in_data(1, message(b"")))
        heard = b""
        while message(b"\x08\x01") not in heard:
            heard += wire.recv(65_536)
        yield wire


def test_watchers_who_read_no_further_do_not_hold_up_the_stop(home):
    with home.serving(DRAIN_SECONDS="2") as server, ExitStack() as watchers:
        for _ in range(64):
            watchers.enter_context(watching_no_further(server.target))

        server.signal(SIGTERM)

        assert server.wait() == 0
