"""Two processes on one database share the deliveries: each attempt is made once."""

import threading
from collections import Counter

import pytest
from tests.gates import until
from tests.races import Race
from tests.receiver import answer, slow

from finlink.config import v1

EVENTS = 500


@pytest.fixture(scope="module")
def servers(clocked_home):
    with clocked_home.serving() as one, clocked_home.serving() as other:
        yield one, other


@pytest.fixture
def platforms(clocked_home, servers):
    return [clocked_home.platform(server) for server in servers]


def test_500_events_are_sent_to_each_endpoint_once(clocked_home, servers, platforms):
    hook = clocked_home.new_hook(servers[0], "/shared")

    race = Race(
        4,
        lambda number: [
            platforms[number % 2].publish(hook.app_id, f"shared-{number}-{one}")
            for one in range(EVENTS // 4)
        ],
    )
    ids = [event_id for some in race.answers for event_id in some]
    hook.wait_for(EVENTS)
    until(lambda: not unfinished(hook))

    assert Counter(hook.received) == Counter(ids)
    deliveries = hook.deliveries(state=v1.DELIVERY_STATE_DELIVERED)
    assert sorted(one.event_id for one in deliveries) == sorted(ids)  # one of each
    assert {one.attempt_count for one in deliveries} == {1}


def unfinished(hook):
    return [
        one
        for state in (v1.DELIVERY_STATE_PENDING, v1.DELIVERY_STATE_SENDING)
        for one in hook.deliveries(state=state)
    ]


def test_an_endpoint_gets_8_at_one_time_of_all_processes_together(clocked_home, servers, platforms):
    hook = clocked_home.new_hook(servers[0], "/held")
    probes = [clocked_home.new_hook(server, f"/probe-{n}") for n, server in enumerate(servers)]
    released = threading.Event()
    hook.on(slow(released, answer(200)))
    ids = [platforms[number % 2].publish(hook.app_id) for number in range(30)]

    hook.wait_for(8)
    for probe in probes * 3:
        probe.look()

    assert len(hook.requests) == 8
    released.set()
    hook.wait_for(30)
    assert sorted(hook.received) == sorted(ids)
