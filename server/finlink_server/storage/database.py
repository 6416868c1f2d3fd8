"""The database: opening it, and one way to write to it.

SQLite in WAL mode with `synchronous=FULL`: what was committed is on the disk. A
connection for each thread, kept open, to read with. Every write transaction begins
IMMEDIATE, on one connection of the process (see `writer`), behind one lock: SQLite's
own busy handler is a lottery in which one thread can wait for seconds.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import peewee
import pysqlite3 as sqlite_driver  # which Peewee then uses too; it brings a sound SQLite

from finlink_server.errors import DatabaseBusy, DatabaseUnavailable, Refusal
from finlink_server.storage.schema import MODELS
from finlink_server.storage.writer import Writer

_BUSY_SECONDS: Final = 5.0
_MIB: Final = 1024 * 1024
# SQLite before these could corrupt a WAL database that several connections
# write (sqlite.org/wal.html, "the WAL-reset bug").
_SOUND: Final = (3, 51, 3)
_SOUND_BACKPORTS: Final = ((3, 50, 7), (3, 44, 6))
# What Peewee raises, and the driver under it. `execute` lets the second one through.
DRIVER_ERRORS: Final = (peewee.PeeweeException, sqlite_driver.Error)


class DatabaseError(Exception):
    """The database cannot be used; the text says why and what to do."""


class Database:
    """One SQLite database, bound to the models."""

    def __init__(self, path: Path) -> None:
        """Open the database, making the file if there is none."""
        check_sqlite(sqlite_version())
        self.path = path
        self.peewee = peewee.SqliteDatabase(
            str(path),
            pragmas={
                "journal_mode": "wal",
                "synchronous": "full",
                "foreign_keys": 1,
                "busy_timeout": int(_BUSY_SECONDS * 1000),
                "journal_size_limit": 64 * _MIB,
            },
            timeout=_BUSY_SECONDS,
            check_same_thread=False,  # the writer's goes from hand to hand
        )
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.peewee.connect()
            self._writer = Writer(self.peewee, path)
        except (OSError, peewee.PeeweeException) as error:
            message = f"The database {path} cannot be opened: {error}."
            raise DatabaseError(message) from error
        self.peewee.bind(MODELS)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write, all or nothing. Waits for its turn as long as the call may."""
        with self._writer.transaction():
            yield

    def execute(self, sql: str, *parameters: object) -> Any:  # noqa: ANN401 - a driver's cursor
        """Run one statement, with `?` for each parameter."""
        return self.peewee.execute_sql(sql.replace("?", self.peewee.param), parameters)

    def among(self, sql: str, values: Collection[object], *more: object) -> list[Any]:
        """Run a query with `(...)` for a list of values, which comes before other parameters."""
        listed = f"({', '.join('?' * len(values))})"
        return list(self.execute(sql.replace("(...)", listed), *values, *more).fetchall())

    def write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row, its parameters. Call it inside a transaction."""
        self.peewee.cursor().executemany(sql.replace("?", self.peewee.param), rows)

    @property
    def in_transaction(self) -> bool:
        """Whether this thread sees what is not committed yet."""
        return bool(self.peewee.in_transaction())

    def is_empty(self) -> bool:
        """Whether nothing was ever made in it."""
        return not self.peewee.get_tables()

    def close(self) -> None:
        """Close this thread's connection; the others end with their threads."""
        self.peewee.close()

    def end(self) -> None:
        """Close what is left, when nobody writes any more."""
        self.close()
        self._writer.close()


def connect_reader(path: Path) -> Any:  # noqa: ANN401 - the driver's connection
    """Open a connection that only reads, for whoever keeps its own order of threads."""
    connection = sqlite_driver.connect(str(path), check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA query_only = 1")
    return connection


def sqlite_version() -> tuple[int, ...]:
    """The version of the SQLite library that Peewee uses."""
    return tuple(int(part) for part in sqlite_driver.sqlite_version.split("."))


def check_sqlite(version: tuple[int, ...]) -> None:
    """Refuse a SQLite that can corrupt the database."""
    backport = any(version[:2] == fixed[:2] and version >= fixed for fixed in _SOUND_BACKPORTS)
    if version < _SOUND and not backport:
        message = (
            f"SQLite {'.'.join(map(str, version))} can corrupt a database that several connections"
            " write. Install `pysqlite3` 0.6 or newer, which brings a sound one."
        )
        raise DatabaseError(message)


def refusal_for(error: Exception) -> Refusal | None:
    """Translate a database error that waiting may cure; None for a defect of ours."""
    if not isinstance(error, (peewee.OperationalError, peewee.InterfaceError, sqlite_driver.Error)):
        return None
    text = str(error)
    if "locked" in text or "busy" in text:
        return DatabaseBusy()
    if "no such" in text or "syntax" in text:
        return None
    return DatabaseUnavailable()
