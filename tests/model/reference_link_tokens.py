"""Link tokens: signed references to Link parameters that were stored before."""

from __future__ import annotations

from typing import Any

from tests.model import reference_link_decision as decision
from tests.model import reference_settings as settings
from tests.model import reference_signing_keys as signing_keys
from tests.model.reference import SECOND, Record, World, refuse, refuse_fields
from tests.model.reference_banks import PRODUCTS, why_hidden

DEFAULT_TTL = 30 * 60  # seconds
_STATES = ("", "ACTIVE", "USED_UP", "EXPIRED", "REVOKED")


def state(world: World, token: Record) -> str:
    """Whether it can open a Link now."""
    if token["revoke_time"] is not None:
        return "REVOKED"
    if token["opens"] >= token["max_opens"]:
        return "USED_UP"
    return "EXPIRED" if token["expire_time"] <= world.now else "ACTIVE"


def view(world: World, token: Record) -> Record:
    """A Link token as it is told."""
    return {**token, "state": state(world, token)}


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Store parameters that could open now, and give an auth token that stands for them."""
    parameters = _parameters(asked.parameters)
    if decision.problem(parameters):
        refuse_fields(f"parameters.{decision.problem(parameters)}")
    app = world.app(caller, asked.app_id)
    earlier = world.earlier(caller, asked)
    if earlier:
        token = world.link_tokens[earlier]
        kid = _see_signed(world, token, said.auth_token)
        # The same claims, and while the same key signs, the same token.
        assert token["texts"].setdefault(said.auth_token, kid) == kid
        assert len(set(token["texts"].values())) == len(token["texts"])
        return {"auth_token": said.auth_token, "link_token": view(world, token)}
    _refuse_unopenable(world, settings.present(world, app)["document"], parameters)
    token_id = world.take(said.link_token.id, "ltk")
    ttl = asked.ttl.seconds if asked.HasField("ttl") else DEFAULT_TTL
    token = {
        "id": token_id,
        "app_id": app["id"],
        "parameters": parameters,
        "max_opens": asked.max_opens or 1,
        "opens": 0,
        "create_time": world.seen(said.link_token.create_time),
        "expire_time": world.whole_second(world.now, ttl),
        "revoke_time": None,
    }
    token["texts"] = {said.auth_token: _see_signed(world, token, said.auth_token)}
    world.link_tokens[token_id] = token
    facts = {"redirect_id": parameters["redirect_id"], "max_opens": token["max_opens"]}
    world.write(caller, "link_token.created", token_id, of=app, **facts)
    world.remember(caller, asked, token_id)
    return {"auth_token": said.auth_token, "link_token": view(world, token)}


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one Link token."""
    return {"link_token": view(world, _find(world, caller, asked.link_token_id))}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List an app's Link tokens, newest first; those in a state, if one is asked for."""
    app = world.app(caller, asked.app_id)
    mine = [one for one in world.link_tokens.values() if one["app_id"] == app["id"]]
    shown = [view(world, token) for token in reversed(mine)]
    wanted = _STATES[asked.state]
    return {"link_tokens": [one for one in shown if wanted in {"", one["state"]}]}


def revoke(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a Link token for good, and the open Links that it opened."""
    token = _find(world, caller, asked.link_token_id)
    if token["revoke_time"] is not None:
        return {"link_token": view(world, token), "ended_links": 0}
    token["revoke_time"] = world.moment()
    ended = [
        link
        for link in world.links.values()
        if link["link_token_id"] == token["id"]
        and link["revoke_time"] is None
        and link["expire_time"] > world.now
    ]
    for link in ended:
        link["revoke_time"] = world.moment()
    app = world.apps[token["app_id"]]
    world.write(caller, "link_token.revoked", token["id"], of=app, ended_links=len(ended))
    return {"link_token": view(world, token), "ended_links": len(ended)}


def _refuse_unopenable(world: World, document: Record, parameters: Record) -> None:
    if not decision.redirect_uri(document, parameters["redirect_id"]):
        refuse("LINK_REDIRECT_UNKNOWN", redirect_id=parameters["redirect_id"])
    narrowed = (parameters["product"], parameters["country_codes"], parameters["bank_ids"])
    for bank_id in parameters["bank_ids"]:
        if why_hidden(world, document, bank_id, *narrowed):
            refuse("LINK_BANK_NOT_AVAILABLE", bank_id=bank_id)
    decision.refuse_banks(world, document, parameters)


def _see_signed(world: World, token: Record, text: str) -> str:
    return signing_keys.see_signed(
        world,
        "LINK",
        text,
        sub=token["app_id"],
        jti=token["id"],
        iat=token["create_time"] // SECOND,
        exp=token["expire_time"] // SECOND,
    )


def _parameters(message: Any) -> Record:
    """The stored parameters, by field; enums as their bare words."""
    enums = {
        "product": PRODUCTS,
        "subproduct": ("", "FUND", "PENSION_PLAN"),
        "theme": ("", "LIGHT", "DARK"),
    }
    values: Record = {}
    for name, unset in decision.UNSET.items():
        value = getattr(message, name)
        if name in enums:
            value = enums[name][value]
        values[name] = list(value) if isinstance(unset, list) else value
    return values


def _find(world: World, caller: Record, token_id: str) -> Record:
    return world.thing(caller, world.link_tokens, "link_token", token_id)
