"""The deadline of the call at hand.

It belongs to the call and not to any one function, so it travels in a context
variable: whoever is about to wait or to begin something costly asks here.
"""

import time
from contextvars import ContextVar

from finlink_server.errors import DeadlinePassed

_NEVER = float("inf")
_deadline: ContextVar[float] = ContextVar("deadline", default=_NEVER)


def begin(seconds: float | None) -> None:
    """Set the deadline of this call, in seconds from now; None: it has none."""
    _deadline.set(_NEVER if seconds is None else time.monotonic() + seconds)


def remaining(at_most: float) -> float:
    """How many seconds this call may still wait, but no more than `at_most`."""
    return min(at_most, max(0.0, _deadline.get() - time.monotonic()))


def check() -> None:
    """Refuse to go on when nobody waits for the answer any more."""
    if time.monotonic() >= _deadline.get():
        raise DeadlinePassed
