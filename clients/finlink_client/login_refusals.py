"""Logins that were refused, which are not sent again at once: each counts as an attempt.

A wrong password or a revoked secret stays wrong, and whoever sends it with each call soon keeps
the right one out too, which the service then makes wait. But what is wrong today may be made
right tomorrow, so it is tried again, after a wait that grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Final

import grpc

from finlink_client.errors import FinlinkError

_FIRST_WAIT: Final = 1.0  # seconds; each is twice the one before
_LONGEST_WAIT: Final = 900.0  # seconds; the service lets nobody wait longer for a next attempt


class Refusals:
    """The last refusal of a login, and until when the same one would be in vain."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock."""
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Begin anew: a login succeeded, or there is another one."""
        self._last: FinlinkError | None = None
        self._wait = _FIRST_WAIT
        self.until = float("-inf")

    def note(self, failure: BaseException) -> None:
        """Remember a refusal; what else went wrong may be tried again at once."""
        if not isinstance(failure, FinlinkError):
            return
        if failure.code is grpc.StatusCode.UNAUTHENTICATED:
            seconds = self._wait
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        elif failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED and failure.retry_delay:
            seconds = failure.retry_delay.total_seconds()
        else:
            return
        self._last, self.until = failure, self._clock() + seconds

    def check(self) -> None:
        """Raise the last refusal while a login would be in vain."""
        left = ceil(self.until - self._clock()) if self._last is not None else 0
        if self._last is None or left <= 0:
            return
        told = self._last.message
        if self._last.retry_delay is not None:
            raise replace(self._last, retry_delay=timedelta(seconds=left))
        raise replace(self._last, message=f"{told} The login is tried again after {left} s.")
