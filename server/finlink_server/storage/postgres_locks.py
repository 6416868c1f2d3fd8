"""Locks by name: what keeps the rules where several transactions write at once.

Each is at READ COMMITTED. Locks (`pg_advisory_xact_lock`) are asked for as a transaction
begins and held until it has ended. The hierarchy, from the top down:

    kinds of signing keys (ACCOUNT, SESSION, LINK)
      accounts
        apps
          secrets, Link tokens, endpoints
            (sessions, Links and deliveries have none: who writes them holds the above)

Whoever decides about something takes its lock, and shares those of its parents. So
whoever ends a parent is alone with all that hangs on it, and nothing living is made under
what has ended; while what only needs its parents to stay does not wait for its siblings.
Beside the hierarchy stand names that nothing hangs on: a request_id, an e-mail, what is
counted, what one process at a time does.

Nobody waits for another in a circle: a transaction asks for all its locks at once, in
the order of their numbers, before it touches a row; what touches rows of others (purges,
claims) steps over those that are locked; and the lock of the journal comes last, after
which nobody asks for anything.
"""

from collections.abc import Collection
from hashlib import blake2b
from math import ceil
from typing import Final

from finlink_server import deadline
from finlink_server.storage.connections import LONGEST_WAIT

# Advisory locks of two numbers are apart from those of one, which are made of names.
FAMILY: Final = 0x46696E6C  # "Finl"
_COLUMNS: Final = 1000  # of one statement; 1664 are its limit


def opening_with(names: Collection[str], parents: Collection[str]) -> str:
    """What a transaction begins with: one message, with all its locks in order."""
    shared = {number_of(one): "_shared" for one in parents if one}
    wanted = sorted((shared | {number_of(one): "" for one in names if one}).items())
    statements = ["BEGIN ISOLATION LEVEL READ COMMITTED"]
    patience = deadline.remaining(LONGEST_WAIT)
    if wanted and patience < LONGEST_WAIT:
        statements.append(f"SET LOCAL lock_timeout = {ceil(patience * 1000) + 1}")  # after it
    # In one statement, from left to right: its time-out is that of all of them together.
    locks = [f"pg_advisory_xact_lock{how}({number})" for number, how in wanted]
    statements += [
        f"SELECT {', '.join(locks[first : first + _COLUMNS])}"
        for first in range(0, len(locks), _COLUMNS)
    ]
    return "; ".join(statements)


def number_of(name: str) -> int:
    """The number of a name: PostgreSQL locks nothing else."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
