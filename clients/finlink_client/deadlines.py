"""How long a call may take in all: its login, and being sent again."""

from __future__ import annotations

import time
from datetime import timedelta

import grpc

from finlink_client.errors import DeadlineExceeded

Timeout = float | timedelta | None


class Deadline:
    """A moment by which a call has to be over."""

    def __init__(self, timeout: Timeout, default: float | timedelta) -> None:
        """Begin now. Raises ValueError unless the time-out is above zero."""
        given = default if timeout is None else timeout
        self._seconds = given.total_seconds() if isinstance(given, timedelta) else given
        if not self._seconds > 0:
            raise ValueError("A time-out must be above zero seconds.")
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
