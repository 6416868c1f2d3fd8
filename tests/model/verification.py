"""Session tokens, verified as their readers do it: by another library than the one that signs."""

from __future__ import annotations

import json
from typing import Any

from joserfc import jwk, jwt
from tests.model.reference_signing_keys import AUDIENCES, ISSUER, TYPES


def check(token: str, jwks_json: str, now: int) -> None:
    """See that a new token is good at this moment, by the published keys alone (RFC 9068 §4)."""
    keys = jwk.KeySet.import_key_set(json.loads(jwks_json))
    read = jwt.decode(token, keys, algorithms=["EdDSA"])
    assert read.header["typ"] == TYPES["SESSION"], f"the type is {read.header}"
    wanted = {"iss": ISSUER, "aud": AUDIENCES["SESSION"]}
    rules: dict[str, Any] = {
        name: {"essential": True, "value": value} for name, value in wanted.items()
    }
    rules |= {name: {"essential": True} for name in ("sub", "client_id", "iat", "exp", "jti")}
    jwt.JWTClaimsRegistry(now=now // 1_000_000, **rules).validate(read.claims)
