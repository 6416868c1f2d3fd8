"""Events and the journal: one record, read as audit log and as what webhooks tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from tests.model import reference_accounts as accounts
from tests.model.reference import MINUTE, SECOND, Moment, Record, World, at, refuse, refuse_fields

# Event type → what of the facts stands in its data, and under which name the target does.
_DATA = {
    "link.opened": "link_id link_token_id",
    "link.refused": "- reason",
    "secret.created": "secret_id hint scopes expire_time",
    "secret.leaked": "secret_id hint ended_session_id=ended_session",
    "secret.revoked": "secret_id hint reason ended_session_id=ended_session",
    "secret.rotated": "secret_id replaced_by overlap_seconds ended_session_id=ended_session",
    "session.revoked": "session_id secret_id",
    "session.superseded": "superseded_by session_id=superseded secret_id",
    "settings.updated": "- version changed_paths=paths rolled_back_to",
    "endpoint.disabled": "endpoint_id disabled_reason",
    "webhook.test": "endpoint_id",
}


def due(row: Record) -> int:
    """When webhooks may tell of an event: at once, or when the minute of its count is over."""
    if row["type"] != "link.refused":
        return int(row["time"])
    return int((row["time"] // MINUTE + 1) * MINUTE + 10 * SECOND)


def matches(entry: str, event_type: str) -> bool:
    """Whether a type is the one wanted, or of the group wanted."""
    return event_type.startswith(entry[:-1]) if entry.endswith(".*") else entry == event_type


def publish(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Take up an event of another service; the same again gives the one that is there."""
    if asked.type.partition(".")[0] in {"secret", "link", "session", "webhook"}:
        refuse_fields("type")
    if not any(asked.type.startswith(prefix) for prefix in caller["key"]["event_prefixes"]):
        refuse("CALLER_NOT_ALLOWED")
    app = world.app(caller, asked.app_id)
    for row in world.journal:
        is_it = row["type"] == "event.published" and row["app_id"] == app["id"]
        if is_it and row["target_id"] == asked.event_id:
            if (row["facts"]["event_type"], row["payload"]) != (asked.type, asked.payload_json):
                refuse_fields("event_id")
            return {"event": view(row, said.event)}
    row = world.write(
        caller, "event.published", asked.event_id, of=app, event_type=asked.type, content_mac=...
    )
    row["payload"] = asked.payload_json
    return {"event": view(row, said.event)}


def page(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """List an app's events of some types, newest first."""
    app = world.app(caller, asked.app_id)
    rows = [
        row
        for row in reversed(world.journal)
        if row["app_id"] == app["id"]
        and row["event"]
        and any(matches(entry, row["event"]) for entry in asked.types)
    ]
    others = [*said.events, *[None] * len(rows)]
    return {"events": [view(row, other) for row, other in zip(rows, others, strict=False)]}


def audit(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Read the journal of an account or an app, newest first."""
    app_id, account_id = asked.app_id, asked.account_id
    if app_id:
        account_id = world.app(caller, app_id)["account_id"]
    elif account_id or caller["kind"] == "ACCOUNT":
        account_id = accounts.get(world, caller, asked, None)["account"]["id"]
    rows = [
        row
        for row in reversed(world.journal)
        if account_id in {"", row["account_id"]}
        and app_id in {"", row["app_id"]}
        and (not asked.types or row["type"] in asked.types)
        and asked.actor_id in {"", row["actor"][1]}
        and asked.target_id in {"", row["target_id"]}
    ]
    others = [*said.events, *[None] * len(rows)]
    return {"events": [_audited(row, other) for row, other in zip(rows, others, strict=False)]}


def types(_: World, __: Record, ___: Any, said: Any) -> Record:
    """List the types by name, each with words and a sample of what stands in its data."""
    shown = []
    for name, one in zip(sorted([*_DATA, "secret.expiring"]), said.event_types, strict=True):
        assert one.description, f"{name} has no description"
        sample = json.loads(one.sample_json)
        words = _DATA.get(name, "secret_id hint expire_time days_left").split()
        wanted = {word.partition("=")[0] for word in words} - {"-"}
        wanted |= {"count", "first_time"} if name == "link.refused" else set()
        assert (sample["type"], set(sample["data"])) == (name, wanted), f"the sample is {sample}"
        shown.append({"name": name, "description": one.description, "sample_json": one.sample_json})
    return {"event_types": shown}


def verify(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Verify the journal: it has what we know of, and nothing is wrong with it."""
    account_id = asked.account_id
    if account_id or caller["kind"] == "ACCOUNT":
        account_id = accounts.get(world, caller, asked, None)["account"]["id"]
    known = sum(row["account_id"] == account_id for row in world.journal)
    assert said.row_count >= known, f"{said.row_count} rows, and {known} were written"
    assert len(bytes.fromhex(said.head)) == 32, f"no MAC: {said.head}"
    return {"row_count": said.row_count, "head": said.head}


def view(row: Record, said: Any) -> Record:
    """An event as it is told; its id and its text are learned, and then stay."""
    if said is None:
        return row
    published = row["type"] == "event.published"
    row.setdefault("public_id", row["target_id"] if published else said.id)
    row["when"].see(said.event_time.ToMicroseconds())
    check_body(row, json.loads(said.payload_json))
    return {
        "id": row["public_id"],
        "app_id": row["app_id"],
        "type": row["event"],
        "event_time": row["when"],
        "payload_json": said.payload_json,
    }


def check_body(row: Record, body: Record) -> None:
    """See that a body is the event's: nothing else in it, and nothing missing."""
    expected = {
        "type": row["event"],
        "id": row["public_id"],
        "timestamp": _text(row["when"]),
        "app_id": row["app_id"],
        "data": _data(row),
    }
    assert body == expected, f"{body}, not {expected}"


def _data(row: Record) -> Record:
    if row["type"] == "event.published":
        return dict(json.loads(row["payload"]))
    target, *others = _DATA[row["event"]].split()
    told = {name.partition("=")[0]: row["facts"].get(name.rpartition("=")[2]) for name in others}
    if row["event"] == "link.refused":
        told |= {"count": row["count"], "first_time": _text(row["when"])}
    if row["event"] == "secret.created":
        told["expire_time"] = told["expire_time"] and _text(told["expire_time"])
    return told if target == "-" else {target: row["target_id"], **told}


def _text(time: int | Moment) -> str:
    """A time as in RFC 3339, to the microsecond."""
    seconds, rest = divmod(at(time), SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def _audited(row: Record, said: Any) -> Record:
    if said is None:
        return {"type": row["type"], "target_id": row["target_id"]}
    if row["type"] != "event.published":
        row.setdefault("public_id", said.id)
        assert said.id == row["public_id"], "a row and its event have one id"
    facts = json_format.MessageToDict(said.facts)
    told = {name: _sorted(value) for name, value in facts.items()}
    unseen = {name: told.get(name) for name, value in row["facts"].items() if value is ...}
    expected = {name: _sorted(value) for name, value in row["facts"].items()} | unseen
    assert told == expected, f"{row['type']} says {told}, not {expected}"
    kind, actor_id = row["actor"]
    return {
        "id": said.id,
        "type": row["type"],
        "event_time": row["when"],
        "account_id": row["account_id"],
        "app_id": row["app_id"],
        "actor": {"kind": kind, "id": actor_id},
        "target_id": row["target_id"],
        "facts": said.facts if said.HasField("facts") else None,
        "call_id": row["call_id"],
        "client_address": row["client_address"],
        "count": row["count"],
    }


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
