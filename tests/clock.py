"""A clock that tests move."""

import itertools
import threading
import time


class Clock:
    """Stands still but for one microsecond a look, so that what comes later is later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ticks = itertools.count(time.time_ns() // 1000)
        self._offset = 0

    def __call__(self) -> int:
        with self._lock:
            return next(self._ticks) + self._offset

    def advance(self, *, seconds: float = 0, hours: float = 0, days: float = 0) -> None:
        with self._lock:
            self._offset += round((seconds + 3600 * hours + 86_400 * days) * 1_000_000)

    def advance_to(self, moment: float) -> None:
        """Go to a time in seconds since 1970."""
        with self._lock:
            self._offset += max(0, round(moment * 1_000_000) - next(self._ticks) - self._offset)
