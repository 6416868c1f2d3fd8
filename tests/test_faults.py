"""Whatever happens to the service, nothing is lost that it acknowledged, and it says so.

The short version of `make faults`. Each test puts several threads' mixed calls on a server
in a process of its own, does something to it, and compares everything that was
acknowledged with what is there: see `tests/faults/`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests import postgres
from tests.databases import Place
from tests.faults.away import AwayTrial, away_on_trial
from tests.faults.disk import DISK_FAULTS, DiskTrial, disk_on_trial
from tests.faults.kills import KILL, STOP, end_again_and_again
from tests.faults.leases import kill_workers
from tests.faults.nursery import QuickHome, nursing
from tests.faults.steps import step_the_clock
from tests.faults.stores import store_of
from tests.processes import Home, new_home

# The others of `tests.faults.away` stand in tests/test_postgres_faults.py, by themselves.
BRIEFLY = ("killed (kill -9)", "backends terminated", "cut off before COMMIT answers")


@pytest.fixture(scope="module")
def nursery(first_home) -> Iterator[QuickHome]:
    with nursing(first_home) as home:
        yield home


@pytest.fixture
def quick_home(home: Home, nursery: QuickHome) -> QuickHome:
    """A data directory whose servers start at once."""
    return nursery.renewed(home)


@pytest.fixture(scope="module")
def away(first_home, nursery, tmp_path_factory) -> Iterator[AwayTrial]:
    """On a PostgreSQL of its own, that syncs."""
    with postgres.running(options=()) as server:
        folder = tmp_path_factory.mktemp("away") / "home"
        with away_on_trial(nursery.renewed(new_home(folder, Place(server)))) as trial:
            yield trial


@pytest.fixture(scope="module")
def disk(first_home, nursery, tmp_path_factory) -> Iterator[DiskTrial]:
    home = nursery.renewed(first_home.copy_to(tmp_path_factory.mktemp("disk") / "home"))
    with disk_on_trial(home) as trial:
        yield trial


@pytest.fixture
def seed() -> int:
    return random.randrange(10**6)  # noqa: S311 - printed by whatever fails


@pytest.mark.parametrize("ending", [KILL, STOP], ids=["kill-9", "SIGTERM"])
def test_however_it_ends_nothing_that_it_acknowledged_is_lost(quick_home, ending, seed):
    line = end_again_and_again(quick_home, store_of(quick_home), ending, rounds=2, seed=seed)

    assert (line.times, line.lost) == (2, [])
    assert line.acknowledged > 20


@pytest.mark.sqlite("its disk is broken")
@pytest.mark.parametrize("fault", DISK_FAULTS)
def test_a_broken_disk_refuses_with_a_reason_and_is_forgotten_when_it_is_mended(disk, fault):
    line = disk.break_and_mend(fault)

    assert line.lost == []


@pytest.mark.postgres("it goes away")
@pytest.mark.parametrize("fault", BRIEFLY)
def test_a_database_that_goes_away_takes_nothing_with_it_and_says_what_may_have_happened(
    away, fault
):
    line = away.break_and_mend(fault)

    assert line.lost == []


@pytest.mark.sqlite("what is stepped is the clock of our server")
def test_a_clock_that_is_stepped_brings_no_session_back_and_holds_nothing_up(quick_home):
    line = step_the_clock(quick_home, times=1)

    assert line.lost == []


@pytest.mark.sqlite("one of a supervisor's workers dies")
def test_what_a_killed_worker_was_sending_is_sent_by_another_and_others_answer_on(quick_home):
    line = kill_workers(quick_home, store_of(quick_home), times=1)

    assert line.lost == []
