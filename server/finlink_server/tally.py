"""Counts what is too frequent for a log line each: one line a minute tells how often it was."""

import threading
import time
from collections import Counter
from typing import Final

import structlog

_EVERY: Final = 60.0  # seconds
_log = structlog.get_logger("tally")


class Tally:
    """Successes of the busiest methods since the last line."""

    def __init__(self) -> None:
        """Begin to count."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._since = time.monotonic()

    def add(self, method: str) -> None:
        """Count a call, and write the line when a minute is over."""
        with self._lock:
            self._counts[method] += 1
            if time.monotonic() - self._since < _EVERY:
                return
            counts, self._counts = self._counts, Counter()
            self._since = time.monotonic()
        _tell(counts)

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        _tell(counts)


def _tell(counts: Counter[str]) -> None:
    for method, count in counts.items():
        _log.info(
            "calls", method=method.rpartition("finlink.config.v1.")[2], code="OK", count=count
        )
