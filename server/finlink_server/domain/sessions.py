"""API sessions: one hour, at most one active for each secret, dead with its secret."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finlink_server import credentials, tokens
from finlink_server.domain import journal, paging, signing_keys, visible
from finlink_server.domain.caller import SCOPES, Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    AccountSuspended,
    ClientAddressNotAllowed,
    ClientCredentialsInvalid,
    FieldInvalid,
    Refusal,
    ScopeMissing,
    SessionInactive,
    SessionNotFound,
)
from finlink_server.storage.models import Account, App, Secret, Session

LIFETIME = 3600  # seconds
_NOBODY = b"\0" * 32


@dataclass(frozen=True)
class Started:
    """A new session, its token, and the session that it ended."""

    session: Session
    access_token: str
    superseded_id: str


@dataclass(frozen=True)
class Validation:
    """What a token is worth. `inactive_reason` is empty for a live session's."""

    session: Session | None
    inactive_reason: str
    missing_scopes: Sequence[str] = ()


def start(
    env: Env, caller: Caller, client_id: str, client_secret: str, scopes: Sequence[str]
) -> Started:
    """Open a session with a client secret, and end the one that it had open."""
    plain = credentials.parse_client_secret(client_secret)
    if plain is None:
        raise FieldInvalid.of("client_secret", "is mistyped or cut off: its checksum is wrong")
    known = _find_secret(plain.lookup)
    right = _matches(env, plain, known)
    session: Session | None = None
    superseded = ""
    with env.transaction(known.id if known else client_id):
        secret = _find_secret(plain.lookup) if right else None  # as it is now
        refusal = _refuse_start(env, caller, secret, client_id, scopes)
        if refusal is None and secret is not None:
            session = _insert(env, secret, scopes)
            superseded = _supersede(env, session)
            session.save(force_insert=True)
            secret.last_use_time = session.create_time
            secret.save(only=[Secret.last_use_time])
            journal.write(
                env,
                caller.proven(CallerKind.SESSION, session.id),
                "session.started",
                session.id,
                account_id=session.account_id,
                app_id=session.app_id,
                secret_id=secret.id,
                superseded=superseded or None,
            )
        else:
            _journal_refusal(env, caller, known, client_id, refusal)
    if session is None:
        raise refusal or ClientCredentialsInvalid()
    return Started(
        session, signing_keys.sign(env, tokens.Kind.SESSION, _claims(session)), superseded
    )


def validate(env: Env, token: str, required_scopes: Sequence[str]) -> Validation:
    """Tell what a token is worth. A bad token is an answer, not an error."""
    try:
        claims = signing_keys.verify(env, tokens.Kind.SESSION, token)
    except tokens.TokenInvalid as error:
        if error.claims is None:
            return Validation(None, error.problem.name)
        claims = error.claims
    row: Session | None = Session.get_or_none(Session.id == claims["jti"])
    if row is None:
        return Validation(None, "SIGNATURE_INVALID")
    has = row.scopes.split()
    missing = [scope for scope in required_scopes if scope not in has]
    return Validation(row, inactive_reason(env, row, claims), missing)


def inactive_reason(env: Env, session: Session, claims: Mapping[str, Any] | None = None) -> str:
    """Why a session is not active; empty while it is."""
    if session.end_time is not None:
        return str(session.end_reason)
    now = env.now()
    if session.expire_time <= now:
        return str(session.expire_reason)
    # The row may have been given less time than the token says, never more.
    if claims is not None and claims["exp"] * MICROSECONDS <= now:
        return "EXPIRED"
    return ""


def end_time(env: Env, session: Session) -> int | None:
    """When a session ended, ends by time included."""
    if session.end_time is not None:
        return int(session.end_time)
    return int(session.expire_time) if session.expire_time <= env.now() else None


def end_own(env: Env, caller: Caller) -> Session:
    """End the caller's own session."""
    return _end_one(env, caller, caller.id, "ENDED", "session.ended", required=True)


def revoke(env: Env, caller: Caller, session_id: str) -> Session:
    """End a session of the caller's apps; one that has ended stays as it is."""
    return _end_one(env, caller, session_id, "REVOKED", "session.revoked", required=False)


def get(caller: Caller, session_id: str) -> Session:
    """Find a session; a session token may ask for its own only."""
    own = caller.id if caller.app_id else ""
    wanted = session_id or own
    if not wanted:
        raise FieldInvalid.of("session_id", "must name a session: `ses_` and 26 letters and digits")
    if own and wanted != own:
        raise SessionNotFound(session_id=wanted)
    return visible.session(caller, wanted)


def page(
    env: Env, caller: Caller, app_id: str, size: int, token: str, *, active_only: bool
) -> paging.Page[Session]:
    """List an app's sessions, newest first."""
    app = visible.app(caller, app_id)
    query = Session.select().where(Session.app == app.id)
    if active_only:
        query = query.where(Session.end_time.is_null(), Session.expire_time > env.now())
    return paging.page(
        env,
        caller,
        query,
        Session.id,
        size=size,
        token=token,
        filters=(app.id, active_only),
        newest_first=True,
    )


def active_of_secret(env: Env, secret_id: str) -> Session | None:
    """The session that a secret has open."""
    session: Session | None = Session.get_or_none(
        (Session.secret == secret_id) & Session.end_time.is_null()
    )
    return None if session is None or session.expire_time <= env.now() else session


def end_of_secret(env: Env, secret_id: str, reason: str) -> Session | None:
    """End the session of a secret that is ending, in the same transaction."""
    session = active_of_secret(env, secret_id)
    if session is not None:
        _end(env, session, reason)
    return session


def end_of_account(env: Env, account_id: str, reason: str) -> list[str]:
    """End every session of an account, in the caller's transaction; their ids."""
    now = env.now()
    active = list(
        Session.select().where(
            (Session.account == account_id)
            & Session.end_time.is_null()
            & (Session.expire_time > now)
        )
    )
    for session in active:
        _end(env, session, reason)
    return [session.id for session in active]


def shorten(secret_id: str, until: int) -> None:
    """Let the session of a secret that got an earlier end go no further than that."""
    (
        Session.update(expire_time=until, expire_reason="SECRET_EXPIRED")
        .where(
            (Session.secret == secret_id)
            & Session.end_time.is_null()
            & (Session.expire_time > until)
        )
        .execute()
    )


def address_allowed(address: str, blocks: Sequence[str]) -> bool:
    """Whether a client address lies in one of these CIDR blocks; no blocks: any does."""
    if not blocks:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a peer without an IP address
        return False
    return any(ip in ipaddress.ip_network(block) for block in blocks)


def secret_hash_place(secret_id: str) -> str:
    """Where a secret's hash is sealed for."""
    return f"secret.hash:{secret_id}"


def _find_secret(lookup: str) -> Secret | None:
    row: Secret | None = (
        Secret.select(Secret, App, Account)
        .join(App)
        .join(Account)
        .where(Secret.lookup == lookup)
        .get_or_none()
    )
    return row


def _matches(env: Env, plain: credentials.Credential, secret: Secret | None) -> bool:
    """Compare with the stored hash; without one, do the same work and say no."""
    if secret is None:
        stored = env.keyring.open(env.keyring.seal(_NOBODY, "nobody"), "nobody")
    else:
        stored = env.keyring.open(secret.sealed_hash, secret_hash_place(secret.id))
    return plain.matches(stored)


def _refuse_start(
    env: Env, caller: Caller, secret: Secret | None, client_id: str, scopes: Sequence[str]
) -> Refusal | None:
    now = env.now()
    if (
        secret is None
        or secret.app_id != client_id
        or secret.revoke_time is not None
        or (secret.expire_time is not None and secret.expire_time <= now)
        or secret.app.delete_time is not None
    ):
        return ClientCredentialsInvalid()
    if secret.app.account.suspend_time is not None:
        return AccountSuspended()
    address = caller.call.client_address
    if not address_allowed(address, json.loads(secret.allowed_cidrs)):
        return ClientAddressNotAllowed(client_address=address)
    granted = secret.scopes.split()
    missing = [scope for scope in scopes if scope not in granted]
    return ScopeMissing(scope=missing[0]) if missing else None


def _insert(env: Env, secret: Secret, scopes: Sequence[str]) -> Session:
    now = env.now()
    # Whole seconds: what the token's `exp` says is exactly what the row says.
    expire_time, reason = (now // MICROSECONDS + LIFETIME) * MICROSECONDS, "EXPIRED"
    if secret.expire_time is not None and secret.expire_time <= expire_time:
        expire_time, reason = secret.expire_time, "SECRET_EXPIRED"
    wanted = scopes or secret.scopes.split()
    return Session(
        id=env.new_id("ses"),
        secret=secret.id,
        app=secret.app_id,
        account=secret.app.account_id,
        environment=secret.app.environment,
        scopes=" ".join(scope for scope in SCOPES if scope in wanted),
        create_time=now,
        expire_time=expire_time,
        expire_reason=reason,
    )


def _supersede(env: Env, newer: Session) -> str:
    """Close the secret's open session, so that the newer one can be; its id if it was active.

    One that ran out by time is still open in the database: it is closed with the
    time and reason of its end.
    """
    older: Session | None = Session.get_or_none(
        (Session.secret == newer.secret_id) & Session.end_time.is_null()
    )
    if older is None:
        return ""
    if older.expire_time <= env.now():
        older.end_time, older.end_reason = older.expire_time, older.expire_reason
        older.save()
        return ""
    older.superseded_by = newer.id
    _end(env, older, "SUPERSEDED")
    return str(older.id)


def _end_one(
    env: Env, caller: Caller, session_id: str, reason: str, event: str, *, required: bool
) -> Session:
    with env.transaction(session_id):
        session = visible.session(caller, session_id)
        inactive = inactive_reason(env, session)
        if inactive and required:
            raise SessionInactive(inactive_reason=inactive)
        if inactive:
            return session
        _end(env, session, reason)
        journal.write(
            env,
            caller,
            event,
            session.id,
            account_id=session.account_id,
            app_id=session.app_id,
            secret_id=session.secret_id,
        )
        return session


def _end(env: Env, session: Session, reason: str) -> None:
    session.end_time = env.now()
    session.end_reason = reason
    session.save()


def _claims(session: Session) -> dict[str, object]:
    """The claims of a session token (RFC 9068 §2.2)."""
    return {
        "sub": session.app_id,
        "client_id": session.app_id,
        "iat": session.create_time // MICROSECONDS,
        "exp": session.expire_time // MICROSECONDS,
        "jti": session.id,
        "scope": session.scopes,
        "account_id": session.account_id,
        "secret_id": session.secret_id,
        "environment": session.environment,
    }


def _journal_refusal(
    env: Env, caller: Caller, secret: Secret | None, client_id: str, refusal: Refusal | None
) -> None:
    """Count a refused login under the secret that was meant, or else under the app."""
    app: App | None = secret.app if secret else App.get_or_none(App.id == client_id)
    journal.refuse(
        env,
        caller,
        "session.refused",
        secret.id if secret else (app.id if app else "unknown"),
        refusal.reason if refusal else ClientCredentialsInvalid.reason,
        account_id=app.account_id if app else "",
        app_id=app.id if app else "",
    )
