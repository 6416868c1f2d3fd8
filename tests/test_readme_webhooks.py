"""What the guide says about webhooks: times and limits are the server's."""

from __future__ import annotations

import inspect
import re

import pytest
from tests import readme

from finlink.config import v1
from finlink_server import webhook_sender
from finlink_server.domain import (
    delivery_queue,
    delivery_schedule,
    endpoints,
    event_types,
    events,
    signing_secrets,
)
from finlink_server.env import MICROSECONDS

SAID = readme.section("Webhooks")
PROTO = (readme.REPOSITORY / "protos/finlink/config/v1/webhook_service.proto").read_text()
SCHEDULE = "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h"
PATIENCE = inspect.signature(webhook_sender.Sender).parameters
DAY = 24 * 3600 * MICROSECONDS
UNITS = {"s": 1, "min": 60, "h": 3600}


def test_the_table_of_event_types_is_the_servers():
    said = [(name, readme.names(data)) for name, _, data in readme.table("Events", "type")]

    assert said == [(f"`{kind.name}`", list(kind.sample)) for kind in event_types.TYPES]


def test_the_table_of_states_is_the_contracts():
    states = [name.removeprefix("DELIVERY_STATE_") for name in v1.DeliveryState.keys()[1:]]

    said = readme.table("Webhooks", "a delivery is")

    assert [readme.names(state) for state, _ in said] == [[state] for state in states]


@pytest.mark.parametrize(
    ("enum", "prefix"),
    [(v1.CancelReason, "CANCEL_REASON_"), (v1.DisabledReason, "DISABLED_REASON_")],
)
def test_every_reason_is_named(enum, prefix):
    reasons = {name.removeprefix(prefix) for name in enum.keys()[1:]}

    assert reasons <= set(readme.names(SAID))


@pytest.mark.parametrize("text", [SAID, PROTO], ids=["guide", "proto"])
def test_the_schedule_is_the_servers(text):
    words = re.findall(r"(\d+) (s|min|h)", SCHEDULE)

    assert SCHEDULE in " ".join(text.replace("//", "").split())
    assert tuple(int(count) * UNITS[unit] for count, unit in words) == delivery_schedule.STEPS


@pytest.mark.parametrize(
    "sentence",
    [
        f"{endpoints.MOST} endpoints for each app",
        f"{signing_secrets._MOST_LIVE} signing secrets that sign at one time",
        f"{delivery_queue.PER_ENDPOINT} attempts at one time at each endpoint",
        f"{delivery_schedule.MOST_ATTEMPTS} times in all",
        f"all {delivery_schedule.MOST_ATTEMPTS} attempts failed",
        f"every attempt failed for {delivery_schedule.GIVE_UP_AFTER // DAY} days",
        f"kept for {events.RETENTION // DAY} days",
        f"an object of at most {events._LARGEST_PAYLOAD // 1024} kB",
        f"the first {webhook_sender._LONGEST_BODY // 1024} kB of what was answered",
        f"within {PATIENCE['total_seconds'].default:g} seconds",
        f"{PATIENCE['connect_seconds'].default:g} are for the connection",
    ],
)
def test_a_number_is_the_servers(sentence):
    assert sentence in SAID
