"""Which master key seals, and which HMAC keys outlive theirs: what the database says of it.

Until its master key is rotated for the first time, a database says no more than that key's
id: everything follows from the key. From then on it also keeps, sealed with the key that
seals, the keys of HMACs that must stay and those of every epoch of the journal.
"""

import base64
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import structlog

from finlink_server import key_file
from finlink_server.crypto import (
    AuditKeys,
    Keyring,
    MasterKey,
    MasterKeyError,
    SealBroken,
    Standing,
    open_with,
    seal_with,
)
from finlink_server.env import Env
from finlink_server.errors import DatabaseUnavailable
from finlink_server.storage.database import Database
from finlink_server.storage.feed import Row

_NAME: Final = "master keys"
EVENTS: Final = "master_key."
_ID: Final = "master_key_id"
_KEYS: Final = "master_keys"
_PLACE: Final = "property.master_keys"
_READ: Final = "SELECT key, value FROM property WHERE key IN (?, ?)"
_SET: Final = (
    "INSERT INTO property (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_READ_AGAIN_AFTER: Final = 1.0  # seconds; whoever sends made-up tokens has no file read for each
_log = structlog.get_logger("master key")


class NotHeld(MasterKeyError):  # noqa: N818 - reads as what is so
    """The database needs a master key that is not in the file."""


def read(database: Database, keyring: Keyring) -> Standing | None:
    """Read where a database stands; None if it is new. NotHeld if it cannot be read."""
    facts = dict(database.execute(_READ, _ID, _KEYS).fetchall())
    if _ID not in facts:
        return None
    master = keyring.find(facts[_ID])
    if master is None:
        raise NotHeld(facts[_ID])
    if _KEYS not in facts:
        return Standing.first(master)
    return _unpack(master, facts[_KEYS])


def write(database: Database, master: MasterKey, standing: Standing) -> None:
    """Write where a database stands from now on, in a transaction of the caller's."""
    database.execute(_SET, _ID, standing.id)
    if len(standing.epochs) > 1:  # else there is nothing that does not follow from the key
        database.execute(_SET, _KEYS, _pack(master, standing))


def open_ring(database: Database, keyring: Keyring, path: Path, *, is_new: bool) -> None:
    """Let a ring go by what the database says, in a transaction; a new one has its first key."""
    if not adopt(database, keyring, path):
        if not is_new:
            raise MasterKeyError(_another_key(database, keyring, path, "none that it knows of"))
        write(database, keyring.masters[0], keyring.standing)


def adopt(database: Database, keyring: Keyring, path: Path) -> bool:
    """Let a ring go by what the database says, if it says anything; MasterKeyError if it cannot."""
    try:
        standing = read(database, keyring)
    except NotHeld as missing:
        raise MasterKeyError(_another_key(database, keyring, path, str(missing))) from missing
    if standing is None:
        return False
    if standing.rotating_from and keyring.find(standing.rotating_from) is None:
        message = (
            f"The master key of {database.name} is being replaced, and {standing.rotating_from},"
            f" with which values may still be sealed, is not in {path}. Put its line back, after"
            " the new key's, and finish with `finlink-server master-key rotate`."
        )
        raise MasterKeyError(message)
    keyring.adopt(standing)
    return True


def _another_key(database: Database, keyring: Keyring, path: Path, sealed_with: str) -> str:
    held = " and ".join(master.id for master in keyring.masters)
    return (
        f"The master key at {path} is {held}, but the database {database.name} was sealed with"
        f" {sealed_with}. Set FINLINK_MASTER_KEY_FILE to the file that holds that one; if it was"
        " replaced by `finlink-server master-key rotate`, bring the file of the machine where that"
        " was done."
    )


@dataclass
class Learner:
    """Keeps a ring to what the database says, while others may replace the master key."""

    database: Database
    keyring: Keyring
    path: Path
    problem: str = ""  # why this process cannot seal or open any more
    _read_at: float = float("-inf")
    _begins_anew: bool = False
    _held_file: tuple[int, int] | None = None  # which file's keys are held, and no others
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def apply(self, rows: Sequence[Row]) -> None:
        """Look again when the journal tells of the master key."""
        if any(row.type.startswith(EVENTS) for row in rows):
            self.keyring.is_stale = True

    def clear(self) -> None:
        """Look again: the database may have been put back."""
        with self._lock:
            self._begins_anew = self.keyring.is_stale = True

    def learn(self) -> None:
        """Go by what the database says now; DatabaseUnavailable while its key is missing."""
        while not self._learn_once():
            pass

    def _learn_once(self) -> bool:
        """Whether nobody else has learned something while this was read."""
        with self._lock:
            before, begins_anew = self.keyring.standing, self._begins_anew
            self.keyring.is_stale = self._begins_anew = False
        try:
            standing = self._read()
            with self._lock:
                is_first = self.keyring.standing is before
                # A snapshot from before may be what was read: then it is known already.
                if is_first and (begins_anew or standing.revision > before.revision):
                    self.keyring.adopt(standing)
        except BaseException:
            with self._lock:
                self._begins_anew |= begins_anew
                self.keyring.is_stale = True
            raise
        self.problem = ""
        return is_first

    def drop(self) -> None:
        """Hold only what the file names, when it was changed and nothing needs the others."""
        if self.keyring.standing.rotating_from:
            return
        try:
            status = self.path.stat()
            file = status.st_mtime_ns, status.st_ino
            if file == self._held_file:
                return
            masters = key_file.load(self.path).masters
        except (OSError, MasterKeyError):
            return  # half written, or away; it is looked at again
        with self._lock:
            standing = self.keyring.standing
            names_it = standing.id in {master.id for master in masters}
            if names_it and not self.keyring.is_stale and not standing.rotating_from:
                self.keyring.hold(masters)
                self._held_file = file

    def _read(self) -> Standing:
        try:
            standing = read(self.database, self.keyring)
        except NotHeld as missing:
            self._read_file(str(missing))
            standing = read(self.database, self.keyring)
        if standing is None:
            raise DatabaseUnavailable
        return standing

    def _read_file(self, wanted: str) -> None:
        """Read the keys anew, of which one is needed that is not there."""
        if self.problem and time.monotonic() - self._read_at < _READ_AGAIN_AFTER:
            raise DatabaseUnavailable
        self._read_at = time.monotonic()
        try:
            masters = key_file.load(self.path).masters
            problem = f"{self.path} does not hold master key {wanted}, which seals now"
        except MasterKeyError as error:
            masters, problem = [], str(error)
        held = {master.id for master in masters}
        if wanted not in held:
            if problem != self.problem:
                remedy = "Put its line into the file, before the others; no restart is needed"
                _log.error("missing", problem=problem, remedy=remedy)
            self.problem = problem
            raise DatabaseUnavailable
        with self._lock:
            kept = [master for master in self.keyring.masters if master.id not in held]
            self.keyring.hold([*masters, *kept])
            self._held_file = None


def follow(env: Env, path: Path) -> None:
    """Let this process go by what the database says, whatever that comes to say."""
    learner = env.memory[_NAME] = keep_up(env, path)
    env.feed.follow(learner)
    env.keyring.is_stale = True  # something may have happened since it was read


def keep_up(env: Env, path: Path) -> Learner:
    """Let a ring look again where it meets a key that it does not hold."""
    learner = Learner(env.database, env.keyring, path)
    env.keyring.learn = learner.learn
    return learner


def problem(env: Env) -> str:
    """Look whether the master key was replaced, and what its file holds by now.

    Says why this process cannot work any more, if so.
    """
    env.feed.refresh()
    learner: Learner = env.memory[_NAME]
    if env.keyring.is_stale:
        with suppress(DatabaseUnavailable):
            learner.learn()
    learner.drop()
    return learner.problem


def rotated(standing: Standing, master: MasterKey) -> Standing:
    """Where a database stands when another key has begun to seal."""
    return replace(
        standing,
        epochs=(*standing.epochs, master.audit),
        revision=standing.revision + 1,
        rotating_from=standing.id,
    )


def finished(standing: Standing) -> Standing:
    """Where it stands when nothing is sealed with the key before any more."""
    return replace(standing, revision=standing.revision + 1, rotating_from="")


def _pack(master: MasterKey, standing: Standing) -> str:
    told = {
        "revision": standing.revision,
        "rotating_from": standing.rotating_from,
        "lookup": {purpose: key.hex() for purpose, key in standing.lookup.items()},
        "epochs": [[one.master_id, *(key.hex() for key in one[1:])] for one in standing.epochs],
    }
    return base64.b64encode(seal_with(master, json.dumps(told).encode(), _PLACE)).decode()


def _unpack(master: MasterKey, packed: str) -> Standing:
    try:
        told: dict[str, Any] = json.loads(open_with(master, base64.b64decode(packed), _PLACE))
    except (SealBroken, ValueError) as error:
        message = (
            f"The property {_KEYS} of the database was altered, or is not of its master key"
            f" {master.id}. Restore a backup."
        )
        raise MasterKeyError(message) from error
    return Standing(
        {purpose: bytes.fromhex(key) for purpose, key in told["lookup"].items()},
        tuple(AuditKeys(one, *map(bytes.fromhex, keys)) for one, *keys in told["epochs"]),
        told["revision"],
        told["rotating_from"],
    )
