"""Deliveries: each endpoint's copy of an event. The receiver of the histories takes everything.

So a delivery is made as soon as it is due: what waits is due later, or was cancelled (rule 9).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.model import reference_endpoints as endpoints
from tests.model import reference_events as events
from tests.model.reference import Record, World, refuse


def state(world: World, delivery: Record) -> str:
    """Where a delivery stands once nobody is at work."""
    if delivery["cancel_reason"]:
        return "CANCELLED"
    return "DELIVERED" if delivery["due"] <= world.now else "PENDING"


def queue(world: World, rows: list[Record]) -> None:
    """Give each endpoint its copy of the events that it wants."""
    for row in rows:
        for endpoint in endpoints.of_app(world, row["app_id"]) if row["event"] else ():
            is_test = row["type"] == "webhook.test"  # its delivery was made with it
            if row["seq"] > endpoint["from_seq"] and not is_test and wants(endpoint, row):
                _add(world, endpoint, row, "EVENT")


def wants(endpoint: Record, row: Record) -> bool:
    """Whether an endpoint is to be told of an event of its app."""
    if row["type"] == "webhook.test":
        return bool(row["target_id"] == endpoint["id"])
    if row["event"] == "endpoint.disabled" and row["target_id"] == endpoint["id"]:
        return False
    return any(events.matches(entry, row["event"]) for entry in endpoint["event_types"])


def cancel(world: World, endpoint_ids: Collection[str], reason: str) -> int:
    """Give up what waits; how many."""
    waiting = [
        one
        for one in world.deliveries
        if one["endpoint_id"] in endpoint_ids and state(world, one) == "PENDING"
    ]
    for delivery in waiting:
        delivery["cancel_reason"] = reason
    return len(waiting)


def send_test(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Send a `webhook.test` to one endpoint, whatever types it wants."""
    endpoint = _enabled(world, caller, asked.endpoint_id)
    app = world.apps[endpoint["app_id"]]
    row = world.write(caller, "webhook.test", endpoint["id"], of=app)
    _add(world, endpoint, row, "TEST")
    told = events.view(row, said.event)
    delivery = {
        "id": said.delivery.id,
        "endpoint_id": endpoint["id"],
        "event_id": told["id"],
        "event_type": "webhook.test",
        "state": "PENDING",
        "cause": "TEST",
        "create_time": world.moment(),
        "next_attempt_time": world.moment(),
    }
    return {"event": told, "delivery": delivery}


def redeliver(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Send an event again, or those of a window that the endpoint wants and has not got."""
    endpoint = _enabled(world, caller, asked.endpoint_id)
    rows = [one for one in world.journal if one["event"] and one["app_id"] == endpoint["app_id"]]
    if asked.event_id:
        rows = [one for one in rows if one.get("public_id") == asked.event_id]
        if not rows:
            refuse("EVENT_NOT_FOUND", event_id=asked.event_id)
    else:
        got = {
            id(one["row"])
            for one in world.deliveries
            if one["endpoint_id"] == endpoint["id"] and state(world, one) == "DELIVERED"
        }
        rows = [
            row
            for row in rows
            if id(row) not in got and wants(endpoint, row) and events.due(row) <= world.now
        ]
    if rows and not asked.validate_only:
        for row in rows:
            if not any(_waits(world, one, endpoint, row) for one in world.deliveries):
                _add(world, endpoint, row, "REDELIVERY")
        app = world.apps[endpoint["app_id"]]
        first, last = (one.get("public_id", ...) for one in (rows[0], rows[-1]))
        facts = {"events": len(rows), "first_event_id": first, "last_event_id": last}
        world.write(caller, "endpoint.redelivered", endpoint["id"], of=app, **facts)
    return {"event_count": len(rows)}


def _waits(world: World, delivery: Record, endpoint: Record, row: Record) -> bool:
    is_this = delivery["endpoint_id"] == endpoint["id"] and delivery["row"] is row
    return is_this and state(world, delivery) == "PENDING"


def _enabled(world: World, caller: Record, endpoint_id: str) -> Record:
    endpoint = endpoints.find(world, caller, endpoint_id)
    if endpoint["disable_time"]:
        refuse("ENDPOINT_DISABLED", endpoint_id=endpoint_id)
    return endpoint


def _add(world: World, endpoint: Record, row: Record, cause: str) -> None:
    account = world.accounts[world.apps[endpoint["app_id"]]["account_id"]]
    disabled = "ENDPOINT_DISABLED" if endpoint["disable_time"] else ""
    world.deliveries.append(
        {
            "endpoint_id": endpoint["id"],
            "row": row,
            "cause": cause,
            "due": max(world.now, events.due(row)),
            "cancel_reason": "ACCOUNT_SUSPENDED" if account["suspend_time"] else disabled,
        }
    )
