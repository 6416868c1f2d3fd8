"""Service keys: credentials of the platform's own services."""

from __future__ import annotations

from typing import Any

from tests.model.reference import Record, World, refuse, refuse_fields

_ROLES = ("", "OPERATOR", "VERIFIER", "LINK", "PUBLISHER")


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a service key, and show it once."""
    roles = [_ROLES[role] for role in sorted(asked.roles)]
    if ("PUBLISHER" in roles) != bool(asked.event_prefixes):
        refuse_fields("event_prefixes")
    earlier = world.earlier(caller, asked)
    if earlier:
        refuse("SERVICE_KEY_ALREADY_EXISTS", service_key_id=earlier)
    key = {
        "id": world.take(said.service_key.id, "key"),
        "display_name": asked.display_name,
        "roles": roles,
        "event_prefixes": list(asked.event_prefixes),
        "hint": said.key[-4:],
        "create_time": world.seen(said.service_key.create_time),
        "revoke_time": None,
        "key": said.key,
    }
    world.service_keys[key["id"]] = key
    facts = {name: key[name] for name in ("roles", "event_prefixes", "display_name")}
    world.write(caller, "service_key.created", key["id"], **facts)
    world.remember(caller, asked, key["id"])
    return {"service_key": key, "key": said.key}


def revoke(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a service key for good, the caller's own included."""
    key = world.service_keys.get(asked.service_key_id)
    if key is None:
        refuse("SERVICE_KEY_NOT_FOUND", service_key_id=asked.service_key_id)
    if key["revoke_time"] is None:
        key["revoke_time"] = world.moment()
        world.write(caller, "service_key.revoked", key["id"])
    return {"service_key": key}


def page(world: World, _: Record, asked: Any, said: Any) -> Record:
    """List service keys, oldest first; those of before this history as the server says."""
    wanted = [
        key
        for key in world.service_keys.values()
        if asked.show_inactive or key["revoke_time"] is None
    ]
    by_id = {one.id: one for one in said.service_keys if one.id not in world.service_keys}
    by_id |= {key["id"]: key for key in wanted}
    in_order = [by_id[one] for one in sorted(by_id)]  # ids are in the order of time
    return {"service_keys": in_order, "next_page_token": said.next_page_token}
