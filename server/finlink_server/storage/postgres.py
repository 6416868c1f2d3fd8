"""PostgreSQL: several machines on one database. What keeps the rules: `storage/postgres_locks`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import peewee
import psycopg
from psycopg.pq import TransactionStatus

from finlink_server import deadline, tracing
from finlink_server.storage import postgres_fitness
from finlink_server.storage.connections import (
    LONGEST_WAIT,
    Connection,
    Pool,
    connect,
    is_alive,
    last_line,
    message,
    name_of,
    send,
    translated,
)
from finlink_server.storage.database import (
    Contended,
    Database,
    DatabaseError,
    Entry,
    Lost,
    Parents,
    Statement,
    Undecided,
    at_it_already,
    bound,
)
from finlink_server.storage.postgres_feed import CHANNEL, PostgresFeed
from finlink_server.storage.postgres_locks import FAMILY, number_of, opening_with

_PREPARING: Final = 1
# Rows of the journal must become visible in the order of their seq: a reader asks for what
# is after the last that it knows, and would miss for ever what came with a lower one later.
# But a sequence gives out numbers when rows are inserted, and rows are visible when their
# transactions commit, in any order. So between the two there is one transaction at a time:
# it takes this lock, then its numbers, and PostgreSQL frees the lock only after the commit
# is visible to all. Rows are collected meanwhile. One message takes the lock and reads what
# the rows are to be chained to, which nobody can move from then on; the next one inserts
# them and commits. So the lock is held for a commit and one round trip, and by events that
# need their seq before that (`append_now`) for three.
# Whoever holds it ends soon, or the server ends him: a command too, that somebody stopped.
_JOURNAL: Final = (
    f"SELECT pg_advisory_xact_lock({FAMILY}, 0), "
    f"set_config('idle_in_transaction_session_timeout', '{round(LONGEST_WAIT * 1000)}', true)"
)
# A number of our own: the end of a snapshot, `xmax`, is no more than the highest that is over
# and one, and of those above it some may be writing.
_NEXT_WRITER: Final = "SELECT pg_current_xact_id()::text::bigint"
_FIRST_WRITER: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


class _Peewee(peewee.PostgresqlDatabase):
    """What the models are bound to; takes a connection for each statement, or transaction."""

    def __init__(self, pool: Pool) -> None:
        super().__init__("finlink", prefer_psycopg3=True, autoconnect=False)
        self.pool = pool

    def execute_sql(self, sql: str, params: Any = None) -> Any:  # noqa: ANN401 - as Peewee has it
        with translated():
            if not self.is_closed():
                return self._state.conn.execute(sql, params or None)  # type: ignore[attr-defined] # Peewee has it
            connection = self.pool.take()
            try:
                # Its rows came with it: they can be read when others use the connection.
                return connection.execute(sql, params or None)
            finally:
                self.pool.give_back(connection)


@dataclass
class _Work:
    """A transaction under way, and the rows of the journal that it is to end with."""

    connection: Connection
    last: list[Entry] = field(default_factory=list)
    has_written: bool = False  # to the journal, before the end


class PostgresDatabase(Database):
    """One PostgreSQL database."""

    remedy = "Run `finlink-server migrate` with the same settings first."
    skip_locked = " FOR UPDATE SKIP LOCKED"

    def __init__(self, url: str, *, connections: int, is_patient: bool = False) -> None:
        """Connect, to see that it is there."""
        self.url = url
        self.name = name_of(url)
        # How often this process has written to the journal: its own memory ends with that.
        self.commits = 0
        self._is_patient = is_patient
        self._pool = Pool(self._connect, connections)
        self.peewee = _Peewee(self._pool)
        try:
            self._pool.give_back(self._pool.take())
        except Lost as error:
            message = (
                f"The database {self.name} cannot be reached: {last_line(error)}. See that it runs,"
                " that it takes writes, and that FINLINK_DATABASE_URL is right."
            )
            raise DatabaseError(message) from error

    @contextmanager
    def transaction(self, locks: Collection[str] = (), under: Parents = ()) -> Iterator[None]:
        """Write, all or nothing. Waits for its locks as long as the call may."""
        deadline.check()
        parents = under() if callable(under) else under
        opening = opening_with(locks, parents)
        own = self.peewee._state.conn  # noqa: SLF001 - while it is being prepared
        connection = own or self._pool.take()
        work = _Work(connection)
        try:
            with bound(self.peewee, connection, work):
                try:
                    self._begin(connection, opening)
                    yield
                    with tracing.part("commit"):
                        self._commit(work)
                except BaseException:
                    _roll_back(connection)
                    raise
        finally:
            if own is None:
                self._pool.give_back(connection)

    def append(self, entry: Entry) -> None:
        """Write a row of the journal, as the last thing that the transaction does."""
        self._work.last.append(entry)

    def append_now(self, entry: Entry) -> int:
        """The same, for whom needs the row's seq before the transaction ends.

        From now on no lock may be asked for, and others wait for this commit.
        """
        work = self._work
        work.has_written = True
        return int(send(work.connection, self._chained(work.connection, [entry]))[0][0][0])

    def lock_journal(self) -> None:
        """Let nobody else write to the journal before this transaction has ended."""
        self.peewee.execute_sql(_JOURNAL)

    def write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row, its parameters. Call it inside a transaction."""
        with translated(), self._work.connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), list(rows))

    def version(self) -> object:
        """What differs once something was done: the journal tells of all that calls do."""
        return self.execute("SELECT max(seq) FROM journal").fetchone()[0]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let this thread read one moment, whatever others commit meanwhile."""
        connection = self._pool.take()
        try:
            with bound(self.peewee, connection, None):
                self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    yield
                finally:
                    _roll_back(connection)
        finally:
            self._pool.give_back(connection)

    def go_on_counting(self, table: str, column: str) -> None:
        """Give later rows higher numbers than those that were written with theirs."""
        highest = self.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]  # noqa: S608
        if highest is not None:
            self.execute("SELECT setval(pg_get_serial_sequence(?, ?), ?)", table, column, highest)

    def new_feed(self, now: Callable[[], int]) -> PostgresFeed:
        """Follow the journal."""
        return PostgresFeed(lambda: connect(self.url), lambda: self.commits, now)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Let one starter at a time prepare the database; the server frees the lock if it dies."""
        connection = connect(self.url, is_patient=True)
        try:
            connection.execute(f"SELECT pg_advisory_lock({FAMILY}, {_PREPARING})")
            state = self.peewee._state  # noqa: SLF001 - the runner of migrations asks Peewee
            state.conn, state.closed = connection, False
            try:
                yield
            finally:
                state.conn, state.closed = None, True
        finally:
            connection.close()

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Let one process at a time do something; the server frees the lock if it dies."""
        with closing(connect(self.url, is_patient=True)) as connection:
            sql = f"SELECT pg_try_advisory_lock({number_of(what)})"
            if not connection.execute(sql).fetchall()[0][0]:
                raise at_it_already(self.name)
            yield

    def writers_now(self) -> int:
        """A number that is higher than that of any transaction that wrote before."""
        return int(self.execute(_NEXT_WRITER).fetchone()[0])

    def have_ended(self, writers: int) -> bool:
        """Whether every transaction with a lower number has."""
        return int(self.execute(_FIRST_WRITER).fetchone()[0]) >= writers

    def overwrite(self) -> None:
        """Nothing: rows that were replaced go when they are vacuumed."""

    def check(self) -> None:
        """Refuse a database that cannot hold what the service promises."""
        postgres_fitness.check(self.name, self.execute(postgres_fitness.SETTINGS).fetchone())

    def close(self) -> None:
        """Nothing: threads keep no connections."""

    def end(self) -> None:
        """Close what is left, when nobody writes any more."""
        self._pool.close()

    @property
    def _work(self) -> _Work:
        work: _Work = self.peewee._state.transactions[-1]  # noqa: SLF001
        return work

    def _connect(self) -> Connection:
        return connect(self.url, is_patient=self._is_patient)

    def _begin(self, connection: Connection, opening: str) -> None:
        try:
            with translated():
                connection.execute(opening, prepare=False)  # one message
        except Contended:
            deadline.check()
            raise
        deadline.check()  # each lock may have taken all of it

    def _commit(self, work: _Work) -> None:
        last: list[str] = []
        if work.last:
            try:
                last.append(message(work.connection, self._chained(work.connection, work.last)))
            except Contended:
                deadline.check()
                raise
        if work.last or work.has_written:
            last.append(f"NOTIFY {CHANNEL}")
        self._end(work, "; ".join([*last, "COMMIT"]))

    def _chained(self, connection: Connection, entries: Sequence[Entry]) -> list[Statement]:
        """Be alone with the journal from now on; what writes some rows to it."""
        questions = [(_JOURNAL, ()), *self.chain.questions(entries)]
        _, *answers = send(connection, questions)
        return self.chain.statements(entries, answers)

    def _end(self, work: _Work, ending: str) -> None:
        if not is_alive(work.connection):
            raise Lost("the connection broke off before the commit")
        try:
            with translated():
                work.connection.execute(ending, prepare=False)  # one message
        except (Lost, Contended) as error:
            if work.connection.pgconn.transaction_status == TransactionStatus.UNKNOWN:
                raise Undecided(str(error)) from error
            deadline.check()
            raise
        finally:
            if work.last or work.has_written:
                self.commits += 1  # it may have happened


def _roll_back(connection: Connection) -> None:
    """Take back; a connection that cannot is closed, and the server does."""
    if connection.pgconn.transaction_status in {TransactionStatus.IDLE, TransactionStatus.UNKNOWN}:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.close()
