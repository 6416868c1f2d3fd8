"""Where a watcher stands in the journal: sealed, so that nobody makes one up."""

import base64
import struct
from typing import Final

from finlink_server.crypto import SealBroken
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import CursorTooOld

_FORM: Final = struct.Struct(">qq")
_PLACE: Final = "cursor"
_OLDEST: Final = 3600 * MICROSECONDS
# Between the clocks of those who write the journal and of those who read it.
_SKEW: Final = 10 * MICROSECONDS
_TIME: Final = "SELECT time FROM journal WHERE seq = ?"


def write(env: Env, seq: int, read_time: int) -> str:
    """Give the cursor of the place after a row, where the journal ended at a time."""
    sealed = env.keyring.seal(_FORM.pack(seq, read_time), _PLACE)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read(env: Env, cursor: str) -> int:
    """Give the seq that a cursor names, if it is not of more than an hour ago."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        seq, read_time = _FORM.unpack(env.keyring.open(sealed, _PLACE))
    except (ValueError, SealBroken, struct.error) as error:
        raise CursorTooOld from error
    # In a backup that was restored there is no such row, or a later one in its place.
    row = env.database.execute(_TIME, seq).fetchone()
    if row is None or row[0] > read_time + _SKEW or read_time < env.now() - _OLDEST:
        raise CursorTooOld
    return int(seq)
