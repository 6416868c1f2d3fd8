"""Replacing the master key while others serve.

First the database says which key seals from now on; every process follows, for it reads
the journal, and the journal's own heads tell it. Then everything that was sealed before is
sealed anew. Then nothing that is sealed with another key can be written any more, by
whatever process that was asleep meanwhile, and what slipped in before is sealed anew. At
last nothing needs the key before, and the database says so.

It can be broken off at any place, and goes on when it is begun again.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from finlink_server.crypto import MasterKey, MasterKeyError, Standing
from finlink_server.domain import journal, master_keys
from finlink_server.domain.caller import Caller
from finlink_server.domain.resealing import Resealing, Tally
from finlink_server.env import Env
from finlink_server.storage.database import DatabaseError

LOCK: Final = "master-key-rotation"  # of the process that rotates
_FACTS: Final = "master-keys"  # of what the database says of them
# All who serve look at the journal ten times in that, and seal where they write.
_FOLLOW: Final = 2.0  # seconds
_LOOK_EVERY: Final = 0.1  # seconds
_LONGEST_WAIT: Final = 60.0  # seconds, for transactions of others
_MOST_LOOKS: Final = 100
_AGAIN: Final = "Then run this again: it goes on."
_ONLY_WITH: Final = "sealed_only_with"
_ONLY_WITH_IN_BASE64: Final = "sealed_only_with_in_base64"
_SET: Final = (
    "INSERT INTO property (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_KEPT_OUT: Final = "SELECT key, value FROM property WHERE key IN (?, ?)"
_FORGET: Final = "DELETE FROM property WHERE key IN (?, ?)"


@dataclass(frozen=True)
class Progress:
    """How to tell what is being done, and how to wait."""

    say: Callable[[str], None]
    tell: Callable[[str, int], None]
    rest: Callable[[float], None] = time.sleep


def begin(env: Env, caller: Caller, master: MasterKey) -> None:
    """Let this key seal from now on, here and wherever the database is served."""
    before = env.keyring.standing
    if master.id in {one.master_id for one in before.epochs}:
        message = f"Master key {master.id} was replaced before. Rotate to one that was never used."
        raise MasterKeyError(message)
    standing = master_keys.rotated(before, master)
    try:
        with env.transaction(_FACTS):
            _expect(env, before)
            env.database.execute(_FORGET, _ONLY_WITH, _ONLY_WITH_IN_BASE64)
            master_keys.write(env.database, master, standing)
            env.keyring.adopt(standing)  # the journal's row is the first of the new epoch
            journal.write(env, caller, "master_key.rotation_started", master.id, replaces=before.id)
    except BaseException:
        env.keyring.adopt(before)
        raise


def go_on(env: Env, caller: Caller, progress: Progress) -> Tally:
    """Do all that is left to do of a rotation that was begun."""
    progress.say("Waiting until all servers seal with the new key.")
    progress.rest(_FOLLOW)
    env.database.overwrite()
    resealing = Resealing(env, progress.tell, progress.rest)
    progress.say("Sealing anew what was sealed before, while others serve.")
    resealing.seal_all()
    resealing.authenticate_all()
    _keep_out_others(env)
    _wait_for_writers(env, progress)
    progress.say("Looking whether everything opens with the new key alone.")
    _look_until_all_is_sealed(resealing, progress)
    finish(env, caller)
    env.database.overwrite()
    return resealing.tally


def finish(env: Env, caller: Caller) -> None:
    """Say that nothing needs the key before any more."""
    before = env.keyring.standing
    standing = master_keys.finished(before)
    with env.transaction(_FACTS):
        _expect(env, before)
        kept_out = env.database.execute(_KEPT_OUT, _ONLY_WITH, _ONLY_WITH_IN_BASE64).fetchall()
        if dict(kept_out) != _marks(before):
            raise _somebody_else()
        master_keys.write(env.database, env.keyring.sealing, standing)
        journal.write(env, caller, "master_key.rotated", before.id, replaces=before.rotating_from)
    env.keyring.adopt(standing)


def _keep_out_others(env: Env) -> None:
    standing = env.keyring.standing
    with env.transaction(_FACTS):
        _expect(env, standing)
        for key, mark in _marks(standing).items():
            env.database.execute(_SET, key, mark)


def _marks(standing: Standing) -> dict[str, str]:
    """What the database is told, for it to keep out what is sealed with any other key."""
    mark = standing.mark(standing.id)
    return {_ONLY_WITH: mark.hex(), _ONLY_WITH_IN_BASE64: base64.b64encode(mark).decode()}


def _expect(env: Env, standing: Standing) -> None:
    """Refuse, in a transaction, a database that does not stand where this process took it to."""
    try:
        found = master_keys.read(env.database, env.keyring)
    except MasterKeyError:
        found = None
    if found != standing:
        raise _somebody_else()


def _somebody_else() -> DatabaseError:
    message = (
        "The database was put back, or somebody else rotated its key, meanwhile. Run this again."
    )
    return DatabaseError(message)


def _wait_for_writers(env: Env, progress: Progress) -> None:
    """Wait for those who may have written before others were kept out, and not committed yet."""
    writers = env.database.writers_now()
    until = time.monotonic() + _LONGEST_WAIT
    while not env.database.have_ended(writers):
        if time.monotonic() > until:
            message = f"A transaction from before stays open: see pg_stat_activity. {_AGAIN}"
            raise DatabaseError(message)
        progress.rest(_LOOK_EVERY)


def _look_until_all_is_sealed(resealing: Resealing, progress: Progress) -> None:
    for _ in range(_MOST_LOOKS):
        before = resealing.tally.rows
        resealing.seal_all()
        if resealing.tally.rows == before and not resealing.tally.left:
            return
        progress.rest(_LOOK_EVERY)
    raise DatabaseError(f"Rows stay locked by others. See what holds them. {_AGAIN}")
