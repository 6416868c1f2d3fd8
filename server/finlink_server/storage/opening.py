"""From a URL to a database."""

from pathlib import Path
from typing import Final

from finlink_server.storage.database import Database, DatabaseError
from finlink_server.storage.sqlite import SqliteDatabase

POSTGRESQL: Final = "postgresql://"


def open_database(
    url: str, *, connections: int, is_patient: bool = False, only_reads: bool = False
) -> Database:
    """Open the database, making a SQLite file if there is none, unless this `only_reads`.

    PostgreSQL gives a process so many `connections`. `is_patient`: for commands, whose
    statements may take as long as they do.
    """
    if not url.startswith(POSTGRESQL):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")), only_reads=only_reads)
    try:
        # Here and not above: whoever has one machine installs no driver.
        from finlink_server.storage.postgres import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        message = (
            f"PostgreSQL needs a driver, and there is none ({error}). Install"
            " `finlink-config[server,postgres]`."
        )
        raise DatabaseError(message) from error
    return PostgresDatabase(url, connections=connections, is_patient=is_patient)
