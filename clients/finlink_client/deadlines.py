"""How long a call may take in all: its login, and being sent again."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

import grpc

from finlink_client.errors import DeadlineExceeded

Timeout = float | timedelta | None
_LONGEST: Final = 366 * 86_400.0  # seconds; locks and gRPC cannot count much further


class Deadline:
    """A moment by which a call has to be over."""

    def __init__(self, timeout: Timeout, default: float | timedelta) -> None:
        """Begin now. Raises ValueError for what is no time-out."""
        self._seconds = seconds_of(default if timeout is None else timeout)
        self._end = time.monotonic() + self._seconds

    def left(self) -> float:
        """Give the seconds that are left. Raises DeadlineExceeded when none are."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise self.exceeded()
        return seconds

    def exceeded(self) -> DeadlineExceeded:
        """Make the error that says so."""
        return DeadlineExceeded(
            grpc.StatusCode.DEADLINE_EXCEEDED, f"No answer came within {self._seconds:g} s."
        )


def seconds_of(timeout: float | timedelta) -> float:
    """Give a time-out in seconds. Raises ValueError unless it is above zero, and finite."""
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if not 0 < seconds <= _LONGEST:
        raise ValueError("A time-out must be above zero seconds, and a year at most.")
    return seconds
