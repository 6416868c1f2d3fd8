"""Brings the database to the schema that this version of the code needs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from finlink_server.storage.database import Database, DatabaseError

_DIRECTORY = Path(__file__).parent / "migrations"


def migrate(database: Database) -> list[str]:
    """Apply what is missing, and give the names of what was applied.

    The caller holds `exclusive`: the runner itself would let two starters crash
    into each other.
    """
    runner = Runner(database.peewee, str(_DIRECTORY))
    _refuse_newer(database, runner)
    applied: list[str] = runner.up()
    return applied


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
            f"The database {database.path} is not this version's ({', '.join(waiting)} to be"
            " applied). Start the server anew; it migrates before it serves."
        )
        raise DatabaseError(message)


def _refuse_newer(database: Database, runner: Runner) -> None:
    unknown = [step.name for step in runner.status() if step.path is None]
    if unknown:
        message = (
            f"The database {database.path} was migrated by a newer version of this service"
            f" ({', '.join(unknown)}). Start that version."
        )
        raise DatabaseError(message)


@contextmanager
def exclusive(database: Database) -> Iterator[None]:
    """Let one starter at a time prepare the database.

    A lock file beside it: SQLite's own files are never opened but by SQLite, for
    closing them would drop its locks. The kernel frees the lock when its holder
    dies.
    """
    with database.path.with_name(database.path.name + ".migrate-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
