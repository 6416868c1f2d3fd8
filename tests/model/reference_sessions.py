"""Sessions: one active for each secret, one hour long, dead with the secret (rules 2, 3, 10)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import jwt
from tests.model import reference_signing_keys as signing_keys
from tests.model.reference import SCOPES, SECOND, Record, World, at, refuse, refuse_fields

_HOUR = 3600  # seconds


def why_inactive(world: World, session: Record) -> str:
    """Why a session is not active; empty while it is."""
    if session["end_time"] is not None:
        return str(session["end_reason"])
    return str(session["expire_reason"]) if session["expire_time"] <= world.now else ""


def view(world: World, session: Record) -> Record:
    """A session as it is told: an end by time has its time too."""
    reason = why_inactive(world, session)
    end_time = session["end_time"] or (session["expire_time"] if reason else None)
    return {**session, "end_time": end_time, "end_reason": reason}


def active_of(world: World, secret: Record) -> Record | None:
    """The one session that a secret has open."""
    mine = (one for one in world.sessions.values() if one["secret_id"] == secret["id"])
    return next((session for session in mine if not why_inactive(world, session)), None)


def may_come_from(secret: Record, address: str) -> bool:
    """Whether a secret's allowed_cidrs hold a client address."""
    networks = map(ipaddress.ip_network, secret["allowed_cidrs"])
    ip = ipaddress.ip_address(address)
    return not secret["allowed_cidrs"] or any(ip in network for network in networks)


def start(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Open a session with a client secret, and end the one that it had open."""
    text = asked.client_secret
    known = next((one for one in world.secrets.values() if one["client_secret"] == text), None)
    refusal, facts = _refusal(world, caller, known, asked)
    app = world.apps.get(known["app_id"] if known else asked.client_id)
    if refusal or known is None or app is None:
        credential = known["id"] if known else (app["id"] if app else "unknown")
        world.count_refusal(caller, "session.refused", credential, reason=refusal, of=app)
        refuse(refusal, **facts)
    older = active_of(world, known)
    expire_time, reason = world.whole_second(world.now, _HOUR), "EXPIRED"
    if known["expire_time"] is not None and known["expire_time"] <= expire_time:
        expire_time, reason = known["expire_time"], "SECRET_EXPIRED"
    session_id = world.take(said.session.id, "ses")
    scopes = [one for one in SCOPES if one in (asked.scopes or known["scopes"])]
    world.sessions[session_id] = session = {
        "id": session_id,
        "app_id": app["id"],
        "account_id": app["account_id"],
        "environment": app["environment"],
        "secret_id": known["id"],
        "scopes": scopes,
        "token": said.access_token,
        "token_end": expire_time,
        "create_time": world.seen(said.session.create_time),
        "expire_time": expire_time,
        "expire_reason": reason,
        "end_time": None,
        "end_reason": "",
        "superseded_by": "",
    }
    session["kid"] = signing_keys.see_signed(
        world,
        "SESSION",
        said.access_token,
        sub=app["id"],
        client_id=app["id"],
        iat=session["create_time"] // SECOND,
        exp=expire_time // SECOND,
        jti=session_id,
        scope=" ".join(scopes),
    )
    superseded = ""
    if older:
        superseded = older["id"]
        older.update(end_time=world.moment(), end_reason="SUPERSEDED", superseded_by=session_id)
    known["last_use_time"] = session["create_time"]
    server = {**caller, "kind": "SESSION", "id": session_id}
    row = {"secret_id": known["id"], "superseded": superseded or None}
    world.write(server, "session.started", session_id, of=app, **row)
    return {
        "access_token": said.access_token,
        "session": view(world, session),
        "superseded_session_id": superseded,
    }


def judge(world: World, token: str) -> Record:
    """Tell what a token is worth: the session that it is genuinely of, and why it is not active."""
    if token.count(".") != 2:
        return {"session": None, "reason": "MALFORMED"}
    session = next((one for one in world.sessions.values() if one["token"] == token), None)
    if session is None:
        is_of_a_session = jwt.get_unverified_header(token)["typ"] == "at+jwt"
        return {"session": None, "reason": "SIGNATURE_INVALID" if is_of_a_session else "WRONG_TYPE"}
    is_revoked = signing_keys.is_revoked(world, "SESSION", session["kid"])
    if is_revoked and session["token_end"] > world.now:
        return {"session": None, "reason": "KEY_REVOKED"}
    return {"session": session, "reason": why_inactive(world, session)}


def validate(world: World, _: Record, asked: Any, __: Any) -> Record:
    """Tell what a token is worth: a bad one is an answer, never an error."""
    return _validation(world, asked.access_token, asked.required_scopes)


def validate_all(world: World, _: Record, asked: Any, __: Any) -> Record:
    """Tell what each of several tokens is worth, in order."""
    wanted = asked.required_scopes
    return {"results": [_validation(world, token, wanted) for token in asked.access_tokens]}


def end_own(world: World, caller: Record, _: Any, __: Any) -> Record:
    """End the session whose token the call carries."""
    return _end(world, caller, world.sessions[caller["id"]], "ENDED", "session.ended")


def revoke(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a session; its secret stays live."""
    session = world.thing(caller, world.sessions, "session", asked.session_id)
    return _end(world, caller, session, "REVOKED", "session.revoked")


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one session; to a session token its own only."""
    wanted = asked.session_id
    if caller["kind"] == "SESSION":
        wanted = wanted or caller["id"]
        if wanted != caller["id"]:
            refuse("SESSION_NOT_FOUND", session_id=wanted)
    if not wanted:
        refuse_fields("session_id")
    return {"session": view(world, world.thing(caller, world.sessions, "session", wanted))}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List an app's sessions, newest first."""
    app = world.app(caller, asked.app_id)
    mine = [one for one in world.sessions.values() if one["app_id"] == app["id"]]
    if asked.active_only:
        mine = [session for session in mine if not why_inactive(world, session)]
    return {"sessions": [view(world, session) for session in reversed(mine)]}


def revocations(world: World) -> Iterator[tuple[str, str, Any, bool]]:
    """What a watcher without a cursor is told: id, reason, time, and whether he must be.

    He must be told what ends before a token that has not expired; he may be told of a
    token that has.
    """
    for key in world.signing_keys["SESSION"]:
        if key["revoke_time"] is not None:
            must = at(key["revoke_time"]) + _HOUR * SECOND > world.now
            yield key["kid"], "KEY_REVOKED", key["revoke_time"], must
    for session in world.sessions.values():
        must = session["token_end"] > world.now
        if session["end_time"] is not None:
            yield session["id"], session["end_reason"], session["end_time"], must
        elif session["expire_reason"] == "SECRET_EXPIRED":
            shortened = session["expire_time"] < session["token_end"]
            yield session["id"], "SECRET_EXPIRED", session["expire_time"], must and shortened


def _validation(world: World, token: str, required: Any) -> Record:
    found = judge(world, token)
    session = found["session"]
    missing = [one for one in required if session and one not in session["scopes"]]
    return {
        "active": not found["reason"],
        "session": view(world, session) if session else None,
        "missing_scopes": missing,
        "inactive_reason": found["reason"],
    }


def _refusal(world: World, caller: Record, secret: Record | None, asked: Any) -> tuple[str, Record]:
    """Why a login is refused, and the facts told; empty if it is not."""
    if secret is None or secret["app_id"] != asked.client_id:
        return "CLIENT_CREDENTIALS_INVALID", {}
    is_over = secret["expire_time"] is not None and secret["expire_time"] <= world.now
    if secret["revoke_time"] is not None or is_over:
        return "CLIENT_CREDENTIALS_INVALID", {}
    if world.accounts[world.apps[secret["app_id"]]["account_id"]]["suspend_time"]:
        return "ACCOUNT_SUSPENDED", {}
    if not may_come_from(secret, caller["address"]):
        return "CLIENT_ADDRESS_NOT_ALLOWED", {"client_address": caller["address"]}
    missing = [scope for scope in asked.scopes if scope not in secret["scopes"]]
    return ("SCOPE_MISSING", {"scope": missing[0]}) if missing else ("", {})


def _end(world: World, caller: Record, session: Record, reason: str, kind: str) -> Record:
    if not why_inactive(world, session):
        session.update(end_time=world.moment(), end_reason=reason)
        app = world.apps[session["app_id"]]
        world.write(caller, kind, session["id"], of=app, secret_id=session["secret_id"])
    return {"session": view(world, session)}
