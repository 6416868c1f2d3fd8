"""How long memory is true on PostgreSQL: 50 ms after a read began that succeeded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from tests.background import wait_until_idle
from tests.gates import until

from finlink_server import bootstrap
from finlink_server.domain import journal
from finlink_server.errors import DatabaseUnavailable
from finlink_server.storage import feed
from finlink_server.storage.connections import connect
from finlink_server.storage.database import Lost
from finlink_server.storage.feed import JournalReplaced
from finlink_server.storage.postgres_feed import CHANNEL, PostgresFeed

pytestmark = pytest.mark.postgres("SQLite tells without a read whether anything was committed")
LISTENERS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle' AND query = %s
"""
LATER = 0.051  # seconds
BY = bootstrap.command_line("tests")


class Watched:
    """A feed by a clock that stands still, and by connections that may be refused."""

    def __init__(self, server) -> None:
        self.url = server.env.database.url
        listeners = self.listeners()
        self.monotonic = 1000.0
        self.commits = 0
        self.reads = 0
        self.is_away = False
        self.rows: list[str] = []
        self.feed = PostgresFeed(
            self.connect, lambda: self.commits, server.clock, lambda: self.monotonic
        )
        ask = self.feed._ask

        def note(*arguments):
            self.reads += 1
            return ask(*arguments)

        vars(self.feed)["_ask"] = note
        self.feed.follow(self)
        until(lambda: bool(self.listeners() - listeners))
        self.feed.refresh()
        self.reads = 0
        self.rows.clear()

    def apply(self, rows) -> None:
        self.rows.extend(row.target_id for row in rows)

    def clear(self) -> None:
        self.rows.append("all forgotten")

    def connect(self):
        if self.is_away:
            raise Lost("away")
        return connect(self.url)

    def listeners(self) -> set[int]:
        """Which connections have begun to listen; those of feeds before may still be there."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute(LISTENERS, [f"LISTEN {CHANNEL}"]).fetchall()
            return {pid for (pid,) in found}


@pytest.fixture
def watched(server) -> Iterator[Watched]:
    wait_until_idle(server)
    made = Watched(server)
    yield made
    made.is_away = False
    made.feed.close()


def write(env, target):
    """Write a row as another process would: this feed is not told that it was its own."""
    with env.transaction("tests"):
        journal.write(env, BY, "tests.written", target)


def test_memory_is_true_for_50_ms_and_then_read_again(watched):
    for later, reads in ((0.0, 0), (0.049, 0), (0.002, 1), (0.0, 1), (0.049, 1), (0.002, 2)):
        watched.monotonic += later
        watched.feed.refresh()
        assert watched.reads == reads


def test_50_ms_count_from_where_the_read_began(watched, monkeypatch):
    ask = watched.feed._ask

    def take_long(*arguments):
        watched.monotonic += 0.03
        return ask(*arguments)

    monkeypatch.setattr(watched.feed, "_ask", take_long)
    watched.monotonic += 0.1
    watched.feed.refresh()
    watched.monotonic += 0.03

    watched.feed.refresh()

    assert watched.reads == 2


def test_what_this_process_committed_is_known_at_once(watched):
    watched.commits += 1

    watched.feed.refresh()

    assert watched.reads == 1


def test_the_database_counts_what_this_process_commits_to_the_journal(env):
    before = env.database.commits

    write(env, "counted")

    assert env.database.commits > before


def test_being_told_ends_it_sooner_and_not_being_told_no_later(watched, env):
    wakes = watched.feed._wakes
    write(env, "told")
    until(lambda: watched.feed._wakes > wakes)

    watched.feed.refresh()  # no time has gone by

    assert watched.rows == ["told"]


def test_a_listener_that_hears_nothing_bounds_nothing(watched, env):
    watched.feed._closed.set()
    watched.feed._listener.join()
    write(env, "untold")
    watched.monotonic += LATER

    watched.feed.refresh()

    assert watched.rows == ["untold"]


def test_a_read_that_fails_makes_nothing_true(watched, env):
    write(env, "unseen")
    watched.is_away = True
    watched.feed._hang_up()
    watched.monotonic += LATER

    for _ in range(3):
        with pytest.raises(Lost):
            watched.feed.refresh()
        with pytest.raises(Lost):
            watched.feed.look()
    assert watched.rows == []

    watched.is_away = False
    watched.feed.refresh()
    assert watched.rows == ["all forgotten", "unseen"]


def test_a_connection_that_was_cut_fails_one_read_and_is_made_anew(watched, env):
    write(env, "later")
    watched.feed._connection.close()
    watched.monotonic += LATER

    with pytest.raises(Lost):
        watched.feed.refresh()
    watched.feed.refresh()

    assert watched.rows == ["all forgotten", "later"]


def test_what_was_read_before_a_new_connection_is_put_into_no_memory(watched):
    place = watched.feed.refresh()
    watched.feed._hang_up()
    watched.monotonic += LATER
    assert watched.feed.refresh()[:2] == place[:2]  # the journal is as it was

    watched.feed.unless_moved(place, lambda: watched.rows.append("put"))
    watched.feed.unless_moved(watched.feed.refresh(), lambda: watched.rows.append("put later"))

    assert watched.rows == ["all forgotten", "put later"]


def test_a_place_whose_row_is_another_is_none_and_makes_memory_begin_anew(watched):
    place = watched.feed.refresh()

    with pytest.raises(JournalReplaced):
        watched.feed.since(place._replace(id="evt_another"))
    watched.feed.refresh()

    assert watched.rows == ["all forgotten"]
    assert watched.feed.since(place) == []


def test_who_waits_too_long_for_a_turn_is_told_and_what_was_to_be_kept_is_not(watched, monkeypatch):
    monkeypatch.setattr(feed, "_LONGEST_WAIT", 0.01)
    place = watched.feed.refresh()

    with watched.feed._turn():
        for work in (lambda: watched.feed.since(place), lambda: watched.feed.follow(watched)):
            with pytest.raises(DatabaseUnavailable):
                work()
        watched.feed.unless_moved(place, lambda: watched.rows.append("put"))

    assert watched.rows == []


def test_a_look_vouches_for_the_time_before_its_read(watched, clock):
    before = clock()
    watched.monotonic += LATER
    look = watched.feed.look()
    after = clock()

    assert before < look.time < after
    assert watched.feed.look() == look  # and says the same until it reads again


def test_of_many_who_ask_at_once_one_reads(watched):
    watched.monotonic += LATER
    start = threading.Barrier(8)

    def ask():
        start.wait()
        watched.feed.refresh()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert watched.reads == 1
