"""Threads for calls, and whether somebody waits for one.

Only so many may wait. Those beyond are handed to a thread that does nothing but turn
calls away: told at once to come back later, they take no memory for long.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from finlink_server.errors import Overloaded

_A_MOMENT: Final = 0.1  # seconds; a burst of calls is through before
_TURNING_AWAY: Final = 4  # threads: as many as turn away faster than calls come
_COME_BACK: Final = 1.0  # seconds; by then those who wait have been served
_T = TypeVar("_T")
_here = threading.local()


class Pool(ThreadPoolExecutor):
    """Knows whether calls wait for a thread, so that those who only hold one give way."""

    def __init__(self, threads: int, name: str, turnstile: "Turnstile | None" = None) -> None:
        """Start threads when they are needed, and no more than so many."""
        super().__init__(threads, name, self._enter)
        self._turnstile = turnstile
        self._waiting: deque[float] = deque()  # since when, the oldest first

    @property
    def is_crowded(self) -> bool:
        """Whether a call has been waiting for a thread for longer than a moment."""
        try:
            return self._waiting[0] + _A_MOMENT < time.monotonic()
        except IndexError:
            return False

    def submit(self, work: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:  # noqa: ANN401
        """Run it when a thread is free; where it is turned away, if too many wait for one."""
        if self._turnstile is not None and len(self._waiting) >= self._turnstile.most_waiting:
            return self._turnstile.submit(work, *args, **kwargs)
        self._waiting.append(time.monotonic())
        return super().submit(self._run, work, *args, **kwargs)

    def _run(self, work: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:  # noqa: ANN401
        self._waiting.popleft()
        return work(*args, **kwargs)

    def _enter(self) -> None:
        _here.pool = self


class Turnstile(ThreadPoolExecutor):
    """Runs calls that are too many, which find out by `refuse_too_many`."""

    def __init__(self, most_waiting: int) -> None:
        """Let so many wait for the threads of each pool."""
        super().__init__(_TURNING_AWAY, "turn-away", self._enter)
        self.most_waiting = most_waiting

    @staticmethod
    def _enter() -> None:
        _here.turns_away = True


def refuse_too_many() -> None:
    """Refuse the call at hand if it came when too many others waited."""
    if getattr(_here, "turns_away", False):
        raise Overloaded(retry_after=_COME_BACK)


def current() -> Pool | None:
    """Give the pool whose thread this is."""
    return getattr(_here, "pool", None)
