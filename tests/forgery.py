"""A workshop for tokens: genuine ones taken apart, forged ones put together by hand.

Nothing of the server's own code and none of its libraries' checks are used to
build a forgery, so that whatever is wished for can be built.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from finlink_server import tokens
from finlink_server.domain import signing_keys
from finlink_server.env import Env
from finlink_server.storage.models import SigningKey
from finlink_server.tokens import Kind
from finlink_server.tokens import TokenProblem as Problem

FOREIGN: Final = Ed25519PrivateKey.generate()
_HOUR: Final = 3600
_BASE64URL: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Genuine:
    """A good token, in parts, with the key that signed it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return raw(self.private.public_key())

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Sign it again with the true key, with other header fields or claims; None: without."""
        return self.signed_by(self.private, header, **claims)

    def signed_by(
        self, key: Ed25519PrivateKey, header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        text = self.unsigned(header, **claims)
        return f"{text}.{b64url(key.sign(text.encode()))}"

    def unsigned(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        return ".".join(
            part(merged)
            for merged in ({**self.header, **(header or {})}, {**self.claims, **claims})
        )

    def with_hmac(self, secret: bytes) -> str:
        """Swap the algorithm: what verifies Ed25519 signatures becomes the secret of an HMAC."""
        text = self.unsigned({"alg": "HS256"})
        return f"{text}.{b64url(hmac.digest(secret, text.encode(), 'sha256'))}"


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def part(content: Mapping[str, Any]) -> str:
    return b64url(json.dumps({k: v for k, v in content.items() if v is not None}).encode())


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        for text in token.split(".")[:2]
    )
    return header, claims


def steal(env: Env, token: str) -> Genuine:
    """Take a token of the server apart, and the server's key with it."""
    header, claims = read(token)
    row = SigningKey.get_by_id(header["kid"])
    seed = env.keyring.open(row.sealed_private, signing_keys.private_place(row.kid))
    return Genuine(header, claims, Ed25519PrivateKey.from_private_bytes(seed))


def make(kind: Kind, issuer: str, now: int) -> Genuine:
    """Make a good token of one kind out of nothing."""
    private = Ed25519PrivateKey.generate()
    claims = {"iss": issuer, "aud": kind.audience, "sub": "app_x", "jti": "ses_x"}
    return Genuine(
        {"alg": "EdDSA", "typ": kind.value, "kid": tokens.thumbprint(private.public_key())},
        {**claims, "iat": now - 1, "exp": now + _HOUR},
        private,
    )


def _foreign_jwk() -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw(FOREIGN.public_key()))}


def _pem(genuine: Genuine) -> bytes:
    key = genuine.private.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _without(claim: str) -> Callable[[Genuine], str]:
    return lambda genuine: genuine.token(**{claim: None})


def _changed_after_signing(genuine: Genuine) -> str:
    signature = genuine.token().rpartition(".")[2]
    return f"{genuine.unsigned(sub='app_00000000000000000000000000')}.{signature}"


def _other_spelling(genuine: Genuine) -> str:
    """Change a bit that a decoder overlooks: another text, the same signature."""
    token = genuine.token()
    assert len(token.rpartition(".")[2]) % 4 == 2  # 64 bytes: 4 bits of the last letter are unused
    return token[:-1] + _BASE64URL[_BASE64URL.index(token[-1]) ^ 1]


# Name → (how it is made, why it is not accepted).
FORGERIES: Final[Mapping[str, tuple[Callable[[Genuine], str], Problem]]] = {
    # The algorithm is the key's, not the token's.
    "alg_none": (lambda g: g.unsigned({"alg": "none"}) + ".", Problem.SIGNATURE_INVALID),
    "alg_none_signed": (lambda g: g.token({"alg": "none"}), Problem.SIGNATURE_INVALID),
    "alg_missing": (lambda g: g.token({"alg": None}), Problem.SIGNATURE_INVALID),
    "alg_other_name": (lambda g: g.token({"alg": "eddsa"}), Problem.SIGNATURE_INVALID),
    "hmac_of_raw_key": (lambda g: g.with_hmac(g.public), Problem.SIGNATURE_INVALID),
    "hmac_of_pem": (lambda g: g.with_hmac(_pem(g)), Problem.SIGNATURE_INVALID),
    "hmac_of_nothing": (lambda g: g.with_hmac(b""), Problem.SIGNATURE_INVALID),
    # The key is the ring's, not the token's.
    "embedded_jwk": (
        lambda g: g.signed_by(FOREIGN, {"jwk": _foreign_jwk()}),
        Problem.SIGNATURE_INVALID,
    ),
    "embedded_jwk_alone": (
        lambda g: g.signed_by(FOREIGN, {"jwk": _foreign_jwk(), "kid": None}),
        Problem.MALFORMED,
    ),
    "jku": (
        lambda g: g.signed_by(FOREIGN, {"jku": "https://evil.example/jwks.json"}),
        Problem.SIGNATURE_INVALID,
    ),
    "x5c": (
        lambda g: g.signed_by(FOREIGN, {"x5c": [base64.b64encode(b"certificate").decode()]}),
        Problem.SIGNATURE_INVALID,
    ),
    "foreign_key_right_kid": (lambda g: g.signed_by(FOREIGN), Problem.SIGNATURE_INVALID),
    "foreign_key_own_kid": (
        lambda g: g.signed_by(FOREIGN, {"kid": tokens.thumbprint(FOREIGN.public_key())}),
        Problem.SIGNATURE_INVALID,
    ),
    "kid_of_sql": (lambda g: g.token({"kid": "' OR 1=1 --"}), Problem.SIGNATURE_INVALID),
    "kid_of_no_unicode": (
        lambda g: g.token({"kid": "\ud800"}),
        Problem.SIGNATURE_INVALID,
    ),
    "kid_missing": (lambda g: g.token({"kid": None}), Problem.MALFORMED),
    "kid_no_text": (lambda g: g.token({"kid": 7}), Problem.MALFORMED),
    # The claims are what was signed.
    "changed_claim": (_changed_after_signing, Problem.SIGNATURE_INVALID),
    "signature_missing": (lambda g: g.unsigned() + ".", Problem.SIGNATURE_INVALID),
    "signature_cut_off": (
        lambda g: f"{g.unsigned()}.{b64url(bytes(63))}",
        Problem.SIGNATURE_INVALID,
    ),
    "wrong_issuer": (
        lambda g: g.token(iss="https://evil.example"),
        Problem.SIGNATURE_INVALID,
    ),
    "wrong_audience": (lambda g: g.token(aud="finlink:nobody"), Problem.SIGNATURE_INVALID),
    "typ_missing": (lambda g: g.token({"typ": None}), Problem.WRONG_TYPE),
    "typ_generic": (lambda g: g.token({"typ": "JWT"}), Problem.WRONG_TYPE),
    "typ_no_text": (lambda g: g.token({"typ": ["at+jwt"]}), Problem.WRONG_TYPE),
    "unknown_crit": (lambda g: g.token({"crit": ["x"], "x": 1}), Problem.MALFORMED),
    **{
        f"without_{claim}": (_without(claim), Problem.SIGNATURE_INVALID)
        for claim in ("iss", "aud", "sub", "iat", "exp", "jti")
    },
    # The times are whole seconds, and of now.
    "expired": (lambda g: g.token(exp=g.claims["iat"]), Problem.EXPIRED),
    "issued_in_the_future": (
        lambda g: g.token(iat=g.claims["iat"] + _HOUR),
        Problem.SIGNATURE_INVALID,
    ),
    "issued_in_the_future_though_valid": (
        lambda g: g.token(iat=g.claims["iat"] + _HOUR, nbf=g.claims["iat"]),
        Problem.SIGNATURE_INVALID,
    ),
    "not_yet_valid": (
        lambda g: g.token(nbf=g.claims["iat"] + _HOUR),
        Problem.SIGNATURE_INVALID,
    ),
    "not_before_no_number": (lambda g: g.token(nbf="soon"), Problem.SIGNATURE_INVALID),
    "exp_a_fraction": (lambda g: g.token(exp=g.claims["exp"] + 0.5), Problem.SIGNATURE_INVALID),
    "exp_a_text": (lambda g: g.token(exp=str(g.claims["exp"])), Problem.SIGNATURE_INVALID),
    "exp_infinite": (lambda g: g.token(exp=float("inf")), Problem.SIGNATURE_INVALID),
    "exp_true": (lambda g: g.token(exp=True), Problem.SIGNATURE_INVALID),
    "iat_a_text": (lambda g: g.token(iat=str(g.claims["iat"])), Problem.SIGNATURE_INVALID),
    # One token has one text.
    "unused_bits_changed": (_other_spelling, Problem.MALFORMED),
    "padded": (lambda g: g.token() + "==", Problem.MALFORMED),
    "fourth_part": (lambda g: g.token() + ".", Problem.MALFORMED),
    "foreign_letter": (lambda g: g.token().replace(".", "~.", 1), Problem.MALFORMED),
}
# What nobody would take for a token.
GARBAGE: Final = (
    *("x", ".", "..", "...", "a.b.c", "null", "ey..", "eyJ9.eyJ9.AAAA", "%00.%00.%00"),
    *(f"{b64url(header)}.e30.AAAA" for header in (b"[]", b"[" * 5000, bytes(range(256)))),
)
UNICODE_GARBAGE: Final = ("\0", "🦊" * 100, "é.é.é", "\u202ea.b.c", "a.\ufeff.c", "。。")
