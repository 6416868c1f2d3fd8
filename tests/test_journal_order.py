"""Whoever reads the journal by its place misses no row, however many write at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from finlink_server import bootstrap
from finlink_server.domain import journal

WRITERS, EACH = 8, 150
BY = bootstrap.command_line("tests")
TYPE = "tests.written"


def write_rows(env, writer):
    """Write rows as most do, and as those do who need to know their seq at once."""
    for number in range(EACH):
        with env.transaction(f"tests:{writer}"):
            write = journal.write_now if number % 2 else journal.write
            write(env, BY, TYPE, f"{writer}-{number}")


def test_a_reader_that_remembers_its_place_misses_no_row(env):
    seen: list[str] = []
    places = [env.feed.refresh()]
    is_over = threading.Event()

    def read():
        while True:
            was_over = is_over.is_set()
            rows = env.feed.since(places[-1])
            places.extend(row.place for row in rows)
            seen.extend(row.target_id for row in rows if row.type == TYPE)
            if was_over and not rows:
                return

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reading = pool.submit(read)
        for writing in [pool.submit(write_rows, env, writer) for writer in range(WRITERS)]:
            writing.result()
        is_over.set()
        reading.result()

    assert sorted(seen) == sorted(f"{w}-{n}" for w in range(WRITERS) for n in range(EACH))
    seqs = [place.seq for place in places]
    assert seqs == sorted(set(seqs))


def test_the_rows_of_a_transaction_stand_together(env):
    first = env.feed.refresh()

    def write_three(writer):
        for number in range(20):
            with env.transaction(f"tests:{writer}"):
                for _ in range(3):
                    journal.write(env, BY, TYPE, f"three-{writer}-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_three, range(4)))

    written = [row.target_id for row in env.feed.since(first) if row.type == TYPE]
    assert len(written) == 4 * 20 * 3
    assert all(len(set(written[start : start + 3])) == 1 for start in range(0, len(written), 3))


def test_what_is_taken_back_stands_in_no_journal(env):
    first = env.feed.refresh()

    def write_and_fail():
        with env.transaction("tests"):
            journal.write(env, BY, TYPE, "never")
            raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(write_and_fail).exception(), ZeroDivisionError)
    with env.transaction("tests"):
        journal.write(env, BY, TYPE, "afterwards")

    assert [row.target_id for row in env.feed.since(first) if row.type == TYPE] == ["afterwards"]
