"""Signing secrets of webhooks, and what they sign: Standard Webhooks 1.0.0.

A secret is `whsec_` and the base64 of 32 random bytes; the signature is the HMAC-SHA256
of `id.timestamp.body` under those bytes.
"""

import base64
import hmac
import secrets as random
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Final

from finlink_server.env import Env
from finlink_server.storage.webhook_models import SigningSecret

PREFIX: Final = "whsec_"
_BYTES: Final = 32  # the specification asks for 24 to 64
_MOST_LIVE: Final = 5
_LIVE: Final = """
SELECT id, endpoint_id, sealed_secret FROM signing_secret
WHERE endpoint_id IN (...) AND (expire_time IS NULL OR expire_time > ?)
ORDER BY id DESC
"""


def create(env: Env, endpoint_id: str) -> str:
    """Make a secret for an endpoint, in the caller's transaction; its plaintext."""
    raw = random.token_bytes(_BYTES)
    plaintext = PREFIX + base64.b64encode(raw).decode()
    secret_id = env.new_id("whs")
    SigningSecret.create(
        id=secret_id,
        endpoint=endpoint_id,
        sealed_secret=env.keyring.seal(raw, place(secret_id)),
        hint=plaintext.rstrip("=")[-4:],
        create_time=env.now(),
    )
    return plaintext


def retire(env: Env, endpoint_id: str, overlap: int) -> None:
    """Set an end to the secrets before a new one; the oldest of too many end at once."""
    now = env.now()
    for index, row in enumerate(live(env, endpoint_id)):
        until = now + overlap if index < _MOST_LIVE - 1 else now
        if row.expire_time is None or until < row.expire_time:
            row.expire_time = until
            row.save(only=[SigningSecret.expire_time])


def live(env: Env, endpoint_id: str) -> list[SigningSecret]:
    """The secrets that sign now, newest first."""
    return list(
        SigningSecret.select()
        .where(
            SigningSecret.endpoint == endpoint_id,
            SigningSecret.expire_time.is_null() | (SigningSecret.expire_time > env.now()),
        )
        .order_by(SigningSecret.id.desc())
    )


def keys_of(env: Env, endpoint_ids: Collection[str]) -> dict[str, list[bytes]]:
    """The bytes with which the secrets of endpoints sign now, those of the newest first."""
    found: dict[str, list[bytes]] = {}
    for secret_id, endpoint_id, sealed in env.database.among(_LIVE, endpoint_ids, env.now()):
        key = env.keyring.open(sealed, place(secret_id))
        found.setdefault(endpoint_id, []).append(key)
    return found


def headers(keys_: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Sign a body at a time in Unix seconds: the headers with which it is sent."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys_)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def place(secret_id: str) -> str:
    """Where a signing secret is sealed for."""
    return f"signing_secret:{secret_id}"
