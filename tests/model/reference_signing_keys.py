"""Signing keys: one set for each kind of token, rotated with overlap."""

from __future__ import annotations

import json
from typing import Any

import jwt
from joserfc import jwk
from tests.model.reference import DAY, HOUR, SECOND, Record, World

AHEAD = 30 * SECOND  # from a rotation to the first token that the new key signs
TYPES = {"ACCOUNT": "account+jwt", "SESSION": "at+jwt", "LINK": "link+jwt"}
AUDIENCES = {"ACCOUNT": "finlink:account", "SESSION": "finlink:api", "LINK": "finlink:link"}
ISSUER = "https://config.finlink.example"  # unless FINLINK_ISSUER says otherwise
LONGEST = {"ACCOUNT": 12 * HOUR, "SESSION": HOUR, "LINK": DAY}


def rotate(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a key, which signs 30 seconds later; or at once, and end what the others signed."""
    kind = ("", "ACCOUNT", "SESSION", "LINK")[asked.kind]
    earlier = world.earlier(caller, asked)
    if earlier is not None:
        key = next(one for one in world.signing_keys[kind] if one["kid"] == earlier)
        return {"kid": key["kid"], "sign_from_time": key["sign_from_time"]}
    revoked = []
    if asked.revoke_previous:
        known = {key["kid"] for key in world.signing_keys[kind]}
        # Keys of before this history are revoked too, where there are any.
        revoked = [kid for kid in said.revoked_kids if kid not in known]
        for key in world.signing_keys[kind]:
            if key["revoke_time"] is None:
                key["revoke_time"] = world.moment()
                revoked.append(key["kid"])
        revoked.sort(key=list(said.revoked_kids).index)
        for kid in revoked:
            world.write(caller, "signing_key.revoked", kid, kind=kind)
        _end_everything(world, kind)
    ahead = 0 if asked.revoke_previous else AHEAD
    key = {
        "kid": said.kid,
        "sign_from_time": world.moment(ahead),
        "create_time": world.moment(),
        "revoke_time": None,
    }
    world.signing_keys[kind].append(key)
    world.write(caller, "signing_key.created", said.kid, kind=kind)
    world.remember(caller, asked, said.kid)
    return {**key, "revoked_kids": revoked}


def list_published(world: World, _: Record, __: Any, said: Any) -> Record:
    """List the keys of session tokens: before their first use, until their last token is dead."""
    keys = published(world, "SESSION")
    for key, one in zip(keys, said.keys, strict=False):
        key.setdefault("jwk_json", _seen(one))
    told = [json.loads(one.jwk_json) for one in said.keys]
    assert json.loads(said.jwks_json) == {"keys": told}, "jwks_json holds other keys"
    return {"keys": keys, "jwks_json": said.jwks_json}


def _seen(key: Any) -> str:
    """Learn a public key: a JWK of Ed25519 (RFC 8037), with its thumbprint as kid (RFC 7638)."""
    told = json.loads(key.jwk_json)
    rest = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.kid}
    assert told == {**rest, "x": told["x"]}, f"the key is {told}"
    assert jwk.OKPKey.import_key(told).thumbprint() == key.kid, "a kid is a thumbprint"
    return str(key.jwk_json)


def published(world: World, kind: str) -> list[Record]:
    """The keys that may still have signed a living token, oldest first."""
    keys = [key for key in world.signing_keys[kind] if key["revoke_time"] is None]
    successors = [key["sign_from_time"].latest for key in keys[1:]]
    return [
        key
        for key, replaced in zip(keys, [*successors, None], strict=True)
        if replaced is None or replaced + LONGEST[kind] > world.now
    ]


def signer(world: World, kind: str) -> Record:
    """The newest key in force."""
    return [
        key
        for key in world.signing_keys[kind]
        if key["revoke_time"] is None and key["sign_from_time"].latest <= world.now
    ][-1]


def see_signed(world: World, kind: str, token: str, **claims: object) -> str:
    """See that a new token names the key in force and makes these claims; its kid.

    Whether that key signed it, those of session tokens are asked afterwards: see `verification`.
    """
    header = jwt.get_unverified_header(token)
    key = signer(world, kind)
    key["kid"] = key["kid"] or header["kid"]  # of before this history
    expected = {"typ": TYPES[kind], "alg": "EdDSA", "kid": key["kid"]}
    assert header == expected, f"signed as {header}, not as {expected}"
    told = jwt.decode(token, options={"verify_signature": False})
    claims |= {"iss": ISSUER, "aud": AUDIENCES[kind]}
    wrong = {name: told.get(name) for name, value in claims.items() if told.get(name) != value}
    assert not wrong, f"the token claims {wrong}, not {claims}"
    return str(key["kid"])


def is_revoked(world: World, kind: str, kid: str) -> bool:
    """Whether the key that signed a token was revoked."""
    return any(
        key["kid"] == kid and key["revoke_time"] is not None for key in world.signing_keys[kind]
    )


def _end_everything(world: World, kind: str) -> None:
    if kind == "ACCOUNT":
        for token in world.account_tokens.values():
            token["ended"] = True
    elif kind == "LINK":
        for token in world.link_tokens.values():
            if token["revoke_time"] is None and token["expire_time"] > world.now:
                token["revoke_time"] = world.moment()
    else:
        for session in world.sessions.values():
            if session["end_time"] is None and session["expire_time"] > world.now:
                session.update(end_time=world.moment(), end_reason="KEY_REVOKED")
