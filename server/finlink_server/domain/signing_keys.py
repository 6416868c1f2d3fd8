"""The keys that sign tokens: one set for each kind of token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from finlink_server import tokens
from finlink_server.domain import idempotency, journal
from finlink_server.domain.caller import Caller
from finlink_server.domain.idempotency import Once
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.feed import Row
from finlink_server.storage.models import AccountToken, LinkToken, Session, SigningKey

_RING: Final = "signing_keys"
# A new key is known to everybody before its first token: longer than verifiers wait
# before they ask again for a key that they do not know.
_AHEAD: Final = 30 * MICROSECONDS
_HOUR: Final = 3600 * MICROSECONDS
# The longest that a token of a kind lives.
_LIFETIMES: Final = {
    tokens.Kind.ACCOUNT: 12 * _HOUR,
    tokens.Kind.SESSION: _HOUR,
    tokens.Kind.LINK: 24 * _HOUR,
}
_IN_FORCE: Final = """
SELECT kid, sealed_private FROM signing_key WHERE kind = ? AND revoke_time IS NULL
ORDER BY CASE WHEN sign_from_time <= ? THEN sign_from_time ELSE -sign_from_time END DESC, kid DESC
LIMIT 1
"""
_NEWEST: Final = "SELECT max(create_time) FROM signing_key WHERE kind = ?"


@dataclass(frozen=True)
class Signer:
    """A key to sign one kind of token with, unsealed."""

    kind: tokens.Kind
    key: tokens.SigningKey


@dataclass(frozen=True)
class Rotated:
    """A new key, and those that were revoked for it."""

    row: SigningKey
    revoked: Sequence[str]


def make_first(env: Env, caller: Caller) -> None:
    """Make a key for each kind that has none. Part of the migration."""
    for kind in tokens.Kind:
        with env.transaction(kind.name):
            if not SigningKey.select().where(SigningKey.kind == kind.name).exists():
                _make(env, caller, kind, sign_from=env.now())


def rotate(
    env: Env, caller: Caller, kind: tokens.Kind, once: Once, *, revoke_previous: bool
) -> Rotated:
    """Make a new key, which signs a little later; or at once, and then revoke the others."""
    with env.transaction(kind.name, once.lock):
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            return Rotated(SigningKey.get_by_id(earlier), ())
        now = env.now()
        revoked = _revoke_all(env, caller, kind) if revoke_previous else []
        row = _make(env, caller, kind, now if revoke_previous else now + _AHEAD)
        idempotency.remember(env, caller, once, row.kid)
        return Rotated(row, revoked)


def renew(env: Env, caller: Caller) -> None:
    """Make a new key for each kind whose newest is as old as the settings let it be."""
    if not env.signing_key_age:
        return
    for kind in tokens.Kind:
        if _is_due(env, kind):
            with env.transaction(kind.name):
                if _is_due(env, kind):  # another process may have been faster
                    _make(env, caller, kind, env.now() + _AHEAD)


def in_force(env: Env, kind: tokens.Kind) -> Signer:
    """The kind's newest key in force, as the database says at this moment.

    To a clock that is behind, none may be in force yet: then it is the first to be.
    In the transaction that makes what a token stands for, it is the key with which
    RotateSigningKey will end both.
    """
    kid, sealed = env.database.execute(_IN_FORCE, kind.name, env.now()).fetchone()
    ring: _Ring = env.memory[_RING]
    signer = ring.signers.get(kid)
    if signer is None:
        private = Ed25519PrivateKey.from_private_bytes(env.keyring.open(sealed, private_place(kid)))
        signer = ring.signers[kid] = Signer(kind, tokens.SigningKey(kid, private))
    return signer


def sign(env: Env, signer: Signer, claims: Mapping[str, Any]) -> str:
    """Sign claims: not in a transaction, which others wait for."""
    return tokens.sign(signer.kind, signer.key, env.issuer, claims)


def verify(env: Env, kind: tokens.Kind, token: str) -> Mapping[str, Any]:
    """Check a token and give its claims, or raise tokens.TokenInvalid."""
    now = env.now() / MICROSECONDS
    used: list[_Found] = []

    def find(kid: str) -> tokens.VerifyKey | None:
        found = _find(env, kid)
        if found is not None:
            used.append(found)
        return found.key if found is not None else None

    claims = tokens.verify(token, kind, find, env.issuer, now)
    if used[0].revoked:
        raise tokens.TokenInvalid(tokens.TokenProblem.KEY_REVOKED, claims)
    return claims


def published(env: Env, kind: tokens.Kind) -> list[SigningKey]:
    """The keys of one kind that may still have signed a living token, oldest first."""
    rows = list(
        SigningKey.select()
        .where((SigningKey.kind == kind.name) & SigningKey.revoke_time.is_null())
        .order_by(SigningKey.sign_from_time, SigningKey.kid)
    )
    last_signature = env.now() - _LIFETIMES[kind]
    successors = [row.sign_from_time for row in rows[1:]]
    return [
        row
        for row, replaced in zip(rows, [*successors, None], strict=True)
        if replaced is None or replaced > last_signature
    ]


def public_key(row: SigningKey) -> Ed25519PublicKey:
    """The public half of a stored key."""
    return Ed25519PublicKey.from_public_bytes(bytes(row.public))


def _is_due(env: Env, kind: tokens.Kind) -> bool:
    newest = env.database.execute(_NEWEST, kind.name).fetchone()[0]
    return bool(newest <= env.now() - env.signing_key_age)


def _make(env: Env, caller: Caller, kind: tokens.Kind, sign_from: int) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    kid = tokens.thumbprint(public)
    seed = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    row: SigningKey = SigningKey.create(
        kid=kid,
        kind=kind.name,
        public=public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        sealed_private=env.keyring.seal(seed, private_place(kid)),
        create_time=env.now(),
        sign_from_time=sign_from,
    )
    journal.write(env, caller, "signing_key.created", kid, kind=kind.name)
    return row


def _revoke_all(env: Env, caller: Caller, kind: tokens.Kind) -> list[str]:
    """Revoke the keys of a kind, and end everything that they signed."""
    now = env.now()
    rows = list(
        SigningKey.select().where(SigningKey.kind == kind.name, SigningKey.revoke_time.is_null())
    )
    for row in rows:
        row.revoke_time = now
        row.save(only=[SigningKey.revoke_time])
        journal.write(env, caller, "signing_key.revoked", row.kid, kind=kind.name)
    living: Any = {tokens.Kind.SESSION: Session, tokens.Kind.ACCOUNT: AccountToken}.get(kind)
    if living is not None:
        (
            living.update(end_time=now, end_reason="KEY_REVOKED")
            .where(living.end_time.is_null(), living.expire_time > now)
            .execute()
        )
    else:
        (
            LinkToken.update(revoke_time=now)
            .where(LinkToken.revoke_time.is_null(), LinkToken.expire_time > now)
            .execute()
        )
    return [row.kid for row in rows]


@dataclass(frozen=True, slots=True)
class _Found:
    """A key to verify with, and whether what it signed has ended."""

    key: tokens.VerifyKey
    revoked: bool


@dataclass
class _Ring:
    """The keys in memory, until a row of the journal tells of a change to any."""

    signers: dict[str, Signer] = field(default_factory=dict)
    found: dict[str, _Found] = field(default_factory=dict)

    def clear(self) -> None:
        self.signers.clear()
        self.found.clear()

    def apply(self, rows: Sequence[Row]) -> None:
        if any(row.type.startswith("signing_key.") for row in rows):
            self.clear()


def begin(env: Env) -> None:
    """Let this process keep keys in memory."""
    ring = env.memory[_RING] = _Ring()
    env.feed.follow(ring)


def _find(env: Env, kid: str) -> _Found | None:
    """Find a key by its id."""
    place = env.feed.refresh()  # before anything is read that will be remembered
    ring: _Ring = env.memory[_RING]
    found = ring.found.get(kid)
    if found is None:
        row = SigningKey.get_or_none(SigningKey.kid == kid)
        if row is None:
            return None
        key = tokens.VerifyKey(kid, tokens.Kind[row.kind], public_key(row))
        found = _Found(key, row.revoke_time is not None)
        env.feed.unless_moved(place, lambda: ring.found.update({kid: found}))
    return found


def private_place(kid: str) -> str:
    """Where the private half of a key is sealed for."""
    return f"signing_key.private:{kid}"
