"""Threads for calls, and whether somebody waits for one."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

_A_MOMENT: Final = 0.1  # seconds; a burst of calls is through before
_T = TypeVar("_T")
_here = threading.local()


class Pool(ThreadPoolExecutor):
    """Knows whether calls wait for a thread, so that those who only hold one give way."""

    def __init__(self, threads: int, name: str) -> None:
        """Start threads when they are needed, and no more than so many."""
        super().__init__(threads, name, self._enter)
        self._waiting: deque[float] = deque()  # since when, the oldest first

    @property
    def is_crowded(self) -> bool:
        """Whether a call has been waiting for a thread for longer than a moment."""
        try:
            return self._waiting[0] + _A_MOMENT < time.monotonic()
        except IndexError:
            return False

    def submit(self, work: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:  # noqa: ANN401
        """Run it when a thread is free."""
        self._waiting.append(time.monotonic())
        return super().submit(self._run, work, *args, **kwargs)

    def _run(self, work: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:  # noqa: ANN401
        self._waiting.popleft()
        return work(*args, **kwargs)

    def _enter(self) -> None:
        _here.pool = self


def current() -> Pool | None:
    """Give the pool whose thread this is."""
    return getattr(_here, "pool", None)
