"""Ids: a type prefix, `_`, and a UUIDv7, which is ordered by time (RFC 9562 §5.7).

The text form is that of the TypeID specification, version 0.3.
"""

import re

import uuid_utils
from typeid import TypeID

_NANOSECONDS = 1000  # in a microsecond


def new_id(prefix: str, now: int) -> str:
    """Make an id; `now` in microseconds since 1970."""
    return str(TypeID.from_uuid(uuid_utils.uuid7(nanoseconds=now * _NANOSECONDS), prefix))


def pattern(prefix: str) -> re.Pattern[str]:
    """The regular expression that matches a whole id: Crockford's base 32, 26 digits."""
    return re.compile(rf"{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}")
