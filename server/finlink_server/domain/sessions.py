"""API sessions: one hour, at most one active for each secret, dead with its secret."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finlink_server import metrics, tokens
from finlink_server.domain import (
    hierarchy,
    journal,
    memory,
    paging,
    secret_state,
    signing_keys,
    visible,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.memory import Known, KnownSession
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    FieldInvalid,
    SessionInactive,
    SessionNotFound,
)
from finlink_server.storage.models import Secret, Session


@dataclass(frozen=True, slots=True)
class Validation:
    """What a token is worth: an active session, or why there is none.

    `session` is the row of one that is not active, `known` what is known of one that is.
    """

    known: KnownSession | None = None
    session: Session | None = None
    inactive_reason: str = ""
    missing_scopes: Sequence[str] = ()


def validate(env: Env, token: str, required_scopes: Sequence[str]) -> Validation:
    """Tell what a token is worth. A bad token is an answer, not an error."""
    digest = memory.digest_of(token)
    return _counted(env, token, required_scopes, digest, memory.recall(env, digest))


def validate_all(
    env: Env, tokens: Sequence[str], required_scopes: Sequence[str]
) -> list[Validation]:
    """Tell what each of several tokens is worth."""
    digests = list(map(memory.digest_of, tokens))
    return [
        _counted(env, token, required_scopes, digest, known)
        for token, digest, known in zip(
            tokens, digests, memory.recall_all(env, digests), strict=True
        )
    ]


def _counted(
    env: Env, token: str, required_scopes: Sequence[str], digest: bytes, known: Known | None
) -> Validation:
    found = _validate(env, token, required_scopes, digest, known)
    source = "memory" if isinstance(known, KnownSession) else "database"
    metrics.count("validations", found.inactive_reason or "ACTIVE", source)
    return found


def _validate(
    env: Env, token: str, required_scopes: Sequence[str], digest: bytes, known: Known | None
) -> Validation:
    if isinstance(known, KnownSession):
        return Validation(known, missing_scopes=_missing(required_scopes, known.scopes))
    place = env.feed.refresh()  # before anything is read that will be remembered
    try:
        claims = signing_keys.verify(env, tokens.Kind.SESSION, token)
    except tokens.TokenInvalid as error:
        if error.claims is None or error.problem is not tokens.TokenProblem.EXPIRED:
            return Validation(inactive_reason=error.problem.name)
        claims = error.claims
    row: Session | None = (
        Session.select(Session, Secret)
        .join(Secret)
        .where(Session.id == claims["jti"])
        .get_or_none()
    )
    if row is None:
        return Validation(inactive_reason="SIGNATURE_INVALID")
    missing = _missing(required_scopes, row.scopes.split())
    reason = inactive_reason(env, row, claims)
    if reason:
        return Validation(session=row, inactive_reason=reason, missing_scopes=missing)
    known = _known(row, claims["exp"] * MICROSECONDS)
    memory.remember(env, place, digest, known, row.id, row.secret_id)
    return Validation(known, missing_scopes=missing)


def _known(row: Session, token_end: int) -> KnownSession:
    return KnownSession(
        id=row.id,
        secret_id=row.secret_id,
        app_id=row.app_id,
        account_id=row.account_id,
        environment=row.environment,
        scopes=frozenset(row.scopes.split()),
        create_time=row.create_time,
        expire_time=row.expire_time,
        until=min(row.expire_time, token_end),
        allowed=secret_state.networks(row.secret.allowed_cidrs),
    )


def _missing(required: Sequence[str], has: Collection[str]) -> Sequence[str]:
    return [scope for scope in required if scope not in has] if required else ()


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
    return _finish(env, caller, caller.id, "ENDED", "session.ended", required=True)


def revoke(env: Env, caller: Caller, session_id: str) -> Session:
    """End a session of the caller's apps; one that has ended stays as it is."""
    return _finish(env, caller, session_id, "REVOKED", "session.revoked", required=False)


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
        end(env, session, reason)
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
        end(env, session, reason)
    return [session.id for session in active]


def shorten(env: Env, secret_id: str, until: int) -> Session | None:
    """Let the session of a secret that got an earlier end go no further; it, if it would have."""
    session = active_of_secret(env, secret_id)
    if session is None or session.expire_time <= until:
        return None
    session.expire_time, session.expire_reason = until, "SECRET_EXPIRED"
    session.save()
    return session


def _finish(
    env: Env, caller: Caller, session_id: str, reason: str, event: str, *, required: bool
) -> Session:
    found = visible.session(caller, session_id)
    parents = hierarchy.above_sessions(found.account_id, found.app_id)
    with env.transaction(found.secret_id, under=parents):
        session = visible.session(caller, session_id)
        inactive = inactive_reason(env, session)
        if inactive and required:
            raise SessionInactive(inactive_reason=inactive)
        if inactive:
            return session
        end(env, session, reason)
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


def end(env: Env, session: Session, reason: str) -> None:
    """End an active session, in the caller's transaction."""
    session.end_time = env.now()
    session.end_reason = reason
    session.save()
