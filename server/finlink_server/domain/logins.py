"""Logins: a session is opened with a client secret.

Failures are limited for each client address, and for each secret that is meant at each
address, alike whether or not there is such a secret. The right secret is never refused for
them: nobody guesses 160 random bits, so that would protect nobody, and one broken program
would shut out every other one behind the same address. And it costs nothing more: only
what fails is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from finlink_server import credentials, tokens
from finlink_server.domain import hierarchy, journal, rates, secret_state, signing_keys
from finlink_server.domain.caller import SCOPES, Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    AccountSuspended,
    ClientAddressNotAllowed,
    ClientCredentialsInvalid,
    FieldInvalid,
    RateLimited,
    Refusal,
    ScopeMissing,
)
from finlink_server.plaintext import Plaintext
from finlink_server.storage import rows
from finlink_server.storage.models import App, Session

LIFETIME = 3600  # seconds
_WINDOW: Final = 60  # seconds, in which failures are counted
_CLOSE: Final = """
UPDATE session SET
    end_time = CASE WHEN expire_time <= ? THEN expire_time ELSE ? END,
    end_reason = CASE WHEN expire_time <= ? THEN expire_reason ELSE 'SUPERSEDED' END,
    superseded_by = CASE WHEN expire_time <= ? THEN NULL ELSE ? END
WHERE secret_id = ? AND end_time IS NULL
RETURNING id, superseded_by
"""
_USED: Final = "UPDATE secret SET last_use_time = ? WHERE id = ?"
_BY_LOOKUP: Final = """
SELECT secret.id, secret.app_id, app.account_id, app.environment, secret.sealed_hash,
    secret.scopes, secret.allowed_cidrs, secret.expire_time, secret.revoke_time,
    app.delete_time, account.suspend_time
FROM secret JOIN app ON app.id = secret.app_id JOIN account ON account.id = app.account_id
WHERE secret.lookup = ?
"""


class Secret(NamedTuple):
    """What a login has to know of a secret, its app and its account."""

    id: str
    app_id: str
    account_id: str
    environment: str
    sealed_hash: bytes
    scopes: str
    allowed_cidrs: str
    expire_time: int | None
    revoke_time: int | None
    delete_time: int | None  # the app's
    suspend_time: int | None  # the account's


@dataclass(frozen=True)
class Started:
    """A new session, its token, and the session that it ended."""

    session: Session
    access_token: str = field(repr=False)
    superseded_id: str


def start(
    env: Env, caller: Caller, client_id: str, client_secret: Plaintext, scopes: Sequence[str]
) -> Started:
    """Open a session with a client secret, and end the one that it had open."""
    plain = credentials.parse_client_secret(client_secret.reveal())
    if plain is None:
        problem = credentials.client_secret_problem(client_secret.reveal())
        raise FieldInvalid.of("client_secret", problem)
    known = find_secret(env, plain.lookup)
    right = _matches(env, plain, known)
    session: Session | None = None
    superseded = ""
    parents = hierarchy.above_sessions(known.account_id, known.app_id) if known else ()
    windows: Sequence[rates.Window] = ()
    if not right or _refuse_start(env, caller, known, client_id, scopes) is not None:
        windows = _windows(env, caller.call.client_address, plain.lookup)
    locks = [window.key for window in windows]
    with env.transaction(known.id if known else "", *locks, under=parents):
        secret = find_secret(env, plain.lookup) if right else None  # as it is now
        refusal = _refuse_start(env, caller, secret, client_id, scopes)
        if refusal is None and secret is not None:
            session = _insert(env, secret, scopes)
            superseded = _supersede(env, session)
            rows.insert(session)
            env.database.execute(_USED, session.create_time, secret.id)
            # Who revokes it from here on ends this session: its token is of the same key.
            key = signing_keys.in_force(env, tokens.Kind.SESSION)
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
            refusal = _count_failure(env, windows) or refusal
            _journal_refusal(env, caller, known, client_id, refusal)
    if session is None:
        raise refusal or ClientCredentialsInvalid()
    return Started(session, signing_keys.sign(env, key, _claims(session)), superseded)


def find_secret(env: Env, lookup: str) -> Secret | None:
    """Find a secret by the part of it that is no secret."""
    row = env.database.execute(_BY_LOOKUP, lookup).fetchone()
    return Secret._make(row) if row is not None else None


def _matches(env: Env, plain: credentials.Credential, secret: Secret | None) -> bool:
    """Compare with the stored hash; without one, do the same work and say no."""
    if secret is None:
        stored = env.keyring.open(env.keyring.seal(credentials.NOBODY, "nobody"), "nobody")
    else:
        stored = env.keyring.open(secret.sealed_hash, secret_state.hash_place(secret.id))
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
        or secret.delete_time is not None
    ):
        return ClientCredentialsInvalid()
    if secret.suspend_time is not None:
        return AccountSuspended()
    address = caller.call.client_address
    if not secret_state.allows(secret_state.networks(secret.allowed_cidrs), address):
        return ClientAddressNotAllowed(client_address=address)
    granted = secret.scopes.split()
    missing = [scope for scope in scopes if scope not in granted]
    return ScopeMissing(scope=missing[0], of_secret=True) if missing else None


def _windows(env: Env, address: str, lookup: str) -> Sequence[rates.Window]:
    """Where failures are counted: those of an address, and those with one secret there."""
    most, most_of_it = env.limits.failed_logins, env.limits.failed_logins_of_secret
    return (
        rates.window(env, "login", most, _WINDOW, address),
        rates.window(env, "login", most_of_it, _WINDOW, address, lookup),
    )


def _count_failure(env: Env, windows: Sequence[rates.Window]) -> Refusal | None:
    seconds = rates.wait(env, windows)
    if seconds is not None:
        return RateLimited(retry_after=seconds)
    rates.count(env, windows)
    return None


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
        account=secret.account_id,
        environment=secret.environment,
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
    now = env.now()
    closed = env.database.execute(_CLOSE, now, now, now, now, newer.id, newer.secret_id).fetchone()
    return closed[0] if closed is not None and closed[1] == newer.id else ""


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
    # Needless with a secret, but without one it must not take longer.
    app = App.get_or_none(App.id == client_id)
    account_id, app_id = "", ""
    if secret is not None:
        account_id, app_id = secret.account_id, secret.app_id
    elif app is not None:
        account_id, app_id = app.account_id, app.id
    journal.refuse(
        env,
        caller,
        "session.refused",
        secret.id if secret else (app_id or "unknown"),
        refusal.reason if refusal else ClientCredentialsInvalid.reason,
        account_id=account_id,
        app_id=app_id,
    )
