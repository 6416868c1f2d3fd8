"""When a delivery is tried: the attempts of ten, each later than the one before."""

import random
from typing import Final

from finlink_server.env import MICROSECONDS

_MINUTE: Final = 60
_HOUR: Final = 3600
# Seconds from one attempt to the next; the first is made at once.
STEPS: Final = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
MOST_ATTEMPTS: Final = len(STEPS) + 1
# Added at random, as a part of the step: what failed together is not tried together.
_JITTER: Final = 0.1
# An endpoint of which every attempt failed for so long is disabled.
GIVE_UP_AFTER: Final = 5 * 24 * _HOUR * MICROSECONDS
# Between two attempts at an endpoint that fails, whatever waits for it.
HOLD: Final = 1 * MICROSECONDS
# To whom HTTP's Retry-After applies (RFC 9110 §10.2.3).
_ASK_FOR_PATIENCE: Final = (429, 503)


def next_time(now: int, failures: int, status: int | None, retry_after: int | None) -> int | None:
    """When to try again after so many failures of a delivery; None: not again."""
    if failures >= MOST_ATTEMPTS:
        return None
    step = STEPS[failures - 1] * MICROSECONDS
    later = now + step + int(step * random.uniform(0, _JITTER))  # noqa: S311 - spreads load
    return max(later, hold_until(now, status, retry_after))


def hold_until(now: int, status: int | None, retry_after: int | None) -> int:
    """Until when a failing endpoint is left alone."""
    asked = retry_after if retry_after and status in _ASK_FOR_PATIENCE else 0
    return now + max(HOLD, asked * MICROSECONDS)
