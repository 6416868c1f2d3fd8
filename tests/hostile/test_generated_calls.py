"""Thousands of calls out of the descriptors, good, half good and garbage, by everybody.

Some thousands here; the long run is `HOSTILE_CALLS=100000`. A failure names the seed and the
call; `HOSTILE_SEED=<seed>` makes the same calls again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests import people, quick_server
from tests.hostile import vitals
from tests.hostile.barrage import TARGETS, Barrage, Outcomes
from tests.hostile.vitals import Reading
from tests.processes import Home, Process

CALLS = int(os.environ.get("HOSTILE_CALLS", "2000"))
SEED = int(os.environ.get("HOSTILE_SEED", "6"))
# Each thread that works keeps a connection to the database, with pages of it in memory.
MOST_GROWTH = 48  # MB
MOST_NEW = 24  # threads, or descriptors


@dataclass(frozen=True)
class Story:
    """What came of all calls, and what the server took after the first of them and at the end."""

    server: Process
    outcomes: Outcomes
    warm: Reading
    last: Reading

    def __str__(self) -> str:
        return f"{self.outcomes}\nafter a third: {self.warm}\nat the end: {self.last}"


@pytest.fixture(scope="module")
def story(
    first_home: Home,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Story]:
    copied = first_home.copy_to(tmp_path_factory.mktemp("barrage") / "home")
    home = replace(copied, program=("-P", quick_server.__file__))
    loopback = {"TRUSTED_PROXIES": "127.0.0.0/8", "WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8"}
    with home.serving(**loopback) as server:
        barrage = Barrage(server, home.operator_key, SEED)
        barrage.run(CALLS // 3)
        warm = vitals.read(server.pid)
        barrage.run(CALLS - CALLS // 3)
        _forget_most()
        told = Story(server, barrage.outcomes, warm, vitals.read(server.pid))
        if "HOSTILE_CALLS" in os.environ:
            request.config.get_terminal_writer().line(f"\nseed {SEED}: {told}")
        yield told


def _forget_most() -> None:
    """Keep some of the thousands of credentials: each is looked for in all that was written."""
    for credential in sorted(people.CANARIES)[1000:]:
        people.CANARIES.discard(credential)


def test_every_call_is_answered_or_refused_with_a_published_reason(story):
    assert not story.outcomes.wrong, "\n".join(story.outcomes.wrong)


def test_calls_come_to_every_method_by_everybody_and_many_are_accepted(story):
    ours = [one.path for one in TARGETS if one.path.startswith("/finlink")]

    assert story.outcomes.calls == CALLS
    assert len(story.outcomes.accepted) > len(ours) * (0.5 if CALLS < 10_000 else 0.9)
    assert min(story.outcomes.callers.values()) > CALLS / len(story.outcomes.callers) / 4


def test_the_server_notices_no_defect_of_its_own(story):
    assert [line for line in story.server.err.splitlines() if '"defect"' in line] == []
    assert "Traceback" not in story.server.err


def test_the_server_does_not_grow(story):
    assert story.server.is_running
    assert story.last.memory - story.warm.memory < MOST_GROWTH
    assert story.last.threads - story.warm.threads < MOST_NEW
    assert story.last.descriptors - story.warm.descriptors < MOST_NEW
