"""Ids: a type prefix, `_`, and a UUIDv7, which is ordered by time (RFC 9562 §5.7).

The text form is that of the TypeID specification, version 0.3.
"""

import re
import secrets
from typing import Final

import uuid_utils
from typeid import TypeID

_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62
_STEPS: Final = 4096  # of a millisecond, in the 12 bits after the version


def new_id(prefix: str, now: int) -> str:
    """Make an id; `now` in microseconds since 1970.

    The library's own UUIDv7 is ordered by the millisecond. Lists are in the order
    of ids, and a program makes several things in a millisecond: the 12 bits after
    the version hold its fraction (RFC 9562 §6.2, method 3).
    """
    millis, rest = divmod(now, 1000)
    number = (
        millis << 80 | _VERSION | (rest * _STEPS // 1000) << 64 | _VARIANT | secrets.randbits(62)
    )
    return str(TypeID.from_uuid(uuid_utils.UUID(int=number), prefix))


def earliest(prefix: str, time: int) -> str:
    """The least id that can have been made at a time, to look for what was made since."""
    return str(TypeID.from_uuid(uuid_utils.UUID(int=(time // 1000) << 80), prefix))


def pattern(prefix: str) -> re.Pattern[str]:
    """The regular expression that matches a whole id: Crockford's base 32, 26 digits."""
    return re.compile(rf"{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}")
