"""Deliveries: each endpoint's copy of an event. The receiver of the histories takes everything.

So a delivery is made as soon as it is due: what waits is due later, or was cancelled (rule 9).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.model import reference_endpoints as endpoints
from tests.model import reference_events as events
from tests.model.reference import Moment, Record, World, refuse, sees

_STATES = ("", "PENDING", "SENDING", "DELIVERED", "EXHAUSTED", "CANCELLED")
_CAUSES = ("", "EVENT", "TEST", "REDELIVERY")


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


def page(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """List an app's deliveries, newest first: of one endpoint or event, in one state."""
    app_id = asked.app_id
    if asked.endpoint_id:
        endpoint = world.thing(caller, world.endpoints, "endpoint", asked.endpoint_id)
        app_id = app_id or endpoint["app_id"]
    app = world.app(caller, app_id)
    if asked.event_id and not _rows(world, app, asked.event_id):
        refuse("EVENT_NOT_FOUND", event_id=asked.event_id)
    wanted = [
        one
        for one in world.deliveries
        if world.endpoints[one["endpoint_id"]]["app_id"] == app["id"]
        and asked.endpoint_id in {"", one["endpoint_id"]}
        and asked.event_id in {"", one["row"].get("public_id")}
        and (not asked.state or _STATES[asked.state] == state(world, one))
    ]
    told = [view(world, _meant(wanted, one), one) for one in reversed(said.deliveries)]
    ids = [one["id"] for one in told]
    assert ids == sorted(set(ids)), "not each delivery once, newest first"
    missing = [view(world, one) for one in wanted if one.get("id") not in ids]
    return {"deliveries": told[::-1] + missing}


def get(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Give one delivery, with its attempts: one if it is delivered, else none."""
    known = (one for one in world.deliveries if one.get("id") == asked.delivery_id)
    delivery = next(known, None)
    app = world.apps[delivery["row"]["app_id"]] if delivery else None
    if delivery is None or app is None or app.get("delete_time") or not sees(caller, app):
        refuse("DELIVERY_NOT_FOUND", delivery_id=asked.delivery_id)
    shown = view(world, delivery, said.delivery)
    attempts = [
        {"number": 1, "start_time": _since(world, delivery), "status": 200, "latency": one.latency}
        for one in said.delivery.attempts
    ]
    return {"delivery": {**shown, "attempts": attempts[: shown["attempt_count"]]}}


def view(world: World, delivery: Record, said: Any = None) -> Record:
    """A delivery as it is told; its id and its times are learned, and then stay."""
    row, now = delivery["row"], state(world, delivery)
    if said is not None:
        delivery.setdefault("id", said.id)
    created = delivery.setdefault("create_time", _since(world, delivery))
    ended = delivery.setdefault("end_time", _since(world, delivery)) if now != "PENDING" else None
    return {
        "id": delivery.get("id", "one that is not told of"),
        "endpoint_id": delivery["endpoint_id"],
        "event_id": row.get("public_id", ""),
        "event_type": row["event"],
        "state": now,
        "cancel_reason": delivery["cancel_reason"],
        "cause": delivery["cause"],
        "attempt_count": int(now == "DELIVERED"),
        "next_attempt_time": delivery["due"] if now == "PENDING" else None,
        "create_time": created,
        "end_time": ended,
    }


def _meant(deliveries: list[Record], said: Any) -> Record:
    """Which delivery is told of: the oldest that it can be, if its id is not known."""
    found = [one for one in deliveries if one.get("id") == said.id] or [
        one
        for one in deliveries
        if "id" not in one
        and (one["endpoint_id"], one["row"].get("public_id")) == (said.endpoint_id, said.event_id)
        and _CAUSES[said.cause] == one["cause"]
    ]
    assert found, f"{said.event_id} has no such delivery to {said.endpoint_id}"
    return found[0]


def _since(world: World, delivery: Record) -> Moment:
    """Some time between the event and now."""
    return Moment(delivery["row"]["time"], world.until)


def _rows(world: World, app: Record, event_id: str) -> list[Record]:
    rows = [one for one in world.journal if one["event"] and one["app_id"] == app["id"]]
    return [one for one in rows if one.get("public_id") == event_id]


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
    app = world.apps[endpoint["app_id"]]
    rows = [one for one in world.journal if one["event"] and one["app_id"] == app["id"]]
    if asked.event_id:
        rows = _rows(world, app, asked.event_id)
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
