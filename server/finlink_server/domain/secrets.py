"""Client secrets: at most 5 live ones for an app, and each ends for good."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from finlink_server import credentials
from finlink_server.domain import (
    account_tokens,
    hierarchy,
    idempotency,
    journal,
    paging,
    passwords,
    secret_state,
    sessions,
    visible,
)
from finlink_server.domain.caller import SCOPES, Caller
from finlink_server.domain.etags import check_etag
from finlink_server.domain.idempotency import Once
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    FieldInvalid,
    SecretAlreadyExists,
    SecretLimitReached,
    SecretNotActive,
)
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import App, Secret, Session

MOST_LIVE = 5
_LONGEST_LIFE = 10 * 366 * 24 * 3600 * MICROSECONDS


@dataclass(frozen=True)
class Created:
    """A new secret and its plaintext."""

    secret: Secret
    plaintext: str = field(repr=False)


@dataclass(frozen=True)
class Rotated(Created):
    """A new secret, and the old one that it replaces."""

    retiring: Secret


@dataclass(frozen=True)
class Change:
    """New values for a secret, and which of them to take: paths of an update mask."""

    paths: frozenset[str]
    display_name: str
    allowed_cidrs: Sequence[str]

    def names(self, path: str) -> bool:
        """Whether the mask names a path."""
        return not self.paths.isdisjoint({path, "*"})


@dataclass(frozen=True)
class Revocation:
    """A secret that ended, and the session that ended with it."""

    secret: Secret
    ended: Session | None


def create(
    env: Env,
    caller: Caller,
    app_id: str,
    display_name: str,
    scopes: Sequence[str],
    expire_time: int | None,
    allowed_cidrs: Sequence[str],
    once: Once,
) -> Created:
    """Make a secret; its plaintext exists only in the answer."""
    with env.transaction(app_id, once.lock):
        app = visible.app(caller, app_id)
        _refuse_repeat(env, caller, once)
        if expire_time is not None:
            expire_time = _check_expire_time(env, expire_time)
        _refuse_above(app.id, secret_state.count_live(env, app.id) + 1)
        created = _insert(env, app, display_name, scopes or SCOPES, expire_time, allowed_cidrs)
        secret = created.secret
        journal.write(
            env,
            caller,
            "secret.created",
            secret.id,
            account_id=app.account_id,
            app_id=app.id,
            hint=secret.hint,
            scopes=secret.scopes.split(),
            expire_time=expire_time,
        )
        idempotency.remember(env, caller, once, secret.id)
        return created


def page(
    env: Env, caller: Caller, app_id: str, size: int, token: str, *, show_inactive: bool
) -> paging.Page[Secret]:
    """List an app's secrets, oldest first."""
    app = visible.app(caller, app_id)
    query = Secret.select().where(Secret.app == app.id)
    if not show_inactive:
        query = query.where(secret_state.live(env))
    filters = (app.id, show_inactive)
    return paging.page(env, caller, query, Secret.id, size=size, token=token, filters=filters)


def update(env: Env, caller: Caller, secret_id: str, etag_sent: str, change: Change) -> Secret:
    """Change a live secret's display_name or allowed_cidrs."""
    app = visible.secret(caller, secret_id).app
    with env.transaction(secret_id, under=hierarchy.above_sessions(app.account_id, app.id)):
        secret = visible.secret(caller, secret_id)
        if secret_state.state(env, secret) not in {"ACTIVE", "RETIRING"}:
            raise SecretNotActive(secret_id=secret_id, state=secret_state.state(env, secret))
        check_etag(etag_sent, secret_state.etag(secret))
        changed: dict[str, object] = {}
        if change.names("display_name") and change.display_name != secret.display_name:
            if not change.display_name:
                raise FieldInvalid.of("secret.display_name", "must have 1 to 100 characters, not 0")
            changed["display_name"] = {"old": secret.display_name, "new": change.display_name}
            secret.display_name = change.display_name
        blocks = list(change.allowed_cidrs)
        if change.names("allowed_cidrs") and blocks != secret_state.cidrs(secret):
            changed["allowed_cidrs"] = {"old": secret_state.cidrs(secret), "new": blocks}
            secret.allowed_cidrs = json.dumps(blocks)
        if changed:
            secret.revision += 1
            secret.save()
            _journal(env, caller, "secret.updated", secret, **changed)
        return secret


def rotate(
    env: Env,
    caller: Caller,
    secret_id: str,
    password: Plaintext,
    overlap: int,
    display_name: str,
    once: Once,
) -> Rotated:
    """Make a new secret in place of one, which lives on for the overlap (microseconds)."""
    app = visible.secret(caller, secret_id).app
    app_id, parents = app.id, hierarchy.above_sessions(app.account_id, app.id)
    passwords.confirm(env, caller, password)  # slow: before the transaction
    with env.transaction(app_id, secret_id, once.lock, under=parents):
        account_tokens.require_live(env, caller.token_id)  # a password took its time
        old = visible.secret(caller, secret_id)
        _refuse_repeat(env, caller, once)
        if secret_state.state(env, old) != "ACTIVE":
            raise SecretNotActive(secret_id=secret_id, state=secret_state.state(env, old))
        _refuse_above(app_id, secret_state.count_live(env, app_id) + (1 if overlap else 0))
        name = display_name or old.display_name
        # Not the expire_time: a secret is rotated to outlive the one that it replaces.
        created = _insert(env, old.app, name, old.scopes.split(), None, secret_state.cidrs(old))
        new = created.secret
        old.replaced_by = new.id
        ended, shortened = _retire(env, old, overlap)
        _journal(
            env,
            caller,
            "secret.rotated",
            old,
            replaced_by=new.id,
            overlap_seconds=overlap // MICROSECONDS,
            ended_session=ended.id if ended else None,
            shortened_session=shortened.id if shortened else None,
            shortened_until=shortened.expire_time if shortened else None,
        )
        idempotency.remember(env, caller, once, new.id)
        return Rotated(new, created.plaintext, old)


def revoke(
    env: Env, caller: Caller, secret_id: str, password: Plaintext, *, validate_only: bool
) -> Revocation:
    """End a secret for good, and its session; with validate_only tell what would end."""
    visible.secret(caller, secret_id)
    passwords.confirm(env, caller, password)  # slow: before the transaction
    if validate_only:
        secret = visible.secret(caller, secret_id)
        if secret_state.state(env, secret) not in {"REVOKED", "EXPIRED"}:
            secret.revoke_time, secret.end_reason = env.now(), "REVOKED"  # told, not saved
        return Revocation(secret, sessions.active_of_secret(env, secret_id))
    return end(env, caller, secret_id, "REVOKED", comment="")


def end(env: Env, caller: Caller, secret_id: str, reason: str, comment: str) -> Revocation:
    """End a secret for good, and its session; one that has ended stays as it is."""
    app = visible.secret(caller, secret_id).app
    with env.transaction(secret_id, under=hierarchy.above_sessions(app.account_id, app.id)):
        if caller.token_id:
            account_tokens.require_live(env, caller.token_id)  # a password took its time
        secret = visible.secret(caller, secret_id)
        if secret_state.state(env, secret) in {"REVOKED", "EXPIRED"}:
            return Revocation(secret, ended=None)
        ended = finish(env, secret, reason)
        facts = {"comment": comment} if comment else {}
        _journal(
            env,
            caller,
            "secret.revoked",
            secret,
            reason=reason,
            hint=secret.hint,
            ended_session=ended.id if ended else None,
            **facts,
        )
        return Revocation(secret, ended)


def end_of_app(env: Env, app_id: str) -> list[str]:
    """End every secret of an app that is being deleted; the ids of ended sessions."""
    ended = [
        finish(env, secret, "APP_DELETED")
        for secret in list(Secret.select().where((Secret.app == app_id) & secret_state.live(env)))
    ]
    return [session.id for session in ended if session]


def _insert(
    env: Env,
    app: App,
    display_name: str,
    scopes: Sequence[str],
    expire_time: int | None,
    allowed_cidrs: Sequence[str],
) -> Created:
    live = app.environment == "LIVE"
    plain = (credentials.CLIENT_SECRET_LIVE if live else credentials.CLIENT_SECRET_TEST).new()
    secret_id = env.new_id("sec")
    secret = Secret.create(
        id=secret_id,
        app=app.id,
        lookup=plain.lookup,
        sealed_hash=env.keyring.seal(plain.hash(), secret_state.hash_place(secret_id)),
        hint=plain.hint,
        display_name=display_name,
        scopes=" ".join(scope for scope in SCOPES if scope in scopes),
        allowed_cidrs=json.dumps(list(allowed_cidrs)),
        create_time=env.now(),
        expire_time=expire_time,
    )
    return Created(secret, plain.text)


def _retire(env: Env, old: Secret, overlap: int) -> tuple[Session | None, Session | None]:
    """Set the end of a replaced secret; the session that ended at once or will end earlier."""
    if overlap == 0:
        return finish(env, old, "ROTATED"), None
    shortened = None
    until = (env.now() + overlap) // MICROSECONDS * MICROSECONDS
    if old.expire_time is None or until < old.expire_time:
        old.expire_time = until
        old.end_reason = "ROTATED"
        shortened = sessions.shorten(env, old.id, until)
    old.save()
    return None, shortened


def finish(env: Env, secret: Secret, reason: str) -> Session | None:
    """End a secret and its session, in the caller's transaction; the session, if it had one."""
    secret.revoke_time = env.now()
    secret.end_reason = reason
    secret.save()
    why = "APP_DELETED" if reason == "APP_DELETED" else "SECRET_REVOKED"
    return sessions.end_of_secret(env, secret.id, why)


def _check_expire_time(env: Env, expire_time: int) -> int:
    """Round down to the second, so that the `exp` of a token can name it exactly."""
    whole = expire_time // MICROSECONDS * MICROSECONDS
    now = env.now()
    if whole <= now:
        raise FieldInvalid.of("expire_time", "must be in the future, by a second or more")
    if whole > now + _LONGEST_LIFE:
        raise FieldInvalid.of("expire_time", "must be at most 10 years ahead; unset means never")
    return whole


def _refuse_repeat(env: Env, caller: Caller, once: Once) -> None:
    earlier = idempotency.find(env, caller, once)
    if earlier is not None:
        raise SecretAlreadyExists(secret_id=earlier)


def _refuse_above(app_id: str, count: int) -> None:
    if count > MOST_LIVE:
        raise SecretLimitReached(app_id=app_id, limit=MOST_LIVE)


def _journal(env: Env, caller: Caller, event: str, secret: Secret, **facts: object) -> None:
    account_id = secret.app.account_id
    journal.write(
        env, caller, event, secret.id, account_id=account_id, app_id=secret.app_id, **facts
    )
