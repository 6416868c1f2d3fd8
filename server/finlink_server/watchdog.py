"""Ends calls that open and then say nothing.

A handler waits for its message in a thread, and there are few of those. One thread
looks after all who wait: as everybody may wait equally long, the oldest is always
the next.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_LOOK_EVERY: Final = 0.25  # seconds


@dataclass(slots=True)
class _Wait:
    until: float
    give_up: Callable[[], object]
    over: bool = False


class Watchdog:
    """Waits for messages, but not for ever."""

    def __init__(self, longest: float, look_every: float = _LOOK_EVERY) -> None:
        """Let everybody wait `longest` seconds."""
        self._longest = longest
        self._look_every = look_every
        self._waits: deque[_Wait] = deque()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def next(self, messages: Iterator[bytes], give_up: Callable[[], object]) -> bytes | None:
        """Take the next message, None at their end; `give_up` ends a wait that is too long."""
        with self.guard(give_up):
            return next(messages, None)

    @contextlib.contextmanager
    def guard(self, give_up: Callable[[], object]) -> Iterator[None]:
        """Do something that may wait; `give_up` ends it if it takes too long."""
        wait = _Wait(time.monotonic() + self._longest, give_up)
        self._waits.append(wait)
        try:
            yield
        finally:
            wait.over = True

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(self._look_every):
            now = time.monotonic()
            while self._waits and (self._waits[0].over or self._waits[0].until <= now):
                oldest = self._waits.popleft()
                if not oldest.over:
                    with contextlib.suppress(Exception):  # the call has ended by itself
                        oldest.give_up()
