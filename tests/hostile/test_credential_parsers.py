"""Whatever is sent as a credential, a token or a place in a list: read back or refused."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from tests.hostile.examples import any_text, edited, printable, some

from finlink_server import bootstrap, calls, tokens
from finlink_server.credentials import (
    CLIENT_SECRET_LIVE,
    CLIENT_SECRET_TEST,
    SERVICE_KEY,
    SETUP_TOKEN,
)
from finlink_server.domain import cursors, identity, paging
from finlink_server.errors import (
    CredentialInvalid,
    CredentialMissing,
    CursorTooOld,
    PageTokenInvalid,
    Refusal,
)
from finlink_server.tokens import Kind, SigningKey, TokenInvalid, TokenProblem, VerifyKey

FORMATS = (CLIENT_SECRET_LIVE, CLIENT_SECRET_TEST, SERVICE_KEY, SETUP_TOKEN)
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ISSUER = "https://config.finlink.example"
NOW = 1_790_000_000
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
KEY = VerifyKey(tokens.thumbprint(PRIVATE.public_key()), Kind.SESSION, PRIVATE.public_key())
SIGNING = SigningKey(KEY.kid, PRIVATE)
CLAIMS = {"sub": "app_1", "iat": NOW, "exp": NOW + 60, "jti": "ses_1"}
GOOD = tokens.sign(Kind.SESSION, SIGNING, ISSUER, CLAIMS)
# A header that opens more brackets than Python reads, in as many characters as are let in.
DEEP = base64.urlsafe_b64encode(b"[" * 6000).rstrip(b"=").decode() + ".e30.AAAA"

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
ABSENT = object()
NEAR: dict[str, list[Any]] = {
    "iss": ["https://another.example", ISSUER + "/", [ISSUER]],
    "aud": [[Kind.SESSION.audience, "another"], Kind.LINK.audience],
    "iat": [NOW + 1, NOW + 60, NOW + 61, float(NOW), True],
    "exp": [NOW, NOW + 1, float(NOW + 60), str(NOW + 60)],
    "nbf": [NOW, NOW + 1, float(NOW)],
    "kid": [KEY.kid + "A", KEY.kid.lower()],
    "typ": ["link+jwt", "JWT", "AT+JWT"],
    "crit": [["exp"]],
    "cty": ["JWT"],
}


def changed(good: dict[str, Any], names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Give what is good, with up to two of these names changed, left out or added."""
    one = st.sampled_from(names.split()).flatmap(
        lambda name: st.tuples(
            st.just(name), st.sampled_from([ABSENT, *NEAR.get(name, [])]) | any_json
        )
    )
    return st.lists(one, max_size=2).map(
        lambda changes: {k: v for k, v in {**good, **dict(changes)}.items() if v is not ABSENT}
    )


HEADER = {"alg": "EdDSA", "kid": KEY.kid, "typ": "at+jwt"}
PAYLOAD = {"iss": ISSUER, "aud": Kind.SESSION.audience, **CLAIMS}
headers = changed(HEADER, "kid typ crit cty")
claims = changed(PAYLOAD, "iss aud sub iat exp nbf jti more")


@pytest.fixture(scope="module")
def env(server, operator):
    return server.env


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: dict[str, Any], payload: Any) -> str:
    """Sign by hand whatever it is, which no library would."""
    text = ".".join(b64url(json.dumps(one).encode()) for one in (header, payload))
    return f"{text}.{b64url(PRIVATE.sign(text.encode()))}"


def verify(token: str) -> Any:
    """Verify it as a session token: its claims, or its problem."""
    try:
        return tokens.verify(
            token, Kind.SESSION, lambda kid: KEY if kid == KEY.kid else None, ISSUER, NOW
        )
    except TokenInvalid as error:
        return error.problem


@some
@given(st.sampled_from(FORMATS), st.data())
def test_what_reads_as_a_credential_is_of_its_form_and_has_its_checksum(form, data):
    text = data.draw(any_text | st.just(form.new().text) | edited(form.new().text))

    found = form.parse(text)

    body, check = text[:-6], text[-6:]
    number = sum(BASE_62.find(one) * 62**place for place, one in enumerate(reversed(check)))
    fits = re.fullmatch(form.pattern, text) and number == zlib.crc32(body.encode())
    assert (found is not None) == bool(fits)
    if found:
        assert found.text == text
        assert text not in repr(found)


@some
@given(any_text | edited(GOOD) | st.tuples(printable, printable, printable).map(".".join))
@example(DEEP)
def test_a_text_that_was_not_signed_is_told_what_is_wrong_with_it(text):
    found = verify(text)

    assert found in TokenProblem or text == GOOD
    assert tokens.kind_of(text) in {None, *Kind}


@some
@given(headers, claims | any_json)
@example(HEADER, PAYLOAD)
@example(HEADER, PAYLOAD | {"nbf": NOW + 60})
@example(HEADER, PAYLOAD | {"nbf": NOW + 61})
@example(HEADER, PAYLOAD | {"iat": NOW + 60})
@example(HEADER, PAYLOAD | {"iat": NOW + 61})
@example(HEADER, PAYLOAD | {"exp": NOW})
@example(HEADER | {"crit": ["exp"]}, PAYLOAD)
def test_of_what_was_signed_only_what_keeps_every_rule_is_accepted(header, payload):
    found = verify(signed(header, payload))

    keeps_every_rule = (
        header.get("typ") == "at+jwt"
        and header.get("kid") == KEY.kid
        and "crit" not in header
        and isinstance(payload, dict)
        and payload.get("iss") == ISSUER
        and Kind.SESSION.audience in _as_list(payload.get("aud"))
        and all(type(payload.get(name)) is str for name in ("sub", "jti"))
        and all(type(payload.get(name)) is int for name in ("iat", "exp"))
        and payload["iat"] <= NOW + 60
        and type(payload.get("nbf", 0)) is int
        and payload.get("nbf", 0) <= NOW + 60
    )
    if keeps_every_rule and payload["exp"] > NOW:
        assert found == payload
    elif keeps_every_rule:
        assert found is TokenProblem.EXPIRED
    else:
        assert found in TokenProblem


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # it prefers RFC 9864
@some
@given(st.dictionaries(st.text(max_size=9), any_json, max_size=4), edited(GOOD))
def test_another_library_reads_what_is_signed_and_refuses_what_is_refused(more, forged):
    key = OKPKey.import_key({**tokens.jwk_of(PRIVATE.public_key())})
    token = tokens.sign(Kind.SESSION, SIGNING, ISSUER, {**more, **CLAIMS})

    judged = jws.deserialize_compact(token, key, algorithms=["EdDSA"])

    assert judged.headers() == {"alg": "EdDSA", "kid": KEY.kid, "typ": "at+jwt"}
    assert verify(token) == json.loads(judged.payload)
    try:
        jws.deserialize_compact(forged, key, algorithms=["EdDSA"])
    except (JoseError, ValueError):
        assert verify(forged) in TokenProblem


@some
@given(any_text | printable.map("Bearer {}".format))
@example(f"Bearer {DEEP}")
@example(f"Bearer {GOOD}")
@example("bearer ")
def test_no_authorization_is_more_than_a_refusal(env, value):
    call = bootstrap.command_line("tests").call

    with pytest.raises(Refusal) as refused:
        identity.identify(env, call, calls.bearer([("authorization", value)]))

    assert refused.type in {CredentialInvalid, CredentialMissing}


@some
@given(st.lists(st.tuples(st.sampled_from(["authorization", "x-other"]), printable), max_size=4))
def test_one_credential_is_found_or_none(metadata):
    sent = [value for name, value in metadata if name == "authorization"]
    metadata = [(name, f"Bearer {value}") for name, value in metadata]

    try:
        assert [calls.bearer(metadata)] == sent
    except CredentialMissing:
        assert sent == []
    except CredentialInvalid:
        assert len(sent) > 1 or sent == [""]


@some
@given(st.text(max_size=60) | st.integers(), any_text)
def test_a_page_token_leads_back_to_its_place_and_nowhere_else(env, last, another):
    token = paging._seal(env, last, "page|one")

    assert paging._open(env, token, "page|one") == last
    for text, place in ((token, f"page|two{another}"), (another, "page|one")):
        with pytest.raises(PageTokenInvalid):
            paging._open(env, text, place)


@some
@given(st.data())
def test_no_cursor_is_made_up(env, data):
    place = env.feed.refresh()
    token = cursors.write(env, place, env.now())
    text = data.draw(any_text | edited(token))

    try:
        assert cursors.read(env, text)[:2] == place[:2]
    except CursorTooOld:
        assert text.rstrip("=") != token


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) and all(type(one) is str for one in value) else [value]
