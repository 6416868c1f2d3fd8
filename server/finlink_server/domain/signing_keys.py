"""The keys that sign tokens: one set for each kind of token."""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from finlink_server import tokens
from finlink_server.domain import journal
from finlink_server.domain.caller import Caller
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.models import SigningKey


def make_first(env: Env, caller: Caller) -> None:
    """Make a key for each kind that has none. Part of the migration."""
    for kind in tokens.Kind:
        with env.transaction():
            if SigningKey.select().where(SigningKey.kind == kind.name).exists():
                continue
            private = Ed25519PrivateKey.generate()
            public = private.public_key()
            kid = tokens.thumbprint(public)
            seed = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            now = env.now()
            SigningKey.create(
                kid=kid,
                kind=kind.name,
                public=public.public_bytes(Encoding.Raw, PublicFormat.Raw),
                sealed_private=env.keyring.seal(seed, _place(kid)),
                create_time=now,
                sign_from_time=now,
            )
            journal.write(env, caller, "signing_key.created", kid, kind=kind.name)


def sign(env: Env, kind: tokens.Kind, claims: Mapping[str, Any]) -> str:
    """Sign claims with the kind's newest key in force."""
    row = (
        SigningKey.select()
        .where(
            (SigningKey.kind == kind.name)
            & SigningKey.revoke_time.is_null()
            & (SigningKey.sign_from_time <= env.now())
        )
        .order_by(SigningKey.sign_from_time.desc(), SigningKey.kid)
        .get()
    )
    seed = env.keyring.open(row.sealed_private, _place(row.kid))
    key = tokens.SigningKey(row.kid, Ed25519PrivateKey.from_private_bytes(seed))
    return tokens.sign(kind, key, env.issuer, claims)


def verify(env: Env, kind: tokens.Kind, token: str) -> Mapping[str, Any]:
    """Check a token and give its claims, or raise tokens.TokenInvalid."""
    now = env.now() / MICROSECONDS
    return tokens.verify(token, kind, lambda kid: _find(env, kid), env.issuer, now)


def published(kind: tokens.Kind) -> Iterable[SigningKey]:
    """The keys of one kind that may still have signed a living token, oldest first."""
    return (
        SigningKey.select()
        .where((SigningKey.kind == kind.name) & SigningKey.revoke_time.is_null())
        .order_by(SigningKey.create_time, SigningKey.kid)
    )


def public_key(row: SigningKey) -> Ed25519PublicKey:
    """The public half of a stored key."""
    return Ed25519PublicKey.from_public_bytes(bytes(row.public))


def _find(env: Env, kid: str) -> tokens.VerifyKey | None:
    """Find a key by its id; a public key never changes, so it is kept."""
    key = env.verify_keys.get(kid)
    if key is None:
        row = SigningKey.get_or_none(SigningKey.kid == kid)
        if row is None:
            return None
        key = env.verify_keys[kid] = tokens.VerifyKey(kid, tokens.Kind[row.kind], public_key(row))
    return key


def _place(kid: str) -> str:
    return f"signing_key.private:{kid}"
