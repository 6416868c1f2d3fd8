"""Signed tokens: JWTs with Ed25519, one set of keys for each kind.

The kind decides the type, the audience and the keys; the key decides the
algorithm; the token itself decides nothing (RFC 8725 §3.1, §3.11).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM = "EdDSA"
LONGEST = 8192  # characters
_PARTS = 3
_LEEWAY = 60  # seconds by which the clock of the machine that signed may be ahead
_KID = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url, RFC 7638 §3
_REQUIRED = ["iss", "aud", "sub", "iat", "exp", "jti"]


class Kind(Enum):
    """What a token is for: the value is its `typ` (RFC 8725 §3.11)."""

    ACCOUNT = "account+jwt"
    SESSION = "at+jwt"  # RFC 9068 §2.1
    LINK = "link+jwt"

    @property
    def audience(self) -> str:
        """Who is to accept it (`aud`)."""
        return {"account+jwt": "finlink:account", "at+jwt": "finlink:api"}.get(
            self.value, "finlink:link"
        )


class TokenProblem(Enum):
    """Why a token is not accepted."""

    MALFORMED = "it is not a token"
    WRONG_TYPE = "it is a token of another kind"
    SIGNATURE_INVALID = "its signature, issuer, audience or a claim is wrong"
    EXPIRED = "it has expired"
    KEY_REVOKED = "the key that signed it was revoked"


class TokenInvalid(Exception):  # noqa: N818 - an answer, not a defect
    """A token that is not accepted."""

    def __init__(self, problem: TokenProblem, claims: Mapping[str, Any] | None = None) -> None:
        """Keep the claims of a token that was genuine: one that expired, or whose key did."""
        super().__init__(problem.value)
        self.problem = problem
        self.claims = claims


@dataclass(frozen=True)
class VerifyKey:
    """A public key as it stands in the ring."""

    kid: str
    kind: Kind
    public: Ed25519PublicKey


@dataclass(frozen=True)
class SigningKey:
    """A key pair that signs one kind of token."""

    kid: str
    private: Ed25519PrivateKey


def jwk_of(public: Ed25519PublicKey) -> dict[str, str]:
    """The public key as a JSON Web Key (RFC 8037 §2)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64url(_raw(public))}


def thumbprint(public: Ed25519PublicKey) -> str:
    """The key id: the JWK's SHA-256 thumbprint (RFC 7638 §3)."""
    canonical = json.dumps(jwk_of(public), separators=(",", ":"), sort_keys=True)
    return _b64url(sha256(canonical.encode()).digest())


def kind_of(token: str) -> Kind | None:
    """Read what kind a token claims to be, without believing it."""
    if len(token) > LONGEST or token.count(".") != _PARTS - 1:
        return None
    try:
        return Kind(jwt.get_unverified_header(token).get("typ"))
    except (jwt.PyJWTError, ValueError, UnicodeError):
        return None


def sign(kind: Kind, key: SigningKey, issuer: str, claims: Mapping[str, Any]) -> str:
    """Sign claims; the same claims and key give the same token (RFC 8032)."""
    return jwt.encode(
        {"iss": issuer, "aud": kind.audience, **claims},
        key.private,
        ALGORITHM,
        headers={"kid": key.kid, "typ": kind.value},
    )


def verify(
    token: str,
    kind: Kind,
    find_key: Callable[[str], VerifyKey | None],
    issuer: str,
    now: float,
) -> Mapping[str, Any]:
    """Check a token of one kind and give its claims; `now` in seconds.

    A token of another machine may be from a little later than now (RFC 7519 §4.1.5). Raises
    TokenInvalid, which for a genuine but expired token holds the claims.
    """
    header = _header(token)
    if header.get("typ") != kind.value:
        raise TokenInvalid(TokenProblem.WRONG_TYPE)
    key = find_key(header["kid"])
    if key is None or key.kind is not kind or header.get("alg") != ALGORITHM:
        raise TokenInvalid(TokenProblem.SIGNATURE_INVALID)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            audience=kind.audience,
            issuer=issuer,
            # The library looks at the system's clock; the times are checked below
            # against the service's.
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        issued, expires = claims["iat"], claims["exp"]
        begins = claims.get("nbf", issued)  # ours have none; who adds one means it
        whole = all(type(time) is int for time in (issued, begins, expires))
        timely = whole and issued <= now + _LEEWAY and begins <= now + _LEEWAY
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid(TokenProblem.SIGNATURE_INVALID) from error
    if not timely:
        raise TokenInvalid(TokenProblem.SIGNATURE_INVALID)
    if expires <= now:
        raise TokenInvalid(TokenProblem.EXPIRED, claims)
    return claims


def _header(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != _PARTS or not all(map(_is_canonical, parts)):
        raise TokenInvalid(TokenProblem.MALFORMED)
    try:
        header: dict[str, Any] = json.loads(_b64url_decode(parts[0]))
    except (ValueError, RecursionError) as error:
        raise TokenInvalid(TokenProblem.MALFORMED) from error
    if not isinstance(header, dict):
        raise TokenInvalid(TokenProblem.MALFORMED)
    kid = header.get("kid")
    if not isinstance(kid, str) or "crit" in header:  # no extension is known (RFC 7515 §4.1.11)
        raise TokenInvalid(TokenProblem.MALFORMED)
    if not _KID.fullmatch(kid):
        raise TokenInvalid(TokenProblem.SIGNATURE_INVALID)
    return header


def _is_canonical(part: str) -> bool:
    """Whether a part is base64url in the one form that encoders make.

    Decoders overlook the unused bits of the last character, so that several
    texts would stand for one token; revocation and caches want one.
    """
    try:
        return _b64url(_b64url_decode(part)) == part
    except ValueError:
        return False


def _b64url_decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
