"""What a transaction waits for on PostgreSQL: all its locks together, and its replicas."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests import postgres
from tests.databases import Place
from tests.postgres import Postgres

from finlink_server.storage.database import Contended, Undecided
from finlink_server.storage.postgres import PostgresDatabase
from finlink_server.storage.postgres_locks import number_of

pytestmark = pytest.mark.postgres("SQLite has one writer at a time, and no replicas")
# A replica that is not there has to confirm commits, but for those of who makes the databases.
REPLICATED = (
    *("-c", "wal_level=replica", "-c", "max_wal_senders=1", "-c", "fsync=off"),
    *("-c", "synchronous_standby_names=somebody", "-c", "synchronous_commit=local"),
)
AS_USUAL = "options=-csynchronous_commit%3Don"
LONGEST_IDLE = "SHOW idle_in_transaction_session_timeout"
LONGER_THAN_ONE, LESS_THAN_ONE = 30, 4  # seconds; one lock is waited for five


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.running(REPLICATED) as running:
        yield running


@pytest.fixture
def url(server: Postgres, tmp_path: Path) -> str:
    return Place(server).settings(tmp_path)["DATABASE_URL"]


@pytest.fixture
def other(url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(url, connections=2)
    yield opened
    opened.end()


def hold(url: str, name: str, seconds: float, stack: ExitStack) -> None:
    """Hold a lock for so long, or until the block ends."""
    holder = stack.enter_context(psycopg.connect(url, autocommit=True))
    holder.execute("SELECT pg_advisory_lock(%s)", [number_of(name)])
    timer = threading.Timer(seconds, holder.execute, ["SELECT pg_advisory_unlock_all()"])
    timer.start()
    stack.callback(timer.join)
    stack.callback(timer.cancel)


def test_locks_of_which_each_could_be_had_in_time_are_waited_for_as_long_as_one(url, other):
    first, last = sorted(["one", "another"], key=number_of)

    with ExitStack() as stack:
        hold(url, first, LESS_THAN_ONE, stack)
        hold(url, last, LONGER_THAN_ONE, stack)

        with pytest.raises(Contended), other.transaction([first, last]):
            pytest.fail("they are held")


def test_many_locks_are_had_at_once(other):
    names = [f"lock {number}" for number in range(2500)]

    with other.transaction(names):
        (held,) = other.execute("SELECT count(*) FROM pg_locks WHERE granted").fetchone()

    assert held >= len(names)


def test_a_commit_that_waits_for_a_replica_in_vain_is_not_told_as_done(url):
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute("CREATE TABLE thing (name text)")
    waiting = PostgresDatabase(f"{url}&{AS_USUAL}", connections=2)

    with pytest.raises(Undecided), waiting.transaction():
        waiting.execute("INSERT INTO thing VALUES ('it')")

    waiting.end()


def test_a_patient_command_that_stands_still_does_not_keep_the_journal(url):
    patient = PostgresDatabase(url, connections=1, is_patient=True)

    with patient.transaction():
        before = patient.execute(LONGEST_IDLE).fetchone()
        patient.lock_journal()
        holding = patient.execute(LONGEST_IDLE).fetchone()
    after = patient.execute(LONGEST_IDLE).fetchone()

    patient.end()
    assert [before, holding, after] == [("0",), ("5s",), ("0",)]
