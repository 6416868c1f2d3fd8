"""What both databases have in common: SQLite for one machine, PostgreSQL for several.

The domain knows this class alone. Where the two differ, each says so in its own file.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

import peewee
import pysqlite3 as sqlite_driver  # which Peewee then uses too; it brings a sound SQLite

from finlink_server.errors import DatabaseBusy, DatabaseUnavailable, OutcomeUnknown, Refusal
from finlink_server.storage.feed import Feed
from finlink_server.storage.schema import MODELS

# What Peewee raises, and the driver under it. `execute` lets the second one through.
DRIVER_ERRORS: tuple[type[Exception], ...] = (peewee.PeeweeException, sqlite_driver.Error)

# What the triggers say that keep out a master key that was replaced.
_SEALED_BEFORE = "sealed with a master key that was replaced"

# The ids of parents; a function where it costs a look to know them.
Parents = Collection[str] | Callable[[], Collection[str]]


# SQL with `?` for each parameter, and these.
Statement = tuple[str, Sequence[object]]
Rows = list[tuple[Any, ...]]


class Entry(NamedTuple):
    """A row to be written to the journal; or, if one with its `once` is there, to be counted."""

    row: Mapping[str, Any]
    is_counted: bool = False


class Chain(Protocol):
    """Ties rows of the journal to those before them. The database knows when, and not how."""

    def questions(self, entries: Sequence[Entry]) -> list[Statement]:
        """What it must know to write them, when nobody else writes any more."""

    def statements(self, entries: Sequence[Entry], answers: Sequence[Rows]) -> list[Statement]:
        """What writes them, given the answers; the first one gives the first row's seq."""


class DatabaseError(Exception):
    """The database cannot be used; the text says why and what to do."""


class Lost(peewee.OperationalError):
    """The database is away, or the connection to it was."""


class Contended(peewee.OperationalError):
    """Others held too long what this needed."""


class Undecided(peewee.OperationalError):
    """The connection broke off during a commit, which may have happened."""


class Database:
    """A database."""

    peewee: Any
    # Where it is, and how it gets its schema, for sentences.
    name: str
    remedy: str
    # Ends a select of rows that are about to be deleted, and that others may be deleting.
    skip_locked = ""
    # Given by whoever has the keys, before anything is written.
    chain: Chain

    def bind(self) -> None:
        """Let the models of this process be this database's: they are one's at a time."""
        self.peewee.bind(MODELS)

    def transaction(
        self, locks: Collection[str] = (), under: Parents = ()
    ) -> AbstractContextManager[None]:
        """Write, all or nothing. Waits for its turn as long as the call may."""
        raise NotImplementedError

    def append(self, entry: Entry) -> None:
        """Write a row of the journal, in a transaction."""
        raise NotImplementedError

    def append_now(self, entry: Entry) -> int:
        """The same, for whom needs the row's seq before the transaction ends."""
        raise NotImplementedError

    def lock_journal(self) -> None:
        """Let nobody else write to the journal before this transaction has ended."""
        raise NotImplementedError

    def version(self) -> object:
        """What differs once something was committed: to this thread, outside a transaction."""
        raise NotImplementedError

    def snapshot(self) -> AbstractContextManager[None]:
        """Let this thread read one moment, whatever others commit meanwhile."""
        raise NotImplementedError

    def go_on_counting(self, table: str, column: str) -> None:
        """Give later rows higher numbers than those that were written with theirs."""
        raise NotImplementedError

    def new_feed(self, now: Callable[[], int]) -> Feed:
        """Follow the journal."""
        raise NotImplementedError

    def preparing(self) -> AbstractContextManager[None]:
        """Let one starter at a time prepare the database."""
        raise NotImplementedError

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Let one process at a time do something; DatabaseError if another is at it."""
        raise NotImplementedError

    def writers_now(self) -> int:
        """What tells whether a transaction had begun to write by now: see `have_ended`."""
        raise NotImplementedError

    def have_ended(self, writers: int) -> bool:
        """Whether all that wrote then have committed, or not."""
        raise NotImplementedError

    def overwrite(self) -> None:
        """Leave nothing on the disk of what this process replaces, as far as it can be helped."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse a database that cannot hold what the service promises."""
        raise NotImplementedError

    def execute(self, sql: str, *parameters: object) -> Any:  # noqa: ANN401 - a driver's cursor
        """Run one statement, with `?` for each parameter."""
        return self.peewee.execute_sql(sql.replace("?", self.peewee.param), parameters)

    def read(self, sql: str, *parameters: object) -> Rows:
        """Run a query over rows in which anything may stand, whoever wrote it."""
        rows: Rows = self.execute(sql, *parameters).fetchall()
        return rows

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
        raise NotImplementedError


@contextmanager
def bound(database: Any, connection: object, transaction: object) -> Iterator[None]:  # noqa: ANN401 - Peewee's types lack much
    """Let this thread's statements run on a connection, in a transaction."""
    state = database._state  # noqa: SLF001 - Peewee keeps one for each thread
    own = state.conn, state.closed
    state.conn, state.closed = connection, False
    database.push_transaction(transaction)
    try:
        yield
    finally:
        database.pop_transaction()
        state.conn, state.closed = own


def at_it_already(name: str) -> DatabaseError:
    """Say that another process does what only one may do at a time."""
    message = f"Another process is at it on {name} already. Wait until it has ended."
    return DatabaseError(message)


def refusal_for(error: Exception) -> Refusal | None:
    """Translate a database error that waiting may cure; None for a defect of ours."""
    if isinstance(error, Undecided):
        return OutcomeUnknown()
    text = str(error)
    # Who sealed with a master key that was replaced knows better by now.
    if isinstance(error, Contended) or _SEALED_BEFORE in text:
        return DatabaseBusy()
    if not isinstance(error, (peewee.OperationalError, peewee.InterfaceError, sqlite_driver.Error)):
        return None
    if "locked" in text or "busy" in text:
        return DatabaseBusy()
    if "no such" in text or "syntax" in text:
        return None
    return DatabaseUnavailable()
