"""Webhook endpoints: at most 10 of an app, with secrets that sign."""

from __future__ import annotations

from typing import Any

from tests.model import reference_deliveries as deliveries
from tests.model.reference import SECOND, Record, World, at, check_etag, refuse

MOST = 10
MOST_SIGNING = 5
DEFAULT_OVERLAP = 24 * 3600  # seconds


def of_app(world: World, app_id: str) -> list[Record]:
    """An app's endpoints, oldest first."""
    mine = [one for one in world.endpoints.values() if one["app_id"] == app_id]
    return [endpoint for endpoint in mine if not endpoint["is_deleted"]]


def view(world: World, endpoint: Record) -> Record:
    """An endpoint as it is told: with the secrets that sign now, newest first."""
    living = _signing(world, endpoint)
    return {**endpoint, "signing_secrets": living, "disabled": bool(endpoint["disable_time"])}


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make an endpoint, and show its signing secret, once."""
    app = world.app(caller, asked.app_id)
    _refuse_repeat(world, caller, asked)
    if len(of_app(world, app["id"])) >= MOST:
        refuse("ENDPOINT_LIMIT_REACHED", limit=MOST)
    endpoint = {
        "id": world.take(said.endpoint.id, "whe"),
        "app_id": app["id"],
        "uri": asked.uri,
        "event_types": list(asked.event_types),
        "display_name": asked.display_name,
        "disabled_reason": "",
        "disable_time": None,
        "create_time": world.seen(said.endpoint.create_time),
        "update_time": world.seen(said.endpoint.update_time),
        "etag": world.new_etag(said.endpoint.etag),
        "secrets": [],
        "from_seq": len(world.journal),  # it gets what happens from now on
        "is_deleted": False,
    }
    world.endpoints[endpoint["id"]] = endpoint
    row = {"uri": asked.uri, "event_types": list(asked.event_types)}
    world.write(caller, "endpoint.created", endpoint["id"], of=app, **row)
    world.remember(caller, asked, endpoint["id"])
    return _signed(world, endpoint, said)


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one endpoint, never its signing secret."""
    return {"endpoint": view(world, find(world, caller, asked.endpoint_id))}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List an app's endpoints, oldest first."""
    app = world.app(caller, asked.app_id)
    return {"endpoints": [view(world, one) for one in of_app(world, app["id"])]}


def update(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Take over what the mask names; disabling cancels what is not delivered yet."""
    endpoint = find(world, caller, asked.endpoint.id)
    check_etag(asked.endpoint.etag, endpoint["etag"])
    paths = set(asked.update_mask.paths)
    facts: Record = {}
    for name in ("uri", "event_types", "display_name"):
        value = getattr(asked.endpoint, name)
        value = value if isinstance(value, str) else list(value)
        if paths & {name, "*"} and value != endpoint[name]:
            texts = [
                one if isinstance(one, str) else " ".join(one) for one in (endpoint[name], value)
            ]
            facts[name] = {"old": texts[0], "new": texts[1]}
            endpoint[name] = value
    disabled = asked.endpoint.disabled
    if paths & {"disabled", "*"} and disabled != bool(endpoint["disable_time"]):
        endpoint["disable_time"] = world.moment() if disabled else None
        endpoint["disabled_reason"] = "REQUESTED" if disabled else ""
        facts["disabled"] = disabled
        if disabled:
            facts["disabled_reason"] = "REQUESTED"
            deliveries.cancel(world, [endpoint["id"]], "ENDPOINT_DISABLED")
    if facts:
        endpoint["etag"] = world.new_etag(said.endpoint.etag)
        endpoint["update_time"] = world.seen(said.endpoint.update_time)
        app = world.apps[endpoint["app_id"]]
        world.write(caller, "endpoint.updated", endpoint["id"], of=app, **facts)
    return {"endpoint": view(world, endpoint)}


def delete(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Delete an endpoint for good, and cancel what is not delivered yet."""
    endpoint = find(world, caller, asked.endpoint_id)
    count = end(world, [endpoint], "ENDPOINT_DELETED")
    app = world.apps[endpoint["app_id"]]
    row = {"cancelled_deliveries": count}
    world.write(caller, "endpoint.deleted", endpoint["id"], of=app, **row)
    return row


def rotate(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a signing secret and show it, once; the others sign too for the overlap."""
    endpoint = find(world, caller, asked.endpoint_id)
    _refuse_repeat(world, caller, asked)
    overlap = asked.overlap.seconds if asked.HasField("overlap") else DEFAULT_OVERLAP
    for index, secret in enumerate(_signing(world, endpoint)):
        until = overlap * SECOND if index < MOST_SIGNING - 1 else 0
        if secret["expire_time"] is None or world.now + until < at(secret["expire_time"]):
            secret["expire_time"] = world.moment(until)
            secret["is_over"] = not until
    app = world.apps[endpoint["app_id"]]
    row = {"overlap_seconds": overlap}
    world.write(caller, "endpoint.signing_secret_rotated", endpoint["id"], of=app, **row)
    world.remember(caller, asked, endpoint["id"])
    return _signed(world, endpoint, said)


def find(world: World, caller: Record, endpoint_id: str) -> Record:
    """Find an endpoint that is there for the caller."""
    endpoint = world.endpoints.get(endpoint_id)
    if endpoint and endpoint["is_deleted"]:
        refuse("ENDPOINT_NOT_FOUND", endpoint_id=endpoint_id)
    return world.thing(caller, world.endpoints, "endpoint", endpoint_id)


def end(world: World, endpoints: list[Record], reason: str) -> int:
    """Delete endpoints; how many deliveries that cancelled."""
    for endpoint in endpoints:
        endpoint["is_deleted"] = True
    return deliveries.cancel(world, [one["id"] for one in endpoints], reason)


def _signing(world: World, endpoint: Record) -> list[Record]:
    living = [
        secret
        for secret in endpoint["secrets"]
        if secret["expire_time"] is None
        or (at(secret["expire_time"]) > world.now and not secret["is_over"])
    ]
    return living[::-1]


def _signed(world: World, endpoint: Record, said: Any) -> Record:
    hint = said.signing_secret.rstrip("=")[-4:]
    secret = {"hint": hint, "create_time": world.moment(), "expire_time": None, "is_over": False}
    secret["text"] = said.signing_secret
    endpoint["secrets"].append(secret)
    assert said.signing_secret.startswith("whsec_")
    return {"endpoint": view(world, endpoint), "signing_secret": said.signing_secret}


def _refuse_repeat(world: World, caller: Record, asked: Any) -> None:
    earlier = world.earlier(caller, asked)
    if earlier:
        refuse("ENDPOINT_ALREADY_EXISTS", endpoint_id=earlier)
