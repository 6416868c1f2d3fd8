"""Client secrets: at most 5 live ones for an app, and each ends for good (rules 1 and 3)."""

from __future__ import annotations

from typing import Any

from tests.model import reference_accounts as accounts
from tests.model import reference_sessions as sessions
from tests.model.reference import SCOPES, Record, World, at, check_etag, refuse, refuse_fields

MOST_LIVE = 5
DEFAULT_OVERLAP = 24 * 3600  # seconds


def state(world: World, secret: Record) -> str:
    """ACTIVE and RETIRING secrets are live."""
    if secret["revoke_time"] is not None:
        return "REVOKED"
    if secret["expire_time"] is not None and at(secret["expire_time"]) <= world.now:
        return "EXPIRED"
    return "RETIRING" if secret["replaced_by"] else "ACTIVE"


def view(world: World, secret: Record) -> Record:
    """A secret as it is told."""
    now = state(world, secret)
    by_time = "ROTATED" if secret["is_shortened"] else "EXPIRED"
    reason = {"REVOKED": secret["end_reason"], "EXPIRED": by_time}.get(now, "")
    return {**secret, "state": now, "end_reason": reason}


def is_live(world: World, secret: Record) -> bool:
    """Whether a secret opens sessions."""
    return state(world, secret) in {"ACTIVE", "RETIRING"}


def living(world: World, app_id: str) -> list[Record]:
    """An app's live secrets, oldest first."""
    mine = [one for one in world.secrets.values() if one["app_id"] == app_id]
    return [secret for secret in mine if is_live(world, secret)]


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a secret and show it, once."""
    app = world.app(caller, asked.app_id)
    _refuse_repeat(world, caller, asked)
    expire_time = None
    if asked.HasField("expire_time"):
        expire_time = world.whole_second(asked.expire_time.ToMicroseconds(), 0)
        if expire_time <= world.now:
            refuse_fields("expire_time")
    _refuse_sixth(world, app, 1)
    scopes = [one for one in SCOPES if one in (asked.scopes or SCOPES)]
    secret = _insert(world, app, asked, said, scopes, list(asked.allowed_cidrs), expire_time)
    facts = {"hint": secret["hint"], "scopes": scopes, "expire_time": expire_time}
    world.write(caller, "secret.created", secret["id"], of=app, **facts)
    world.remember(caller, asked, secret["id"])
    return {"secret": view(world, secret), "client_secret": said.client_secret}


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one secret, never its plaintext."""
    return {"secret": view(world, find(world, caller, asked.secret_id))}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List an app's secrets, oldest first."""
    app = world.app(caller, asked.app_id)
    mine = [one for one in world.secrets.values() if one["app_id"] == app["id"]]
    wanted = mine if asked.show_inactive else living(world, app["id"])
    return {"secrets": [view(world, one) for one in wanted]}


def update(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Change a live secret's display_name or allowed_cidrs."""
    secret = find(world, caller, asked.secret.id)
    if not is_live(world, secret):
        refuse("SECRET_NOT_ACTIVE", state=state(world, secret))
    check_etag(asked.secret.etag, secret["etag"])
    new = {
        "display_name": asked.secret.display_name,
        "allowed_cidrs": list(asked.secret.allowed_cidrs),
    }
    paths = set(asked.update_mask.paths)
    changed = {
        name: {"old": secret[name], "new": value}
        for name, value in new.items()
        if paths & {name, "*"} and secret[name] != value
    }
    if changed:
        secret.update({name: change["new"] for name, change in changed.items()})
        secret["etag"] = world.new_etag(said.secret.etag)
        app = world.apps[secret["app_id"]]
        world.write(caller, "secret.updated", secret["id"], of=app, **changed)
    return {"secret": view(world, secret)}


def rotate(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a secret in place of one, which stays live for the overlap."""
    old = find(world, caller, asked.secret_id)
    accounts.confirm_password(world, caller, asked.password)
    _refuse_repeat(world, caller, asked)
    if state(world, old) != "ACTIVE":
        refuse("SECRET_NOT_ACTIVE", state=state(world, old))
    overlap = asked.overlap.seconds if asked.HasField("overlap") else DEFAULT_OVERLAP
    app = world.apps[old["app_id"]]
    _refuse_sixth(world, app, 1 if overlap else 0)
    new = _insert(
        world,
        app,
        asked,
        said,
        old["scopes"],
        old["allowed_cidrs"],
        None,
        name=asked.display_name or old["display_name"],
    )
    old["replaced_by"] = new["id"]
    facts: Record = {"ended_session": None, "shortened_session": None, "shortened_until": None}
    if overlap:
        until = world.whole_second(world.now, overlap)
        facts["shortened_session"] = _shorten(world, old, until)
        facts["shortened_until"] = until if facts["shortened_session"] else None
    else:
        ended = end(world, old, "ROTATED")
        facts["ended_session"] = ended["id"] if ended else None
    facts |= {"replaced_by": new["id"], "overlap_seconds": overlap}
    world.write(caller, "secret.rotated", old["id"], of=app, **facts)
    world.remember(caller, asked, new["id"])
    return {
        "secret": view(world, new),
        "client_secret": said.client_secret,
        "retiring_secret": view(world, old),
    }


def revoke(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a secret for good, and its session; with validate_only tell what would end."""
    secret = find(world, caller, asked.secret_id)
    accounts.confirm_password(world, caller, asked.password)
    if not asked.validate_only:
        return _revoke(world, caller, secret, "REVOKED", comment="")
    if not is_live(world, secret):
        return {"secret": view(world, secret)}
    told = {**secret, "revoke_time": world.moment(), "end_reason": "REVOKED"}
    session = sessions.active_of(world, secret)
    return {
        "secret": view(world, told),
        "ended_session": sessions.view(world, session) if session else None,
    }


def end_by_operator(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a secret without the account's password."""
    secret = find(world, caller, asked.secret_id)
    ended = _revoke(world, caller, secret, "ENDED_BY_OPERATOR", comment=asked.comment)
    return {"secret": ended["secret"]}


def report_leaked(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """End a secret by its plaintext; the answer is the same whether or not there is one."""
    for secret in world.secrets.values():
        app = world.apps[secret["app_id"]]
        if secret["client_secret"] == asked.client_secret and is_live(world, secret):
            session = end(world, secret, "LEAKED")
            ended = session["id"] if session else None
            facts = {"hint": secret["hint"], "ended_session": ended}
            world.write(caller, "secret.leaked", secret["id"], of=app, **facts)
    return {}


def find(world: World, caller: Record, secret_id: str) -> Record:
    """Find a secret that is there for the caller."""
    return world.thing(caller, world.secrets, "secret", secret_id)


def end(world: World, secret: Record, reason: str) -> Record | None:
    """End a secret, and its session in the same instant; that, if it had one."""
    secret.update(revoke_time=world.moment(), end_reason=reason)
    session = sessions.active_of(world, secret)
    if session:
        why = "APP_DELETED" if reason == "APP_DELETED" else "SECRET_REVOKED"
        session.update(end_time=world.moment(), end_reason=why)
    return session


def _revoke(world: World, caller: Record, secret: Record, reason: str, comment: str) -> Record:
    if not is_live(world, secret):
        return {"secret": view(world, secret)}
    session = end(world, secret, reason)
    app = world.apps[secret["app_id"]]
    facts = {"reason": reason, "hint": secret["hint"]} | ({"comment": comment} if comment else {})
    facts["ended_session"] = session["id"] if session else None
    world.write(caller, "secret.revoked", secret["id"], of=app, **facts)
    ended = sessions.view(world, session) if session else None
    return {"secret": view(world, secret), "ended_session": ended}


def _shorten(world: World, secret: Record, until: int) -> str | None:
    """Set an end to a retiring secret, never a later one; the session that it shortens."""
    if secret["expire_time"] is not None and secret["expire_time"] <= until:
        return None
    secret.update(expire_time=until, is_shortened=True)
    session = sessions.active_of(world, secret)
    if session is None or session["expire_time"] <= until:
        return None
    session.update(expire_time=until, expire_reason="SECRET_EXPIRED")
    return str(session["id"])


def _insert(
    world: World,
    app: Record,
    asked: Any,
    said: Any,
    scopes: list[str],
    allowed_cidrs: list[str],
    expire_time: int | None,
    name: str = "",
) -> Record:
    prefix = "fls_live_" if app["environment"] == "LIVE" else "fls_test_"
    assert said.client_secret.startswith(prefix)
    secret = {
        "id": world.take(said.secret.id, "sec"),
        "app_id": app["id"],
        "display_name": name or asked.display_name,
        "client_secret": said.client_secret,
        "hint": said.client_secret[-4:],
        "scopes": scopes,
        "allowed_cidrs": allowed_cidrs,
        "create_time": world.seen(said.secret.create_time),
        "expire_time": expire_time,
        "revoke_time": None,
        "last_use_time": None,
        "end_reason": "",
        "is_shortened": False,
        "replaced_by": "",
        "etag": world.new_etag(said.secret.etag),
    }
    world.secrets[secret["id"]] = secret
    return secret


def _refuse_repeat(world: World, caller: Record, asked: Any) -> None:
    earlier = world.earlier(caller, asked)
    if earlier:
        refuse("SECRET_ALREADY_EXISTS", secret_id=earlier)


def _refuse_sixth(world: World, app: Record, more: int) -> None:
    if len(living(world, app["id"])) + more > MOST_LIVE:
        refuse("SECRET_LIMIT_REACHED", limit=MOST_LIVE)
