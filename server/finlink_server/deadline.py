"""The deadline of the call at hand.

It belongs to the call and not to any one function, so it travels in a context
variable: whoever is about to wait or to begin something costly asks here.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar

from finlink_server.errors import DeadlinePassed

_NEVER = float("inf")
_deadline: ContextVar[float] = ContextVar("deadline", default=_NEVER)
_is_there: ContextVar[Callable[[], bool] | None] = ContextVar("is_there", default=None)


class CallerGone(Exception):  # noqa: N818 - an end, not a defect
    """Nobody waits for the answer any more: the call was cancelled."""


def begin(seconds: float | None, is_there: Callable[[], bool] | None = None) -> None:
    """Set the deadline of this call, in seconds from now; None: it has none.

    `is_there` says whether the caller still waits.
    """
    _deadline.set(_NEVER if seconds is None else time.monotonic() + seconds)
    _is_there.set(is_there)


def unless_given(seconds: float) -> None:
    """Set a deadline for a call that came with none."""
    if _deadline.get() == _NEVER:
        _deadline.set(time.monotonic() + seconds)


def remaining(at_most: float) -> float:
    """How many seconds this call may still wait, but no more than `at_most`."""
    return min(at_most, max(0.0, _deadline.get() - time.monotonic()))


def check() -> None:
    """Refuse to go on when nobody waits for the answer any more."""
    if time.monotonic() >= _deadline.get():
        raise DeadlinePassed


def check_caller() -> None:
    """The same, for what takes long: refuse to go on also when the caller has hung up."""
    check()
    is_there = _is_there.get()
    if is_there and not is_there():
        raise CallerGone
