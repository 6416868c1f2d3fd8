"""Session tokens, verified as strictly as the service does it.

RFC 8725: the verifier decides about type, algorithm, issuer and audience, the token
about nothing. RFC 9068 §4 for what a session token must hold. The times of a token are
judged by whoever knows the service's clock.
"""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from finlink_client.verifier_errors import SessionInactiveError

_ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"  # RFC 9068 §2.1
_AUDIENCE: Final = "finlink:api"
_LONGEST: Final = 8192  # characters
_PARTS: Final = 3
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url, RFC 7638 §3
_REQUIRED: Final = ["iss", "aud", "sub", "iat", "exp", "jti"]
_TEXTS: Final = ("jti", "sub", "client_id", "account_id", "secret_id", "environment", "scope")
_LATEST: Final = 253_402_300_799  # seconds: the end of the year 9999
# The library would look at the system's clock; the times are judged by the service's.
_OPTIONS: Final[Any] = {
    "require": _REQUIRED,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class VerifiedSession:
    """A session that is live, as far as the verifier's bound goes.

    `environment` is `SANDBOX` or `LIVE`. `expire_time` is when it ends at the latest.
    """

    session_id: str
    app_id: str
    account_id: str
    environment: str
    secret_id: str
    scopes: frozenset[str]
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A genuine token: what it says, its key, and from when to when, in the service's seconds."""

    session: VerifiedSession
    session_id: str
    kid: str
    begins: int
    expires: int


def parse_key(jwk_json: str) -> tuple[str, Ed25519PublicKey] | None:
    """Read a JSON Web Key (RFC 8037), and make its kid anew; None for other kinds of keys."""
    try:
        jwk = json.loads(jwk_json)
        is_ours = isinstance(jwk, dict) and (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519")
        raw = base64.urlsafe_b64decode(f"{jwk['x']}=") if is_ours else b""
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, KeyError):
        return None
    # RFC 7638 §3: the kid is the key's own hash, whatever the answer calls it.
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{_b64url(raw)}"}}'
    return _b64url(sha256(canonical.encode()).digest()), key


def read_kid(token: str) -> str:
    """Give the id of the key that is said to have signed a session token.

    Raises SessionInactiveError for what no key can make good.
    """
    parts = token.split(".", _PARTS)
    if len(token) > _LONGEST or len(parts) != _PARTS or not all(map(_is_canonical, parts)):
        raise SessionInactiveError("MALFORMED")
    return _kid_of(parts[0])


@lru_cache(maxsize=64)  # tokens of one key have the same header
def _kid_of(header: str) -> str:
    try:
        # With an empty payload and signature: the library reads whole tokens only.
        fields: dict[str, Any] = jwt.get_unverified_header(f"{header}.e30.")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise SessionInactiveError("MALFORMED") from error
    kid = fields.get("kid")
    if not isinstance(kid, str):
        raise SessionInactiveError("MALFORMED")
    if not _KID.fullmatch(kid):
        raise SessionInactiveError("SIGNATURE_INVALID")
    if fields.get("typ") != _TYPE:
        raise SessionInactiveError("WRONG_TYPE")
    if fields.get("alg") != _ALGORITHM:
        raise SessionInactiveError("SIGNATURE_INVALID")
    return kid


def verify(token: str, kid: str, key: Ed25519PublicKey, issuer: str) -> VerifiedToken:
    """Check everything of a session token but whether it is in force now.

    Raises SessionInactiveError.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            issuer=issuer,
            options=_OPTIONS,
        )
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise SessionInactiveError("SIGNATURE_INVALID") from error
    issued, expires = claims["iat"], claims["exp"]
    begins = claims.get("nbf", issued)  # ours have none; who adds one means it
    times = (issued, begins, expires)
    if not (
        all(type(time) is int and 0 <= time <= _LATEST for time in times)
        and all(type(claims.get(name)) is str for name in _TEXTS)
    ):
        raise SessionInactiveError("SIGNATURE_INVALID")
    session_id = claims["jti"]
    session = VerifiedSession(
        session_id=session_id,
        app_id=claims["client_id"],
        account_id=claims["account_id"],
        environment=claims["environment"],
        secret_id=claims["secret_id"],
        scopes=_scopes(claims["scope"]),
        expire_time=datetime.fromtimestamp(expires, UTC),
    )
    return VerifiedToken(session, session_id, kid, max(issued, begins), expires)


@lru_cache(maxsize=64)  # a handful of combinations, shared by all sessions
def _scopes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _is_canonical(part: str) -> bool:
    """Whether a part is base64url in the one form that encoders make.

    Decoders overlook the unused bits of the last character, so that several texts
    would stand for one token; revocation and caches want one.
    """
    try:
        return _b64url(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) == part
    except ValueError:
        return False


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
