"""A server that is killed in a burst of events loses none that it acknowledged.

Three rounds here; `make crashes` runs fifty and prints what came of them.
"""

import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from tests.clocked_home import publish_until_it_ends
from tests.gates import until

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
PUBLISHERS = 4
LEASE = 60  # seconds


@dataclass
class Tally:
    """What came of all rounds."""

    rounds: int = 0
    published: int = 0
    acknowledged: list[str] = field(default_factory=list)
    arrived: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> set[str]:
        return set(self.acknowledged) - set(self.arrived)

    def __str__(self) -> str:
        columns = {
            "rounds": self.rounds,
            "published": self.published,
            "acknowledged": len(self.acknowledged),
            "arrived": len(self.arrived),
            "duplicates": self.arrived.total() - len(self.arrived),
            "lost": len(self.lost),
        }
        return f"\n{'  '.join(columns)}\n" + "  ".join(
            f"{value:>{len(name)}}" for name, value in columns.items()
        )


@pytest.fixture(scope="module")
def tally(request):
    found = Tally()
    yield found
    if "CRASH_ROUNDS" in os.environ:
        request.config.get_terminal_writer().line(str(found))


@pytest.fixture(scope="module")
def hook(clocked_home):
    with clocked_home.serving() as server:
        return clocked_home.new_hook(server, "/burst")


def serving_after_a_crash(clocked_home):
    """Serve when the leases of the process before have run out, which had no time to end them."""
    clocked_home.clock.advance(seconds=LEASE)
    return clocked_home.serving()


@pytest.mark.parametrize("number", range(1, ROUNDS + 1), ids=lambda number: f"round-{number}")
def test_every_acknowledged_event_arrives_though_the_server_was_killed(
    clocked_home, hook, tally, number
):
    before = len(hook.requests)
    # The pool is left last: whatever happens in here, the server ends and so do the publishers.
    with ThreadPoolExecutor(PUBLISHERS) as pool, serving_after_a_crash(clocked_home) as server:
        platform = clocked_home.platform(server)
        publishing = [
            pool.submit(publish_until_it_ends, platform, hook.app_id, f"{number}-{one}")
            for one in range(PUBLISHERS)
        ]
        hook.wait_for(before + 1)  # it is publishing and sending
        threading.Event().wait(random.uniform(0, 0.5))  # noqa: S311 - at any moment
        server.kill()
        outcomes = [one.result() for one in publishing]
    acknowledged = [event_id for _, some in outcomes for event_id in some]

    with serving_after_a_crash(clocked_home):
        until(lambda: set(acknowledged) <= set(hook.received))

    tally.rounds += 1
    tally.published += sum(calls for calls, _ in outcomes)
    tally.acknowledged += acknowledged
    tally.arrived = Counter(hook.received)
    assert acknowledged
    assert tally.lost == set()
