"""Brings the database to the schema that this version of the code needs."""

from pathlib import Path

from playhouse.migrations import Runner

from finlink_server.storage.database import Database, DatabaseError

_DIRECTORY = Path(__file__).parent / "migrations"


def migrate(database: Database) -> list[str]:
    """Apply what is missing, and give the names of what was applied.

    The caller holds `preparing`: the runner itself would let two starters crash
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
            f"The database {database.name} is not this version's ({', '.join(waiting)} to be"
            f" applied). {database.remedy}"
        )
        raise DatabaseError(message)


def _refuse_newer(database: Database, runner: Runner) -> None:
    unknown = [step.name for step in runner.status() if step.path is None]
    if unknown:
        message = (
            f"The database {database.name} was migrated by a newer version of this service"
            f" ({', '.join(unknown)}). Start that version."
        )
        raise DatabaseError(message)
