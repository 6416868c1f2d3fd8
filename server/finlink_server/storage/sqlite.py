"""SQLite: one file, one machine, no administrator.

SQLite in WAL mode with `synchronous=FULL`: what was committed is on the disk. A
connection for each thread, kept open, to read with. Every write transaction begins
IMMEDIATE, on one connection of the process (see `writer`), behind one lock: SQLite's
own busy handler is a lottery in which one thread can wait for seconds. So there is one
writer at a time, and locks of rows are nobody's concern.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import peewee
import pysqlite3 as sqlite_driver  # which Peewee then uses too; it brings a sound SQLite

from finlink_server.storage.database import (
    DRIVER_ERRORS,
    Database,
    DatabaseError,
    Entry,
    Parents,
    Rows,
    Statement,
    at_it_already,
)
from finlink_server.storage.sqlite_feed import SqliteFeed
from finlink_server.storage.writer import Writer

_BUSY_SECONDS: Final = 5.0
_UNREADABLE: tuple[type[Exception], ...] = (UnicodeEncodeError, *DRIVER_ERRORS)
_SHORTLY: Final = 50  # ms
_MIB: Final = 1024 * 1024
# SQLite before these could corrupt a WAL database that several connections
# write (sqlite.org/wal.html, "the WAL-reset bug").
_SOUND: Final = (3, 51, 3)
_SOUND_BACKPORTS: Final = ((3, 50, 7), (3, 44, 6))


class SqliteDatabase(Database):
    """One SQLite database."""

    remedy = "Start the server anew; it migrates before it serves."
    _writer: Writer | None = None  # of whoever only reads

    def __init__(self, path: Path, *, only_reads: bool = False) -> None:
        """Open the database, making the file if there is none; or to read what is there."""
        check_sqlite(sqlite_version())
        if only_reads:
            self.path, self.name = path, str(path)
            self.peewee = peewee.SqliteDatabase(reading_uri(path), uri=True)
            self.peewee.connect()
            return
        self.path = path
        self.name = str(path)
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

    @contextmanager
    def transaction(self, locks: Collection[str] = (), under: Parents = ()) -> Iterator[None]:
        """Write, all or nothing. Waits for its turn as long as the call may."""
        del locks, under  # there is one writer at a time
        assert self._writer  # noqa: S101 - for the type checker
        with self._writer.transaction():
            yield

    def append(self, entry: Entry) -> None:
        """Write a row of the journal, in a transaction."""
        self._write(entry)

    def append_now(self, entry: Entry) -> int:
        """The same, for whom needs the row's seq before the transaction ends."""
        return int(self._write(entry)[0][0][0])

    def read(self, sql: str, *parameters: object) -> Rows:
        """Run a query over rows in which anything may stand: text too that is no UTF-8.

        That comes with surrogates (PEP 383), and goes so into a query for more of its kind.
        """
        try:
            return super().read(sql, *parameters)
        except _UNREADABLE as error:
            if not isinstance(error, UnicodeEncodeError) and "decode" not in str(error):
                raise
        is_text = [isinstance(value, str) for value in parameters]
        marks = ["CAST(? AS TEXT)" if text else "?" for text in is_text]
        values = [
            str(value).encode(errors="surrogateescape") if text else value
            for value, text in zip(parameters, is_text, strict=True)
        ]
        connection = self.peewee.connection()
        connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        try:
            return super().read(sql.replace("?", "{}").format(*marks), *values)
        finally:
            connection.text_factory = str

    def lock_journal(self) -> None:
        """Nothing: there is one writer at a time."""

    def version(self) -> object:
        """What differs once anything was committed by another connection."""
        return self.execute("PRAGMA data_version").fetchone()[0]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let this thread read one moment, whatever others commit meanwhile."""
        self.execute("BEGIN")
        try:
            self.execute(
                "SELECT 1 FROM property LIMIT 1"
            ).fetchall()  # the moment is that of a read
            yield
        finally:
            self.execute("ROLLBACK")

    def go_on_counting(self, table: str, column: str) -> None:
        """Nothing: AUTOINCREMENT goes by the highest number that it saw."""

    def new_feed(self, now: Callable[[], int]) -> SqliteFeed:
        """Follow the journal."""
        return SqliteFeed(self.path, connect_reader(self.path), now)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Let one starter at a time prepare the database.

        A lock file beside it: SQLite's own files are never opened but by SQLite, for
        closing them would drop its locks. The kernel frees the lock when its holder
        dies.
        """
        with self.path.with_name(self.path.name + ".migrate-lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Let one process at a time do something; DatabaseError if another is at it."""
        with self.path.with_name(f"{self.path.name}.{what}-lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise at_it_already(self.name) from error
            yield

    def writers_now(self) -> int:
        """Nothing: there is one writer at a time."""
        return 0

    def have_ended(self, writers: int) -> bool:
        """Whether they have: whoever writes now began after them."""
        return not writers

    def overwrite(self) -> None:
        """Write zeros over what is replaced from now on, and empty the log of what was."""
        with self.transaction():
            self.execute("PRAGMA secure_delete = ON")
        # As far as readers let it, and for no longer than nobody minds: no one writes meanwhile.
        self.execute(f"PRAGMA busy_timeout = {_SHORTLY}")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")

    def check(self) -> None:
        """Find no damage."""
        verdict = self.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            message = f"{self.path} is damaged ({verdict}). Restore a backup."
            raise DatabaseError(message)

    def end(self) -> None:
        """Close what is left, when nobody writes any more."""
        self.close()
        if self._writer:
            self._writer.close()

    def _write(self, entry: Entry) -> list[Rows]:
        answers = self._run(self.chain.questions([entry]))
        return self._run(self.chain.statements([entry], answers))

    def _run(self, statements: Sequence[Statement]) -> list[Rows]:
        return [self.execute(sql, *values).fetchall() for sql, values in statements]


def connect_reader(path: Path) -> Any:  # noqa: ANN401 - the driver's connection
    """Open a connection that only reads, for whoever keeps its own order of threads."""
    connection = sqlite_driver.connect(str(path), check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA query_only = 1")
    return connection


def reading_uri(path: Path) -> str:
    """Open a file as it is. Where none can be made beside it, nobody writes to it either."""
    log = path.with_name(path.name + "-wal")
    is_alone = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"


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
