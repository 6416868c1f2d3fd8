"""PostgreSQL: several machines on one database.

Several transactions write at once, each at READ COMMITTED. What keeps the rules are
locks by name (`pg_advisory_xact_lock`), asked for as a transaction begins and held until
it has ended. The hierarchy, from the top down:

    kinds of signing keys (ACCOUNT, SESSION, LINK)
      accounts
        apps
          secrets, Link tokens, endpoints
            (sessions, Links and deliveries have none: who writes them holds the above)

Whoever decides about something takes its lock, and shares those of its parents. So
whoever ends a parent is alone with all that hangs on it, and nothing living is made under
what has ended; while what only needs its parents to stay does not wait for its siblings.
Beside the hierarchy stand names that nothing hangs on: a request_id, an e-mail, what is
counted, what one process at a time does.

Nobody waits for another in a circle: a transaction asks for all its locks at once, in
the order of their numbers, before it touches a row; what touches rows of others (purges,
claims) steps over those that are locked; and the lock of the journal comes last, after
which nobody asks for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil
from typing import Any, Final

import peewee
import psycopg
from psycopg.pq import TransactionStatus

from finlink_server import deadline, tracing
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

_OLDEST_VERSION: Final = 150_000
_COLUMNS: Final = 1000  # of one statement; 1664 are its limit
# Advisory locks of two numbers are apart from those of one, which are made of names.
_FAMILY: Final = 0x46696E6C  # "Finl"
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
    f"SELECT pg_advisory_xact_lock({_FAMILY}, 0), "
    f"set_config('idle_in_transaction_session_timeout', '{round(LONGEST_WAIT * 1000)}', true)"
)
# A number of our own: the end of a snapshot, `xmax`, is no more than the highest that is over
# and one, and of those above it some may be writing.
_NEXT_WRITER: Final = "SELECT pg_current_xact_id()::text::bigint"
_FIRST_WRITER: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_CODE_POINTS: Final = ("C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8")
_IN_PLACE: Final = """
SELECT
    current_setting('server_version_num')::int, pg_encoding_to_char(encoding),
    datlocprovider::text, datcollate, current_setting('synchronous_commit'),
    current_setting('transaction_read_only')
FROM pg_database WHERE datname = current_database()
"""


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
        opening = _opening(locks, parents)
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
            connection.execute(f"SELECT pg_advisory_lock({_FAMILY}, {_PREPARING})")
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
            sql = f"SELECT pg_try_advisory_lock({_number(what)})"
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
        version, encoding, provider, collation, commit, read_only = self.execute(
            _IN_PLACE
        ).fetchone()
        if version < _OLDEST_VERSION:
            message = f"{self.name} is PostgreSQL {version // 10_000}. It must be 15 or newer."
            raise DatabaseError(message)
        if encoding != "UTF8" or not sorts_by_code_point(provider, collation):
            message = (
                f"{self.name} sorts text by {collation} in {encoding}, and pages of lists would"
                " skip rows. Make it with `CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"
                " LOCALE_PROVIDER libc LOCALE 'C'`."
            )
            raise DatabaseError(message)
        if read_only == "on":  # in recovery it always is
            message = (
                f"{self.name} takes no writes: it is a replica, or was set to be read-only. Let"
                " FINLINK_DATABASE_URL name the primary; of several hosts it is found, unless"
                " `target_session_attrs` asks for another."
            )
            raise DatabaseError(message)
        if commit == "off":
            message = (
                f"{self.name} has synchronous_commit off: what was acknowledged could be lost. Turn"
                " it on for this database."
            )
            raise DatabaseError(message)

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


def sorts_by_code_point(provider: str, collation: str) -> bool:
    """Whether text is in the order of its bytes, as SQLite and Python have it.

    The library's locale (`c`) may be any; all of the built-in ones (`b`) sort so.
    """
    return provider == "b" or (provider == "c" and collation in _CODE_POINTS)


def _opening(names: Collection[str], parents: Collection[str]) -> str:
    """What a transaction begins with: one message, with all its locks in order."""
    shared = {_number(one): "_shared" for one in parents if one}
    wanted = sorted((shared | {_number(one): "" for one in names if one}).items())
    statements = ["BEGIN ISOLATION LEVEL READ COMMITTED"]
    patience = deadline.remaining(LONGEST_WAIT)
    if wanted and patience < LONGEST_WAIT:
        statements.append(f"SET LOCAL lock_timeout = {ceil(patience * 1000) + 1}")  # after it
    # In one statement, from left to right: its time-out is that of all of them together.
    locks = [f"pg_advisory_xact_lock{how}({number})" for number, how in wanted]
    statements += [
        f"SELECT {', '.join(locks[first : first + _COLUMNS])}"
        for first in range(0, len(locks), _COLUMNS)
    ]
    return "; ".join(statements)


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _roll_back(connection: Connection) -> None:
    """Take back; a connection that cannot is closed, and the server does."""
    if connection.pgconn.transaction_status in {TransactionStatus.IDLE, TransactionStatus.UNKNOWN}:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.close()
