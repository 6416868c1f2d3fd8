"""Connections to PostgreSQL: few, kept open, and none that hangs.

A pool of our own: Peewee's opens new connections under a lock that everybody needs, so
that a server which does not answer would hold up each thread after the other; and it
asks a connection whether it is alive by a statement, which costs as much as the
statement that it is for.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import peewee
import psycopg
from psycopg import conninfo, errors
from psycopg.pq import ConnStatus, TransactionStatus

from finlink_server import deadline
from finlink_server.errors import DatabaseBusy
from finlink_server.storage.database import Contended, DatabaseError, Lost, Rows, Statement

LONGEST_WAIT: Final = 5.0  # seconds; for a connection, for a lock, and for a statement
_LONGEST_CONNECT: Final = 3  # seconds
_IN_TIME: Final = 2.0  # seconds that the server has to say that a statement took too long
# A network that is silent is found out, whether something was sent (the last) or not.
_KEEPALIVE: Final = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
_UNACKNOWLEDGED: Final = 7000  # ms
_LOOK_FOR_US: Final = 1000  # ms
_MOST_READS: Final = 3
# What the server says while it goes, is full, or is no longer the one that may write.
_AWAY: Final = ("08", "53", "57P", "58", "25006", "25P03", "25P04")
# Deadlock, serialisation, lock and statement time-out.
_CONTENDED: Final = ("40001", "40P01", "55P03", "57014")


class Connection(psycopg.Connection[Any]):
    """A connection whose every wait ends, also when the server says nothing any more."""

    longest: float | None = LONGEST_WAIT + _IN_TIME
    may_write = True

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - the driver's
        """Wait for the server, but not for ever."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.longest)
        except errors.ReadOnlySqlTransaction:
            self.may_write = False
            raise
        except errors._WaitTimeout as error:  # noqa: SLF001 - it has no other name
            self.close()
            raise psycopg.OperationalError("the server does not answer") from error


def connect(url: str, *, is_patient: bool = False) -> Connection:
    """Open a connection. A patient one waits for locks and statements as long as they take."""
    wanted = conninfo.conninfo_to_dict(url)
    longest = 0 if is_patient else int(LONGEST_WAIT * 1000)
    settings = {
        "statement_timeout": longest,
        "lock_timeout": longest,
        "idle_in_transaction_session_timeout": longest,
        "client_min_messages": "warning",
        # Who has gone, a command that was broken off, holds no lock while it waits for one.
        "client_connection_check_interval": _LOOK_FOR_US,
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given: dict[str, Any] = {
        "connect_timeout": _LONGEST_CONNECT,
        "application_name": "finlink-server",
        # A replica knows too late what has ended, and takes none of our writes.
        "target_session_attrs": "read-write",
    }
    if not is_patient:
        given["tcp_user_timeout"] = _UNACKNOWLEDGED
    given |= _KEEPALIVE | wanted
    given |= {"options": f"{options} {wanted.get('options', '')}", "client_encoding": "utf8"}
    with translated():
        connection = Connection.connect(**given, autocommit=True)
    if is_patient:
        connection.longest = None
    return connection


@contextmanager
def translated() -> Iterator[None]:
    """Tell a database that is away and one that is busy from a defect of ours."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as error:
        state = error.sqlstate or ""
        if state in _CONTENDED:
            raise Contended(str(error)) from error
        if not state or state.startswith(_AWAY):
            raise Lost(str(error)) from error
        raise peewee.DatabaseError(str(error)) from error
    except psycopg.Error as error:  # who may not do something, for one: said to who typed it
        raise peewee.DatabaseError(str(error)) from error


class Pool:
    """Connections that are free, and room for so many in all."""

    def __init__(self, connect: Callable[[], Connection], most: int) -> None:
        """Open none yet."""
        self._connect = connect
        self._free: deque[Connection] = deque()
        self._room = threading.BoundedSemaphore(most)

    def take(self) -> Connection:
        """Get a connection that was alive a moment ago; wait for one as long as the call may."""
        if not self._room.acquire(timeout=deadline.remaining(LONGEST_WAIT)):
            deadline.check()
            raise DatabaseBusy
        try:
            while True:
                try:
                    connection = self._free.pop()
                except IndexError:
                    return self._connect()
                if is_alive(connection):
                    return connection
                connection.close()
        except BaseException:
            self._room.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Let the next one have it, unless it is broken or takes no writes any more."""
        if connection.may_write and connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._free.append(connection)
        else:
            connection.close()
        self._room.release()

    def close(self) -> None:
        """Close those that are free."""
        while self._free:
            with suppress(psycopg.Error):
                self._free.pop().close()


def is_alive(connection: Connection) -> bool:
    """Whether the server has not hung up on an idle connection: without asking it."""
    ours = connection.pgconn
    if ours.status != ConnStatus.OK:
        return False
    poll = select.poll()
    poll.register(ours.socket, select.POLLIN)
    for _ in range(_MOST_READS):
        if not poll.poll(0):
            return True
        try:
            ours.consume_input()
        except psycopg.OperationalError:
            return False
    return False


def message(connection: Connection, statements: Sequence[Statement]) -> str:
    """Make one message of some statements."""
    cursor = psycopg.ClientCursor(connection)
    return "; ".join(cursor.mogrify(sql.replace("?", "%s"), values) for sql, values in statements)


def send(connection: Connection, statements: Sequence[Statement]) -> list[Rows]:
    """Run some statements, one message for all; the rows that each gave."""
    with translated():
        cursor = connection.execute(message(connection, statements), prepare=False)
        return [one.fetchall() if one.description else [] for one in cursor.results()]


def name_of(url: str) -> str:
    """The URL without the password."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        message = "FINLINK_DATABASE_URL is no URL that PostgreSQL's own tools would take."
        raise DatabaseError(message) from error
    host, port = parts.get("host", "localhost"), parts.get("port", "")
    return f"postgresql://{host}{f':{port}' if port else ''}/{parts.get('dbname', '')}"


def last_line(error: Exception) -> str:
    """The last line of what the driver says of all addresses that it tried."""
    return str(error).strip().rpartition("\n")[2].strip().rstrip(".")
