"""Signed tokens: what they say, and what is not accepted as one."""

import base64
import json
from hashlib import sha256

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk, jwt
from tests import forgery, people
from tests.errors import refused
from tests.forgery import FOREIGN, FORGERIES, GARBAGE, UNICODE_GARBAGE, Genuine

from finlink.config import v1
from finlink_server import bootstrap, tokens
from finlink_server.domain import signing_keys
from finlink_server.storage.models import SigningKey
from finlink_server.tokens import Kind, TokenInvalid, VerifyKey
from finlink_server.tokens import TokenProblem as Problem

ISSUER = "https://issuer.example"
NOW = 1_800_000_000
each_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
# The judge warns that RFC 9864 has a newer name for EdDSA with Ed25519; the contract chose this.
judged = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")


@pytest.fixture
def genuine(kind):
    return forgery.make(kind, ISSUER, NOW)


def verify(token: str, kind: Kind, signer: Genuine, now: float = NOW):
    """Verify with a ring of two: the signer's key for this kind, and a foreign one for another."""
    ring = {
        key.kid: key
        for key in (
            VerifyKey(signer.header["kid"], kind, signer.private.public_key()),
            VerifyKey("other-kind", another(kind), FOREIGN.public_key()),
        )
    }
    return tokens.verify(token, kind, ring.get, ISSUER, now)


def another(kind: Kind) -> Kind:
    return next(other for other in Kind if other is not kind)


def problem(token: str, kind: Kind, signer: Genuine, now: float = NOW) -> Problem:
    with pytest.raises(TokenInvalid) as caught:
        verify(token, kind, signer, now)
    return caught.value.problem


@each_kind
def test_a_token_put_together_by_hand_is_accepted(genuine, kind):
    assert verify(genuine.token(), kind, genuine) == genuine.claims


@each_kind
def test_a_machine_whose_clock_is_a_minute_ahead_signs_tokens_that_others_accept(genuine, kind):
    token, later = genuine.token(iat=NOW + 60), genuine.token(iat=NOW + 61)

    assert verify(token, kind, genuine)["iat"] == NOW + 60
    assert problem(later, kind, genuine) is Problem.SIGNATURE_INVALID


@each_kind
def test_the_same_claims_make_the_same_token(genuine, kind):
    key = tokens.SigningKey(genuine.header["kid"], genuine.private)

    first, second = (tokens.sign(kind, key, ISSUER, genuine.claims) for _ in range(2))

    assert first == second
    assert verify(first, kind, genuine) == genuine.claims


@each_kind
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_not_accepted(genuine, kind, name):
    forge, expected = FORGERIES[name]

    assert problem(forge(genuine), kind, genuine) is expected


@each_kind
def test_another_kinds_key_signs_nothing_of_this_kind(genuine, kind):
    forged = genuine.signed_by(FOREIGN, {"kid": "other-kind"})

    assert problem(forged, kind, genuine) is Problem.SIGNATURE_INVALID


@each_kind
def test_each_kind_is_refused_in_the_place_of_each_other(genuine, kind):
    for other in set(Kind) - {kind}:
        assert problem(genuine.token(), other, genuine) is Problem.WRONG_TYPE
        renamed = genuine.token({"typ": other.value})
        assert problem(renamed, other, genuine) is Problem.SIGNATURE_INVALID


@each_kind
def test_a_token_is_good_until_the_second_of_its_exp(genuine, kind):
    token, expires = genuine.token(), genuine.claims["exp"]

    assert verify(token, kind, genuine, expires - 0.000_001)
    assert problem(token, kind, genuine, expires) is Problem.EXPIRED


@each_kind
def test_an_expired_token_still_names_what_it_was_for(genuine, kind):
    with pytest.raises(TokenInvalid) as caught:
        verify(genuine.token(), kind, genuine, genuine.claims["exp"])

    assert caught.value.claims == genuine.claims


@each_kind
def test_a_not_before_that_has_come_does_no_harm(genuine, kind):
    assert verify(genuine.token(nbf=NOW), kind, genuine)


@each_kind
def test_a_token_has_8192_characters_at_most(genuine, kind):
    spare = tokens.LONGEST - len(genuine.token(filler=""))
    longest = genuine.token(filler="x" * (spare * 3 // 4 - 1))
    too_long = genuine.token(filler="x" * (spare * 3 // 4 + 3))

    assert tokens.LONGEST - 4 <= len(longest) <= tokens.LONGEST < len(too_long)
    assert verify(longest, kind, genuine)
    assert problem(too_long, kind, genuine) is Problem.MALFORMED


@each_kind
@pytest.mark.parametrize("text", ["", *GARBAGE, *UNICODE_GARBAGE, "a" * 100_000])
def test_garbage_is_malformed(genuine, kind, text):
    assert problem(text, kind, genuine) is Problem.MALFORMED
    assert tokens.kind_of(text) is None


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(st.binary().map(forgery.b64url), min_size=3).map(".".join))
def test_any_text_is_answered(text):
    signer = forgery.make(Kind.SESSION, ISSUER, NOW)

    assert problem(text, Kind.SESSION, signer) in Problem


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_letter_of_a_token_can_be_changed(data):
    signer = forgery.make(Kind.SESSION, ISSUER, NOW)
    token = signer.token()
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from(forgery._BASE64URL + ".").filter(lambda c: c != token[place])
    )

    assert problem(token[:place] + letter + token[place + 1 :], Kind.SESSION, signer) in Problem


@judged
@pytest.mark.parametrize(
    ("environment", "name"),
    [(v1.ENVIRONMENT_LIVE, "LIVE"), (v1.ENVIRONMENT_SANDBOX, "SANDBOX")],
)
def test_another_library_finds_a_session_token_as_rfc_9068_has_it(
    account, nobody, env, environment, name
):
    app = people.new_app(account, environment)
    secret = people.new_secret(account, app, scopes=["read", "write"])
    session = secret.start()

    keys = jwk.KeySet.import_key_set(json.loads(nobody.sessions.ListSigningKeys().jwks_json))
    token = jwt.decode(session.token, keys, algorithms=["EdDSA"])

    answer = session.answer.session
    assert token.header == {"alg": "EdDSA", "typ": "at+jwt", "kid": token.header["kid"]}
    assert token.claims == {
        "iss": env.issuer,
        "aud": "finlink:api",
        "sub": app.id,
        "client_id": app.id,
        "iat": answer.create_time.seconds,
        "exp": answer.expire_time.seconds,
        "jti": session.id,
        "scope": "read write",
        "account_id": account.id,
        "secret_id": secret.id,
        "environment": name,
    }
    assert token.claims["exp"] - token.claims["iat"] == 3600
    assert answer.expire_time.nanos == 0


@judged
def test_a_key_is_named_by_the_thumbprint_of_rfc_7638(nobody):
    listed = nobody.sessions.ListSigningKeys()

    keys = json.loads(listed.jwks_json)["keys"]
    assert [json.loads(key.jwk_json) for key in listed.keys] == keys
    for key in keys:
        canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{key["x"]}"}}'
        by_hand = base64.urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=")
        assert key["kid"] == by_hand.decode() == jwk.OKPKey.import_key(key).thumbprint()
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}  # and no `d`
        assert (key["alg"], key["use"]) == ("EdDSA", "sig")


def test_each_kind_has_keys_of_its_own_and_only_session_keys_are_listed(nobody):
    stored = {row.kid: row.kind for row in SigningKey.select()}
    listed = {key.kid for key in nobody.sessions.ListSigningKeys().keys}

    assert set(stored.values()) == {kind.name for kind in Kind}
    assert {stored[kid] for kid in listed} == {"SESSION"}
    assert len({bytes(row.public) for row in SigningKey.select()}) == len(stored)


def test_making_first_keys_twice_makes_none(env):
    before = SigningKey.select().count()

    signing_keys.make_first(env, bootstrap.command_line("migrate"))

    assert SigningKey.select().count() == before


def test_a_caller_without_a_network_can_verify(session, nobody):
    kid = forgery.read(session.token)[0]["kid"]
    (key,) = [one for one in nobody.sessions.ListSigningKeys().keys if one.kid == kid]

    public = base64.urlsafe_b64decode(json.loads(key.jwk_json)["x"] + "=")

    assert public == bytes(SigningKey.get_by_id(kid).public)


def test_a_token_lives_exactly_as_long_as_it_says(
    account, app, session, redirect_id, verifier, link_front_end, clock
):
    def open_link() -> None:
        link_front_end.links.OpenLink(query=f"authToken={made.auth_token}")

    parameters = v1.LinkParameters(redirect_id=redirect_id, product=v1.PRODUCT_TRANSACTIONS)
    made = account.links.CreateLinkToken(app_id=app.id, parameters=parameters, max_opens=100)

    clock.advance_to(forgery.read(made.auth_token)[1]["exp"] - 0.1)
    open_link()
    clock.advance(seconds=0.1)
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_EXPIRED"):
        open_link()

    clock.advance_to(session.claims["exp"] - 0.1)
    assert people.why_inactive(verifier, session) == ""
    session.sessions.GetSession()
    clock.advance(seconds=0.1)
    assert people.why_inactive(verifier, session) == "EXPIRED"
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE"):
        session.sessions.GetSession()

    clock.advance_to(forgery.read(account.token)[1]["exp"] - 0.1)
    account.accounts.GetAccount()
    clock.advance(seconds=0.1)
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.GetAccount()
