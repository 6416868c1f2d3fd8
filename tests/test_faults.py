"""Whatever happens to the service, nothing is lost that it acknowledged, and it says so.

The short version of `make faults`. Each test puts several threads' mixed calls on a server
in a process of its own, does something to it, and compares everything that was
acknowledged with what is there: see `tests/faults/`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.faults.disk import DISK_FAULTS, DiskTrial, disk_on_trial
from tests.faults.kills import KILL, STOP, end_again_and_again
from tests.faults.leases import kill_workers
from tests.faults.nursery import QuickHome, nursing
from tests.faults.steps import step_the_clock
from tests.faults.stores import SqliteStore
from tests.processes import Home


@pytest.fixture(scope="module")
def nursery(first_home) -> Iterator[QuickHome]:
    with nursing(first_home) as home:
        yield home


@pytest.fixture
def quick_home(home: Home, nursery: QuickHome) -> QuickHome:
    """A data directory whose servers start at once."""
    return nursery.renewed(home)


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
    line = end_again_and_again(quick_home, SqliteStore(quick_home), ending, rounds=3, seed=seed)

    assert (line.times, line.lost) == (3, [])
    assert line.acknowledged > 30


@pytest.mark.parametrize("fault", DISK_FAULTS)
def test_a_broken_disk_refuses_with_a_reason_and_is_forgotten_when_it_is_mended(disk, fault):
    line = disk.break_and_mend(fault)

    assert line.lost == []


def test_a_clock_that_is_stepped_brings_no_session_back_and_holds_nothing_up(quick_home):
    line = step_the_clock(quick_home, times=1)

    assert line.lost == []


def test_what_a_killed_worker_was_sending_is_sent_by_another_and_others_answer_on(quick_home):
    line = kill_workers(quick_home, SqliteStore(quick_home), times=1)

    assert line.lost == []
