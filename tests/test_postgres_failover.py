"""PostgreSQL fails over: what a replica never had is noticed, and one that takes no writes left."""

from __future__ import annotations

import re
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from psycopg import sql
from tests import people, postgres
from tests.databases import Place
from tests.errors import refused
from tests.gates import until
from tests.postgres import Postgres
from tests.processes import Home
from tests.watches import Watches

from finlink_server.storage.connections import connect
from finlink_server.storage.database import Lost
from finlink_server.storage.postgres import PostgresDatabase

pytestmark = pytest.mark.postgres("SQLite has no replicas")
TAIL = 30  # rows that the replica does not have, and more
AS_STANDBY = ("-c", "wal_level=replica", "-c", "hot_standby=on", "-c", "fsync=off")


@pytest.fixture
def home(tmp_path) -> Iterator[Home]:
    """A database of a PostgreSQL that may become a standby."""
    with postgres.running(AS_STANDBY) as server:
        new = Home(tmp_path).on(Place(server))
        assert new.run("migrate").returncode == 0
        made = new.run("service-key", "create", "--name", "tests", "--role", "OPERATOR")
        yield Home(tmp_path, made.stdout.strip(), place=new.place, settings=new.settings)


@pytest.fixture
def watches():
    opened = Watches()
    yield opened
    opened.close()


def server_of(home: Home) -> Postgres:
    assert home.place.postgres
    return home.place.postgres


def database_of(home: Home) -> str:
    return home.settings["DATABASE_URL"].partition("?")[0].rpartition("/")[2]


def fail_over(server: Postgres, database: str, replica: str) -> None:
    """Put another database in the place of one in use, and cut who used it."""
    old, new = sql.Identifier(database), sql.Identifier(replica)
    server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(old))
    server.cut(database)
    until(lambda: not server.execute("SELECT FROM pg_stat_activity WHERE datname = %s", database))
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO lost").format(old))
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, old))


@contextmanager
def as_a_standby(server: Postgres) -> Iterator[None]:
    """Let it take no writes, as a replica, and then be the primary again."""
    mark = server.folder / "data" / "standby.signal"
    server.stop()
    mark.touch()
    server.start()
    try:
        yield
    finally:
        server.stop()
        mark.unlink()
        server.start()


def write(operator: people.Caller) -> None:
    """Add a row to the journal, of what no password is hashed for."""
    operator.admin.CreateAccount(email=f"{uuid.uuid4().hex}@example.com", display_name="Ana")


def answered(call) -> Any:
    """Call again while the database is away."""
    answers: list[Any] = []

    def ask() -> bool:
        try:
            answers.append(call())
        except grpc.RpcError as error:
            status: Any = error
            assert status.code() is grpc.StatusCode.UNAVAILABLE
        return bool(answers)

    until(ask)
    return answers[0]


def test_after_a_failover_to_a_replica_that_lagged_ends_are_seen_and_watchers_begin_anew(
    home, watches
):
    server, database = server_of(home), database_of(home)
    with home.serving() as process:
        account = people.new_account(process.caller(home.operator_key))
        session = people.new_secret(account, people.new_app(account)).start()
    replica = server.new_database(template=database)

    with home.serving() as process:
        operator = process.caller(home.operator_key)
        owner = process.caller(session.token)
        assert operator.sessions.ValidateSession(access_token=session.token).active
        lost = people.new_account(operator)
        for _ in range(TAIL):
            write(operator)
        watch = watches.revocations(operator).until_caught_up()
        fail_over(server, database, replica)

        answered(owner.sessions.EndSession)

        verdict = operator.sessions.ValidateSession(access_token=session.token)
        assert not verdict.active
        with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
            lost.accounts.GetAccount()
        assert watch.until_refused().reason == "CURSOR_TOO_OLD"
        for _ in range(2 * TAIL):  # what has the cursor's seq is another row
            write(operator)
        with refused(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_TOO_OLD"):
            list(operator.sessions.WatchRevocations(cursor=watch.cursor))
        anew = watches.revocations(operator).until_caught_up()
        assert session.id in {one.session_id for one in anew.told}


def test_every_thread_leaves_signals_to_the_one_that_waits_for_them(home):
    with home.serving() as process:
        tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
        others = [one for one in tasks if one.name != str(process.pid)]  # it shows what it awaits
        blocked = [re.search(r"SigBlk:\s*(\w+)", (one / "status").read_text()) for one in others]

    mask = 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1)
    assert blocked
    assert all(found and int(found[1], 16) & mask == mask for found in blocked)


def test_nothing_is_answered_from_a_standby_that_takes_no_writes(home):
    with home.serving() as process:
        operator = process.caller(home.operator_key)
        account = people.new_account(operator)
        session = people.new_secret(account, people.new_app(account)).start()
        assert operator.sessions.ValidateSession(access_token=session.token).active

        with as_a_standby(server_of(home)):
            for work in (
                lambda: operator.sessions.ValidateSession(access_token=session.token),
                session.sessions.EndSession,
                operator.admin.ListAccounts,
            ):
                with refused(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"):
                    work()

        answered(session.sessions.EndSession)


@pytest.mark.parametrize(
    ("asked", "said"), [("", "takes writes"), ("&target_session_attrs=any", "takes no writes")]
)
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_on_a_standby_nothing_starts_and_the_remedy_is_told(home, asked, said, command):
    url = home.settings["DATABASE_URL"]
    with as_a_standby(server_of(home)):
        done = home.run(command, DATABASE_URL=url + asked)

    assert done.returncode == 1
    assert said in done.stderr
    assert "FINLINK_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_connection_that_takes_no_writes_any_more_is_not_used_again(home):
    database = PostgresDatabase(home.settings["DATABASE_URL"], connections=1)
    connection = database._pool.take()
    connection.execute("SET default_transaction_read_only = on")
    database._pool.give_back(connection)

    def change():
        with database.transaction():
            database.execute("UPDATE property SET value = value")

    with pytest.raises(Lost):
        change()
    change()

    assert connection.closed
    database.end()


def test_every_connection_is_one_that_may_write_unless_the_url_says_otherwise(home):
    url = home.settings["DATABASE_URL"]
    name = sql.Identifier(database_of(home))
    statement = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name)
    server_of(home).execute(statement)

    with pytest.raises(Lost, match="read-only"):
        connect(url)
    connect(f"{url}&target_session_attrs=any").close()
