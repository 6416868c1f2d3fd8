"""Transactions that wait for each other share a commit, and rule 8 holds for each of them."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import peewee
import pysqlite3 as sqlite_driver
import pytest
from tests import quick_server
from tests.gates import until
from tests.notes import Notes, make
from tests.races import Race

from finlink_server import deadline
from finlink_server.errors import DeadlinePassed, SessionNotFound
from finlink_server.storage import writer as writing


@pytest.fixture
def file(tmp_path) -> Path:
    return make(tmp_path / "notes.db")


@pytest.fixture
def notes(file) -> Iterator[Notes]:
    opened = Notes(file)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(100) as threads:
        yield threads


@pytest.fixture
def patient(monkeypatch):
    """Groups that may become old, however busy the machine, and that nobody ends early."""
    monkeypatch.setattr(writing, "_LONGEST_GROUP", 60.0)
    monkeypatch.setattr(writing, "_LOOK_EVERY", 60.0)


def test_transactions_that_wait_for_each_other_are_committed_at_once(notes, pool, patient):
    bodies = [lambda number=number: notes.write(f"note {number}") for number in range(8)]

    for one in notes.hold(pool, *bodies):
        one.result()

    assert notes.connection.commits == 1
    assert notes.stored() == {"first", *(f"note {number}" for number in range(8))}


def test_a_group_does_not_grow_without_bound(notes, pool, patient, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_BODIES", 4)
    bodies = [lambda number=number: notes.write(f"note {number}") for number in range(11)]

    for one in notes.hold(pool, *bodies):
        one.result()

    assert notes.connection.commits == 3


def test_an_old_group_waits_for_nobody(notes, pool, monkeypatch):
    monkeypatch.setattr(writing, "_LONGEST_GROUP", 0.0)

    for one in notes.hold(pool, lambda: notes.write("a"), lambda: notes.write("b")):
        one.result()

    assert notes.connection.commits == 3


def test_who_is_alone_commits_at_once(notes):
    notes.write("a")
    notes.write("b")

    assert notes.connection.commits == 2


def test_a_body_that_fails_takes_back_its_own_part_alone(notes, pool, patient):
    def refuse() -> None:
        with notes.writer.transaction():
            notes.insert("refused")
            raise SessionNotFound(session_id="ses_1")

    def defect() -> None:
        with notes.writer.transaction():
            notes.insert("first")  # there is one already

    running = notes.hold(pool, lambda: notes.write("a"), refuse, defect, lambda: notes.write("b"))
    errors = [one.exception() for one in running]

    assert [type(one) for one in errors] == [
        *(type(None), type(None), SessionNotFound, peewee.IntegrityError, type(None))
    ]
    assert errors[2].session_id == "ses_1"
    assert notes.stored() == {"first", "a", "b"}
    assert notes.connection.commits == 1


def test_a_commit_that_fails_fails_for_all_who_wait_and_leaves_nothing(notes, pool, patient):
    def orphan() -> None:
        with notes.writer.transaction():  # only the commit finds it out
            notes.peewee.execute_sql("INSERT INTO child VALUES ('nobody')")

    def refuse() -> None:  # because of what is lost, perhaps
        with notes.writer.transaction():
            raise SessionNotFound(session_id="ses_1")

    running = notes.hold(pool, lambda: notes.write("a"), orphan, refuse, lambda: notes.write("b"))

    for one in running:
        assert isinstance(one.exception(), sqlite_driver.IntegrityError)
    assert notes.stored() == set()
    assert len({id(one.exception()) for one in running}) == len(running)  # each has its own
    notes.write("later")
    assert notes.stored() == {"later"}


def test_a_disk_that_fails_at_the_commit_is_told_to_all_and_leaves_nothing(notes, pool, patient):
    notes.connection.failure = sqlite_driver.OperationalError("disk I/O error")

    running = notes.hold(pool, lambda: notes.write("a"), lambda: notes.write("b"))

    assert {str(one.exception()) for one in running} == {"disk I/O error"}
    notes.connection.failure = None
    notes.write("later")
    assert notes.stored() == {"later"}


def test_a_body_that_cannot_be_taken_back_leaves_nothing_of_its_group(notes, pool, patient):
    def refuse() -> None:
        with notes.writer.transaction():
            notes.insert("half")
            raise SessionNotFound(session_id="ses_1")

    notes.connection.fails_at = "ROLLBACK TO body"
    notes.connection.failure = sqlite_driver.OperationalError("disk I/O error")

    running = notes.hold(pool, refuse)

    assert {str(one.exception()) for one in running} == {"disk I/O error"}
    notes.write("later")
    assert notes.stored() == {"later"}


def test_when_the_database_is_full_what_was_acknowledged_is_there_and_nothing_else(notes, pool):
    notes.write("small")
    pages = notes.connection.execute("PRAGMA page_count").fetchone()[0]
    notes.connection.execute(f"PRAGMA max_page_count = {pages + 40}")

    def fill(number: int) -> list[str]:
        written = []
        for round_number in range(10):
            name = f"{number}-{round_number}"
            try:
                written.append(notes.write(name, size=4000 * (number + 1)))
            except (peewee.OperationalError, sqlite_driver.OperationalError):
                assert name not in notes.stored()
        return written

    acknowledged = [name for names in pool.map(fill, range(8)) for name in names]

    assert len(acknowledged) < 80
    assert notes.stored() == {"small", *acknowledged}
    notes.connection.execute("PRAGMA max_page_count = 100000")
    notes.write("later", size=10_000)
    assert "later" in notes.stored()


def test_nobody_returns_before_the_commit(notes, pool, patient):
    notes.connection.may_commit.clear()
    running = notes.hold(pool, lambda: notes.write("a"))
    until(lambda: notes.writer._waiting == 0)

    assert notes.stored() == set()
    assert not any(one.done() for one in running)

    notes.connection.may_commit.set()
    for one in running:
        one.result()
    assert notes.stored() == {"first", "a"}


def test_a_group_is_committed_though_the_one_it_was_left_to_gave_up(notes):
    notes.writer._waiting += 1  # it stands in line, and will never have its turn

    notes.write("a")

    assert notes.stored() == {"a"}


def test_who_gives_up_waiting_has_written_nothing_and_holds_up_nobody(notes, pool):
    go_on = threading.Event()

    def hold() -> None:
        with notes.writer.transaction():
            assert go_on.wait(60)
            notes.insert("held")

    def give_up() -> None:
        deadline.begin(0.05)
        try:
            notes.write("given up")
        finally:
            deadline.begin(None)

    holding = pool.submit(hold)
    until(lambda: notes.writer._group is not None)
    assert isinstance(pool.submit(give_up).exception(), DeadlinePassed)
    go_on.set()

    holding.result()
    notes.write("later")
    assert notes.stored() == {"held", "later"}


def test_two_processes_take_turns(file, notes, pool):
    # Each has its own open file, which is what the lock between processes goes by.
    other, seconds = Notes(file), 1.5
    written: Counter[int] = Counter()
    end = time.monotonic() + seconds

    def write_on(number: int) -> None:
        which = number % 2
        mine = (notes, other)[which]
        while time.monotonic() < end:
            mine.write(f"{number}-{written[number]}")
            written[number] += 1

    race = Race(8, write_on)  # DatabaseBusy would end it
    other.close()

    assert len(race.answers) == 8
    assert len(notes.stored()) == written.total()
    assert all(written[number] for number in range(8))


def test_processes_that_always_write_let_each_other_go_next(file, notes, pool):
    other, enough = Notes(file), threading.Event()

    def write_on(number: int) -> None:
        for count in itertools.count():
            if enough.is_set():
                return
            notes.write(f"{number}-{count}")

    running = [pool.submit(write_on, number) for number in range(4)]
    until(lambda: notes.connection.commits)
    before = notes.connection.commits
    for count in range(40):
        other.write(f"other-{count}")
    between = notes.connection.commits - before
    enough.set()
    for one in running:
        one.result()
    other.close()

    # One by one, but for some that fall together.
    assert 20 <= between <= 120


def test_what_was_acknowledged_outlives_kill_9(home, pool):
    home = replace(home, program=("-P", quick_server.__file__))
    acknowledged: list[str] = []

    def create(number: int) -> None:
        for round_number in range(10**6):
            email = f"{number}-{round_number}@example.com"
            try:
                answer = operator.admin.CreateAccount(email=email, display_name="Ana")
            except grpc.RpcError:
                return
            acknowledged.append(answer.account.id)

    with home.serving() as server:
        operator = server.caller(home.operator_key)
        running = [pool.submit(create, number) for number in range(8)]
        until(lambda: len(acknowledged) >= 100)
        server.kill()
        for one in running:
            one.result()

    with home.serving() as server:
        found, token = set(), ""
        operator = server.caller(home.operator_key)
        while page := operator.admin.ListAccounts(page_size=500, page_token=token):
            found |= {account.id for account in page.accounts}
            token = page.next_page_token
            if not token:
                break
    assert {*acknowledged} <= found
