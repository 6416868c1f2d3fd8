"""SessionVerifier: verifies by itself as the service would, and refuses what has ended."""

from __future__ import annotations

import asyncio
import time
from hashlib import sha256

import pytest
from tests import forgery
from tests.forgery import FORGERIES, GARBAGE, UNICODE_GARBAGE
from tests.staleness import refused_in_time, wait_until, why_refused
from tests.verifiers import A_WHILE

from finlink_client import (
    ScopeMissingError,
    SessionInactiveError,
    SessionVerifier,
)
from finlink_server.tokens import LONGEST

pytestmark = pytest.mark.either("its service answers the same whatever it asks")

# ------------------------------------------------------------------------------ what is good


def test_a_token_gives_its_session_and_the_service_need_not_be_asked(
    session_verifier, asking_verifier, session, validations
):
    def is_told_without_asking() -> bool:
        validations.clear()
        return session_verifier.verify(session.token) is not None and not validations

    wait_until(is_told_without_asking)  # at once, but on a busy machine

    told = session_verifier.verify(session.token)
    assert told == asking_verifier.verify(session.token)
    of_service = session.sessions.GetSession().session
    assert (told.session_id, told.app_id, told.account_id, told.secret_id) == (
        of_service.id,
        of_service.app_id,
        of_service.account_id,
        of_service.secret_id,
    )
    assert (told.environment, told.scopes) == ("SANDBOX", {"read", "write", "delete"})
    assert told.expire_time.timestamp() == of_service.expire_time.seconds


@pytest.mark.parametrize("which", ["session_verifier", "asking_verifier"])
def test_a_session_without_the_scopes_is_refused_with_those_that_it_lacks(request, which, secret):
    of = request.getfixturevalue(which)
    token = secret.start(("read",)).token

    assert of.verify(token, ["read"]).scopes == {"read"}
    for _ in range(2):
        with pytest.raises(ScopeMissingError) as error:
            of.verify(token, ["read", "write", "delete"])
        assert error.value.missing_scopes == ("write", "delete")


@pytest.mark.parametrize("which", ["session_verifier", "asking_verifier"])
def test_the_same_holds_on_an_event_loop(request, which, session):
    of = request.getfixturevalue(which)

    async def story() -> None:
        for _ in range(2):
            assert (await of.verify_async(session.token, ["read"])).session_id == session.id
        session.sessions.EndSession()
        await asyncio.to_thread(refused_in_time, of, session.token, time.monotonic())
        with pytest.raises(SessionInactiveError) as error:
            await of.verify_async(session.token)
        assert error.value.reason == "ENDED"

    asyncio.run(story())


# ------------------------------------------------------------------------------- what is not


@pytest.mark.parametrize("which", ["session_verifier", "asking_verifier"])
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused_as_by_the_service(request, which, env, session, name):
    forge, problem = FORGERIES[name]
    forged = forge(forgery.steal(env, session.token))

    assert why_refused(request.getfixturevalue(which), forged) == problem.name


@pytest.mark.parametrize("text", ["", *GARBAGE, *UNICODE_GARBAGE, "a" * 1_000_000, "\ud800.a.b"])
@pytest.mark.parametrize("which", ["session_verifier", "asking_verifier"])
def test_garbage_is_malformed(request, which, text):
    assert why_refused(request.getfixturevalue(which), text) == "MALFORMED"


def test_a_token_longer_than_any_is_refused_though_its_signature_is_right(
    session_verifier, env, session
):
    token = forgery.steal(env, session.token).token(filler="x" * LONGEST)

    assert why_refused(session_verifier, token) == "MALFORMED"


def test_what_cannot_be_a_session_token_does_not_reach_the_service(
    session_verifier, env, session, account, validations
):
    genuine = forgery.steal(env, session.token)
    other_kind = forgery.steal(env, account.token)

    assert why_refused(session_verifier, account.token) == "WRONG_TYPE"
    assert why_refused(session_verifier, other_kind.token({"typ": "at+jwt"})) == "SIGNATURE_INVALID"
    assert why_refused(session_verifier, genuine.signed_by(forgery.FOREIGN)) == "SIGNATURE_INVALID"
    assert (
        why_refused(session_verifier, genuine.token(iss="https://evil.example"))
        == "SIGNATURE_INVALID"
    )
    assert validations == []


@pytest.mark.parametrize(
    "claim", ["client_id", "account_id", "secret_id", "environment", "scope", "sub", "jti"]
)
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_genuine_token_must_tell_everything(session_verifier, env, session, claim, value):
    odd = forgery.steal(env, session.token).token(**{claim: value})

    assert why_refused(session_verifier, odd) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("token", ["session", "garbage"])
def test_scopes_are_a_list_and_not_a_word(session_verifier, session, token):
    given = session.token if token == "session" else token

    with pytest.raises(TypeError, match="must be a list"):
        session_verifier.verify(given, "read")
    with pytest.raises(TypeError, match="must be a list"):
        asyncio.run(session_verifier.verify_async(given, "read"))


def test_a_verifier_of_another_issuer_refuses(server, verifier, session):
    with SessionVerifier(server.target, verifier.credential, issuer="https://other.example") as one:
        assert one.wait_until_caught_up(A_WHILE)
        assert why_refused(one, session.token) == "SIGNATURE_INVALID"


# ---------------------------------------------------------------------------- what is remembered


def test_no_more_tokens_are_remembered_than_allowed_those_seen_last(
    server, verifier, env, session, validations
):
    genuine = forgery.steal(env, session.token)
    with SessionVerifier(server.target, verifier.credential, max_cached_tokens=10) as small:
        assert small.wait_until_caught_up(A_WHILE)
        often = genuine.token()

        for number in range(100):
            small.verify(genuine.token(number=number))
            small.verify(often)

        assert len(small._tokens) <= 10
        assert small._tokens.get(sha256(often.encode()).digest())
        assert small._tokens.get(sha256(genuine.token(number=0).encode()).digest()) is None
