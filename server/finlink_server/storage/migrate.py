"""Brings the database to the schema that this version of the code needs."""

from pathlib import Path
from typing import Final

from playhouse.migrations import Runner

from finlink_server.storage.database import Database, DatabaseError

_DIRECTORY = Path(__file__).parent / "migrations"
# The oldest version that can go on with the schema of this one, by its newest migration. Move
# it only when a migration is made that older servers cannot work with: until it is moved, one
# version after the other can be started on this schema, and an upgrade can be taken back. That
# migration writes its name into the property `readable_since` itself: in its transaction, so
# that whoever is killed after it leaves no schema that an older version takes for its own.
READABLE_SINCE: Final = "0006_sealed_only_with"
_READABLE_SINCE: Final = "readable_since"  # where the database keeps that
_SET: Final = (
    "INSERT INTO property (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO NOTHING"  # another process was faster
)
_GET: Final = "SELECT value FROM property WHERE key = ?"


def migrate(database: Database) -> list[str]:
    """Apply what is missing, and give the names of what was applied.

    A newer version's schema is left as it is, if that version said that this one can read it.

    The caller holds `preparing`: the runner itself would let two starters crash
    into each other.
    """
    runner = Runner(database.peewee, str(_DIRECTORY))
    _refuse_newer(database, runner)
    applied: list[str] = runner.up()
    return applied


def tell_readable(database: Database) -> None:
    """Keep in the database which versions can go on with it; not in one that is to be a copy."""
    if database.execute(_GET, _READABLE_SINCE).fetchone() is None:
        with database.transaction([_READABLE_SINCE]):
            database.execute(_SET, _READABLE_SINCE, READABLE_SINCE)


def pending(database: Database) -> list[str]:
    """The names of migrations that were not applied yet."""
    runner = Runner(database.peewee, str(_DIRECTORY))
    _refuse_newer(database, runner)
    return [step.name for step in runner.status() if not step.applied]


def refuse_older(database: Database) -> None:
    """Refuse a database that waits for migrations: others may be serving from it as it is."""
    waiting = pending(database)
    if waiting:
        message = (
            f"The database {database.name} is not this version's ({', '.join(waiting)} to be"
            f" applied). {database.remedy}"
        )
        raise DatabaseError(message)


def _refuse_newer(database: Database, runner: Runner) -> None:
    steps = runner.status()
    unknown = [step.name for step in steps if step.path is None]
    if unknown and not _is_readable(database, max(step.name for step in steps if step.path)):
        message = (
            f"The database {database.name} was migrated by a newer version of this service"
            f" ({', '.join(unknown)}). Start that version."
        )
        raise DatabaseError(message)


def _is_readable(database: Database, newest: str) -> bool:
    """Whether the newer version that migrated the database said that this one can go on."""
    found = database.execute(_GET, _READABLE_SINCE).fetchone()
    return found is not None and found[0] <= newest
