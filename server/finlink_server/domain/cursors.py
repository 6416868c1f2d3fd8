"""Where a watcher stands in the journal: sealed, so that nobody makes one up."""

import base64
import struct
from hashlib import blake2b
from typing import Final

from finlink_server.crypto import SealBroken
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import CursorTooOld
from finlink_server.storage.feed import Place

_FORM: Final = struct.Struct(">qq3s")  # 64 characters have room for a hash of the id
_PLACE: Final = "cursor"
_OLDEST: Final = 3600 * MICROSECONDS
_ID: Final = "SELECT id FROM journal WHERE seq = ?"


def write(env: Env, place: Place, read_time: int) -> str:
    """Give the cursor of a place, where the journal ended at a time."""
    sealed = env.keyring.seal_briefly(_FORM.pack(place.seq, read_time, _hash(place.id)), _PLACE)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read(env: Env, cursor: str) -> Place:
    """Give the place that a cursor names, if it is not of more than an hour ago."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        seq, read_time, known = _FORM.unpack(env.keyring.open(sealed, _PLACE))
    except (ValueError, SealBroken, struct.error) as error:
        raise CursorTooOld from error
    # In a database that was put back there is no such row, or another in its place.
    row = env.database.execute(_ID, seq).fetchone()
    if row is None or _hash(row[0]) != known or read_time < env.now() - _OLDEST:
        raise CursorTooOld
    return Place(seq, row[0])


def _hash(row_id: str) -> bytes:
    return blake2b(row_id.encode(), digest_size=3).digest()
