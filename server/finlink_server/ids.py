"""Ids: a type prefix, `_`, and a UUIDv7, which is ordered by time (RFC 9562 §5.7).

The text form is that of the TypeID specification, version 0.3.
"""

import os
import random
import re
from typing import Final

_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62
_STEPS: Final = 4096  # of a millisecond, in the 12 bits after the version
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [high + low for high in _DIGITS for low in _DIGITS]
_SHIFTS: Final = range(120, -1, -10)

# Not the one that everybody shares, and may seed.
_random: Final = random.Random()  # noqa: S311 - ids are no secrets
os.register_at_fork(after_in_child=_random.seed)


def new_id(prefix: str, now: int) -> str:
    """Make an id; `now` in microseconds since 1970.

    The library's own UUIDv7 is ordered by the millisecond. Lists are in the order
    of ids, and a program makes several things in a millisecond: the 12 bits after
    the version hold its fraction (RFC 9562 §6.2, method 3). The rest is of a generator
    that is seeded by the operating system, and does not ask it for each id: that would
    let another thread go first.
    """
    millis, rest = divmod(now, 1000)
    return _text(
        prefix,
        millis << 80
        | _VERSION
        | (rest * _STEPS // 1000) << 64
        | _VARIANT
        | _random.getrandbits(62),
    )


def earliest(prefix: str, time: int) -> str:
    """The least id that can have been made at a time, to look for what was made since."""
    return _text(prefix, (time // 1000) << 80)


def _text(prefix: str, number: int) -> str:
    """Write 128 bits as 26 digits of Crockford's base 32, the first of which is below 8."""
    return f"{prefix}_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def pattern(prefix: str) -> re.Pattern[str]:
    """The regular expression that matches a whole id: Crockford's base 32, 26 digits."""
    return re.compile(rf"{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}")
