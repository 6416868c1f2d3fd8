"""Signing keys change without a moment in which a good token is refused, or end all at once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import jwt
import pytest
from grpc import StatusCode
from tests import forgery, people, quick_server
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link
from tests.races import Race

from finlink.config import v1
from finlink_server.domain import signing_keys

_AHEAD = 30  # seconds from publishing to signing
_SESSION, _ACCOUNT, _LINK = v1.TOKEN_KIND_SESSION, v1.TOKEN_KIND_ACCOUNT, v1.TOKEN_KIND_LINK
each_kind = pytest.mark.parametrize(
    "kind", [_SESSION, _ACCOUNT, _LINK], ids=["session", "account", "link"]
)


def rotate(operator: Any, kind: int, **fields: Any) -> v1.RotateSigningKeyResponse:
    answer: v1.RotateSigningKeyResponse = operator.admin.RotateSigningKey(kind=kind, **fields)
    return answer


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def listed(nobody: Any) -> list[str]:
    return [key.kid for key in nobody.sessions.ListSigningKeys().keys]


@pytest.fixture
def new_token(account, app, secret, redirect_id):
    """Makes a token of a kind."""

    def new(kind: int) -> str:
        if kind == _SESSION:
            return str(secret.start().token)
        if kind == _ACCOUNT:
            return str(account.sign_in().token)
        return auth_token_for(account, app, redirect_id)

    return new


@each_kind
def test_a_new_key_signs_half_a_minute_after_it_was_published(operator, clock, new_token, kind):
    before = kid_of(new_token(kind))

    made = rotate(operator, kind)

    assert list(made.revoked_kids) == []
    assert kid_of(new_token(kind)) == before
    clock.advance_to(made.sign_from_time.ToMicroseconds() / 1e6 - 1)
    assert kid_of(new_token(kind)) == before
    clock.advance_to(made.sign_from_time.ToMicroseconds() / 1e6)
    assert kid_of(new_token(kind)) == made.kid != before


def test_a_key_is_listed_before_its_first_token_and_until_its_last_is_dead(
    operator, nobody, verifier, secret, clock
):
    session = secret.start()
    old = kid_of(session.token)

    new = rotate(operator, _SESSION).kid

    assert {old, new} <= {*listed(nobody)}
    assert listed(nobody)[-1] == new
    clock.advance(seconds=_AHEAD)
    clock.advance_to(session.claims["exp"] - 2)
    assert people.why_inactive(verifier, session) == ""
    assert old in listed(nobody)
    clock.advance(seconds=_AHEAD + 3)
    assert people.why_inactive(verifier, session) == "EXPIRED"
    assert old not in listed(nobody)
    assert new in listed(nobody)


@pytest.mark.parametrize("kind", [_ACCOUNT, _LINK], ids=["account", "link"])
def test_keys_of_other_tokens_are_not_listed(operator, nobody, kind):
    before = listed(nobody)

    rotate(operator, kind)

    assert listed(nobody) == before


def test_two_rotations_in_a_row_sign_one_after_the_other(operator, nobody, clock, secret):
    first = rotate(operator, _SESSION)
    clock.advance(seconds=10)
    second = rotate(operator, _SESSION)

    assert {first.kid, second.kid} <= {*listed(nobody)}
    clock.advance(seconds=21)
    assert kid_of(secret.start().token) == first.kid
    clock.advance(seconds=10)
    assert kid_of(secret.start().token) == second.kid


def test_revoking_ends_every_session_that_was_signed(operator, nobody, verifier, account, secret):
    session, upcoming = secret.start(), rotate(operator, _SESSION).kid
    assert people.why_inactive(verifier, session) == ""

    made = rotate(operator, _SESSION, revoke_previous=True)

    assert {kid_of(session.token), upcoming} <= {*made.revoked_kids}
    assert listed(nobody) == [made.kid]
    assert people.why_inactive(verifier, session) == "KEY_REVOKED"
    with refused(StatusCode.UNAUTHENTICATED):
        session.sessions.GetSession()
    stored = account.sessions.GetSession(session_id=session.id).session
    assert stored.end_reason == v1.INACTIVE_REASON_KEY_REVOKED
    assert stored.HasField("end_time")
    listing = account.sessions.ListSessions(app_id=secret.app_id, active_only=True)
    assert not listing.sessions
    newer = secret.start()
    assert newer.answer.superseded_session_id == ""
    assert kid_of(newer.token) == made.kid
    assert people.why_inactive(verifier, newer) == ""


def test_revoking_ends_every_account_token_that_was_signed(operator, account):
    account.accounts.GetAccount()

    made = rotate(operator, _ACCOUNT, revoke_previous=True)

    with refused(StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        account.accounts.GetAccount()
    again = account.sign_in()
    assert kid_of(again.token) == made.kid
    again.accounts.GetAccount()


def test_revoking_ends_every_link_token_that_was_signed(
    operator, link_front_end, account, app, redirect_id
):
    token = auth_token_for(account, app, redirect_id, max_opens=5)
    open_link(link_front_end, authToken=token)

    made = rotate(operator, _LINK, revoke_previous=True)

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_REVOKED"):
        open_link(link_front_end, authToken=token)
    newer = auth_token_for(account, app, redirect_id)
    assert kid_of(newer) == made.kid
    open_link(link_front_end, authToken=newer)


@pytest.mark.parametrize("kind", [_SESSION, _ACCOUNT, _LINK], ids=["session", "account", "link"])
def test_revoking_the_keys_of_one_kind_leaves_the_others(
    operator, verifier, link_front_end, account, app, secret, redirect_id, kind
):
    session, auth_token = secret.start(), auth_token_for(account, app, redirect_id)

    rotate(operator, kind, revoke_previous=True)

    if kind != _SESSION:
        assert people.why_inactive(verifier, session) == ""
    if kind != _ACCOUNT:
        account.accounts.GetAccount()
    if kind != _LINK:
        open_link(link_front_end, authToken=auth_token)


@pytest.mark.parametrize("seen_before", [True, False], ids=["key in memory", "key not in memory"])
def test_a_leaked_key_signs_nothing_any_more_not_even_for_a_living_session(
    operator, verifier, env, account, secret, seen_before
):
    leaked = forgery.steal(env, secret.start().token)
    rotate(operator, _SESSION, revoke_previous=True)
    living = secret.start()
    if not seen_before:
        env.memory["signing_keys"].found.clear()
    assert people.why_inactive(verifier, living) == ""

    forged = leaked.token(jti=living.id, scope="read write delete")

    answer = verifier.sessions.ValidateSession(access_token=forged)
    assert (answer.active, answer.inactive_reason) == (False, v1.INACTIVE_REASON_KEY_REVOKED)
    with refused(StatusCode.UNAUTHENTICATED):
        people.Caller(verifier.channel, forged).sessions.GetSession()
    expired = leaked.token(jti=living.id, exp=leaked.claims["iat"])
    assert not verifier.sessions.ValidateSession(access_token=expired).active
    assert people.why_inactive(verifier, living) == ""


def test_a_repeat_with_its_request_id_rotates_nothing(operator, nobody):
    request_id = str(uuid.uuid4())
    made = rotate(operator, _SESSION, request_id=request_id)
    keys = listed(nobody)

    again = rotate(operator, _SESSION, request_id=request_id)

    assert (again.kid, again.sign_from_time) == (made.kid, made.sign_from_time)
    assert listed(nobody) == keys
    with refused(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        rotate(operator, _SESSION, revoke_previous=True, request_id=request_id)


@pytest.mark.parametrize("who", ["account", "session", "verifier", "link_front_end", "publisher"])
def test_only_an_operator_rotates(request, who):
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
        rotate(request.getfixturevalue(who), _SESSION, revoke_previous=True)


def test_whatever_is_given_out_while_keys_are_revoked_is_good_or_told_to_be_revoked(
    operator, verifier, account, clock
):
    apps = [people.new_app(account) for _ in range(4)]
    secrets = [people.new_secret(account, app) for app in apps for _ in range(4)]

    def work(number: int) -> list[people.Session]:
        if number == len(secrets):
            for turn in range(6):
                rotate(operator, _SESSION, revoke_previous=turn % 2 == 1)
                clock.advance(seconds=_AHEAD)
            return []
        return [secrets[number].start() for _ in range(12)]

    race = Race(len(secrets) + 1, work)

    assert not race.refusals
    reasons = {
        (people.why_inactive(verifier, session), session is sessions[-1])
        for sessions in race.answers
        for session in sessions
    }
    assert reasons <= {
        *(("SUPERSEDED", False), ("KEY_REVOKED", False)),
        *(("", True), ("KEY_REVOKED", True)),
    }


def test_a_session_whose_keys_are_revoked_before_it_is_signed_has_a_token_that_everybody_refuses(
    operator, verifier, secret, monkeypatch
):
    sign = signing_keys.sign
    revoked: list[Any] = []

    def sign_late(*arguments: Any) -> str:
        if not revoked:
            revoked.append(rotate(operator, _SESSION, revoke_previous=True))
        return sign(*arguments)

    monkeypatch.setattr(signing_keys, "sign", sign_late)

    session = secret.start()

    # Who verifies by himself knows the new key, and must not take it for one of that.
    assert kid_of(session.token) in revoked[0].revoked_kids
    assert people.why_inactive(verifier, session) == "KEY_REVOKED"


def test_a_clock_that_is_behind_the_newest_key_stops_no_login(operator, verifier, secret, clock):
    made = rotate(operator, _SESSION, revoke_previous=True)
    clock.advance(hours=-1)
    try:
        session = secret.start()

        assert kid_of(session.token) == made.kid
        assert people.why_inactive(verifier, session) == ""
    finally:
        clock.advance(hours=1)


def test_each_process_signs_with_the_new_key_and_refuses_the_old_one_at_once(home):
    home = replace(home, program=("-P", quick_server.__file__))
    with home.serving() as one, home.serving() as other:
        operators = [server.caller(home.operator_key) for server in (one, other)]
        account = people.new_account(operators[0])
        secret = people.new_secret(account, people.new_app(account))
        elsewhere = people.Secret(secret.id, secret.plaintext, secret.app_id, other.caller())
        for _ in range(5):
            session = elsewhere.start()
            assert [people.why_inactive(who, session) for who in operators] == ["", ""]

            made = rotate(operators[0], _SESSION, revoke_previous=True)

            home.place.wait_out_memory()
            assert [people.why_inactive(who, session) for who in operators] == ["KEY_REVOKED"] * 2
            assert listed(other.caller()) == [made.kid]
            assert kid_of(elsewhere.start().token) == made.kid
