"""Ends calls that open and then say nothing.

A handler waits for its message in a thread, and there are few of those. One more thread
looks after all who wait, from time to time. While others wait for a thread, it has little
patience with those who only hold one.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from finlink_server import pools

_LOOK_EVERY: Final = 0.05  # seconds
# A second, and more where looks come late: there messages that were sent come late too, and
# who has sent his must not be taken for silent.
_LOOKS_WHILE_CROWDED: Final = 20
_NEVER: Final = float("inf")


@dataclass(slots=True)
class _Wait:
    since: float
    longest: float
    give_up: Callable[[], object]
    pool: pools.Pool | None
    looks: int = 0  # at which others waited for a thread


class Watchdog:
    """Waits for messages, but not for ever."""

    def __init__(self, longest: float, look_every: float = _LOOK_EVERY) -> None:
        """Let everybody wait `longest` seconds, or less while others wait for the thread."""
        self._longest = longest
        self._look_every = look_every
        self._waits: dict[int, _Wait] = {}  # by thread: each waits for one thing at a time
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def next(self, messages: Iterator[bytes], give_up: Callable[[], object]) -> bytes | None:
        """Take the next message, None at their end; `give_up` ends a wait that is too long."""
        thread = threading.get_ident()
        self._waits[thread] = self._wait(give_up)
        try:
            return next(messages, None)
        finally:
            del self._waits[thread]

    @contextlib.contextmanager
    def guard(self, give_up: Callable[[], object]) -> Iterator[None]:
        """Do something that may wait; `give_up` ends it if it takes too long."""
        thread = threading.get_ident()
        self._waits[thread] = self._wait(give_up)
        try:
            yield
        finally:
            del self._waits[thread]

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(self._look_every):
            now = time.monotonic()
            for thread in list(self._waits):
                wait = self._waits.get(thread)
                if wait is not None and _is_too_long(wait, now):
                    wait.longest, wait.looks, wait.pool = _NEVER, 0, None  # once is enough
                    with contextlib.suppress(Exception):  # the call has ended by itself
                        wait.give_up()

    def _wait(self, give_up: Callable[[], object]) -> _Wait:
        return _Wait(time.monotonic(), self._longest, give_up, pools.current())


def _is_too_long(wait: _Wait, now: float) -> bool:
    if wait.pool is not None and wait.pool.is_crowded:
        wait.looks += 1
    return now - wait.since >= wait.longest or wait.looks >= _LOOKS_WHILE_CROWDED
