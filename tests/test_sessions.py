"""API sessions."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import jwt
import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.gates import FirstCall
from tests.races import Race

from finlink.config import v1
from finlink_server import credentials
from finlink_server.storage.models import Session

HOUR = 3600


def test_a_session_token_says_what_its_session_is(account, app, secret):
    session = secret.start()

    started, claims = session.answer.session, session.claims
    assert (started.app_id, started.account_id) == (app.id, account.id)
    assert (started.secret_id, started.environment) == (secret.id, v1.ENVIRONMENT_SANDBOX)
    assert claims["jti"] == started.id
    assert claims["sub"] == claims["client_id"] == app.id
    assert claims["scope"] == "read write delete"
    assert claims["exp"] == started.expire_time.ToSeconds()
    assert jwt.get_unverified_header(session.token)["typ"] == "at+jwt"


def test_a_session_lasts_one_hour_and_not_an_instant_longer(session, clock, verifier):
    begin, end = session.claims["iat"], session.claims["exp"]
    assert end - begin == HOUR
    assert session.answer.session.create_time.ToSeconds() == begin

    clock.advance_to(end - 0.5)
    assert people.why_inactive(verifier, session) == ""
    assert session.sessions.GetSession()

    clock.advance_to(end)
    assert people.why_inactive(verifier, session) == "EXPIRED"
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE") as refusal:
        session.sessions.GetSession()
    assert refusal.facts["inactive_reason"] == "EXPIRED"


@pytest.mark.parametrize(
    ("granted", "wanted", "got"),
    [
        ([], [], ["read", "write", "delete"]),
        ([], ["delete", "read"], ["read", "delete"]),
        (["write"], [], ["write"]),
    ],
)
def test_a_session_has_the_scopes_that_it_asks_for_or_all(account, app, granted, wanted, got):
    secret = people.new_secret(account, app, scopes=granted)

    session = secret.start(scopes=wanted)

    assert list(session.answer.session.scopes) == got
    assert session.claims["scope"].split() == got


def test_a_session_gets_no_scope_that_its_secret_does_not_grant(account, app):
    secret = people.new_secret(account, app, scopes=["read"])

    with refused(StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        secret.start(scopes=("read", "write"))

    assert refusal.facts == {"scope": "write"}


def altered(secret):
    """The same secret with another random part, and a checksum that fits."""
    text = secret.plaintext[:-10] + "0000"
    return text + credentials.checksum(text)


def test_whoever_fails_to_log_in_is_not_told_why(account, app, secret, nobody, stranger):
    ended, of_others = people.new_secret(account, app), people.new_app(stranger)
    account.secrets.RevokeSecret(secret_id=ended.id, password=account.password)
    deleted = people.new_app(account)
    of_deleted = people.new_secret(account, deleted)
    account.accounts.DeleteApp(app_id=deleted.id, password=account.password)
    attempts = {
        "unknown client": (app.id[:-4] + "zzzz", secret.plaintext),
        "wrong secret": (app.id, altered(secret)),
        "ended secret": (app.id, ended.plaintext),
        "another app's secret": (app.id, people.new_secret(stranger, of_others).plaintext),
        "another app's client id": (of_others.id, secret.plaintext),
        "deleted app": (deleted.id, of_deleted.plaintext),
    }

    answers = {}
    for name, (client_id, plaintext) in attempts.items():
        with refused(StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID") as refusal:
            nobody.sessions.StartSession(client_id=client_id, client_secret=plaintext)
        answers[name] = (refusal.message, refusal.facts)

    assert len(answers) == len(attempts)
    assert all(answer == answers["wrong secret"] for answer in answers.values())


def test_a_typo_in_a_secret_is_found_by_its_checksum(app, secret, nobody):
    typo = secret.plaintext[:-8] + secret.plaintext[-8:].swapcase()

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        nobody.sessions.StartSession(client_id=app.id, client_secret=typo)

    assert set(refusal.fields) == {"client_secret"}


def test_a_newer_session_of_a_secret_ends_the_older_one(account, secret, verifier):
    older, newer = secret.start(), secret.start()

    assert newer.answer.superseded_session_id == older.id
    assert people.why_inactive(verifier, older) == "SUPERSEDED"
    assert people.why_inactive(verifier, newer) == ""
    ended = account.sessions.GetSession(session_id=older.id).session
    assert ended.superseded_by == newer.id
    assert ended.end_time.ToMicroseconds() >= newer.answer.session.create_time.ToMicroseconds()


def test_a_session_that_ran_out_is_not_superseded(account, secret, session, clock):
    clock.advance(seconds=HOUR + 1)

    newer = secret.start()

    assert newer.answer.superseded_session_id == ""
    ended = account.sessions.GetSession(session_id=session.id).session
    assert ended.end_reason == v1.INACTIVE_REASON_EXPIRED
    assert ended.end_time == ended.expire_time
    assert ended.superseded_by == ""


def test_sessions_of_two_secrets_live_side_by_side(account, app, verifier):
    sessions = [people.new_secret(account, app).start() for _ in range(2)]

    assert [people.why_inactive(verifier, session) for session in sessions] == ["", ""]


def test_of_many_sessions_opened_at_once_one_is_active_and_the_others_form_a_chain(
    account, app, secret, verifier
):
    race = Race(64, lambda _: secret.start())

    listed = account.sessions.ListSessions(app_id=app.id, page_size=500).sessions
    in_order = list(reversed(listed))
    follows = {s.id: s.answer.superseded_session_id for s in race.answers}
    assert race.refusals == []
    assert len(in_order) == 64
    for older, newer in pairwise(in_order):
        assert older.end_reason == v1.INACTIVE_REASON_SUPERSEDED
        assert older.superseded_by == newer.id
        assert follows[newer.id] == older.id
    active = [s for s in race.answers if not people.why_inactive(verifier, s)]
    assert [s.id for s in active] == [in_order[-1].id]
    assert follows[in_order[0].id] == ""


def test_ending_ones_own_session_answers_with_it_ended(session):
    ended = session.sessions.EndSession().session

    assert ended.id == session.id
    assert ended.end_reason == v1.INACTIVE_REASON_ENDED
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE"):
        session.sessions.EndSession()


def test_of_many_who_end_one_session_at_once_one_succeeds(session):
    race = Race(8, lambda _: session.sessions.EndSession())

    assert len(race.answers) == 1
    assert race.reasons == {"SESSION_INACTIVE"}


def test_revoking_a_session_spares_its_secret_and_a_repeat_changes_nothing(
    account, secret, session, verifier
):
    first = account.sessions.RevokeSession(session_id=session.id).session

    second = account.sessions.RevokeSession(session_id=session.id).session

    assert first.end_reason == v1.INACTIVE_REASON_REVOKED
    assert second == first
    assert people.why_inactive(verifier, secret.start()) == ""


def test_a_session_sees_itself_and_no_other(account, app, session):
    other = people.new_secret(account, app).start()

    assert session.sessions.GetSession().session.id == session.id
    assert session.sessions.GetSession(session_id=session.id).session.id == session.id
    with refused(StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
        session.sessions.GetSession(session_id=other.id)


def test_a_customer_or_operator_must_name_the_session(account, operator):
    for caller in (account, operator):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            caller.sessions.GetSession()
        assert set(refusal.fields) == {"session_id"}


def test_sessions_are_listed_newest_first_and_active_ones_alone_on_request(
    account, operator, app, secret, clock
):
    older, newer = secret.start(), secret.start()

    every = account.sessions.ListSessions(app_id=app.id).sessions
    active = account.sessions.ListSessions(app_id=app.id, active_only=True).sessions

    assert [one.id for one in every] == [newer.id, older.id]
    assert [one.id for one in active] == [newer.id]
    assert operator.sessions.ListSessions(app_id=app.id).sessions == every
    clock.advance(hours=1)
    assert not account.sessions.ListSessions(app_id=app.id, active_only=True).sessions


def test_another_accounts_session_looks_like_none(stranger, app, session):
    with refused(StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
        stranger.sessions.GetSession(session_id=session.id)
    with refused(StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
        stranger.sessions.RevokeSession(session_id=session.id)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        stranger.sessions.ListSessions(app_id=app.id)


@pytest.fixture
def held_write(env, monkeypatch):
    """Holds the next call that is about to write, and none after it."""
    held = FirstCall(env.database.transaction)
    monkeypatch.setattr(env.database, "transaction", held)
    yield held
    held.let_go()


@pytest.fixture
def end(operator, account, secret):
    """Every way in which the secret can come to its end."""
    password = account.password
    return {
        "revoked": lambda: account.secrets.RevokeSecret(secret_id=secret.id, password=password),
        "ended by an operator": lambda: operator.admin.EndSecret(secret_id=secret.id),
        "its app deleted": lambda: account.accounts.DeleteApp(
            app_id=secret.app_id, password=password
        ),
        "its account suspended": lambda: operator.admin.SuspendAccount(account_id=account.id),
    }


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("revoked", "CLIENT_CREDENTIALS_INVALID"),
        ("ended by an operator", "CLIENT_CREDENTIALS_INVALID"),
        ("its app deleted", "CLIENT_CREDENTIALS_INVALID"),
        ("its account suspended", "ACCOUNT_SUSPENDED"),
    ],
)
def test_a_secret_that_ends_while_a_login_looks_at_it_opens_nothing(
    secret, held_write, end, how, reason
):
    with ThreadPoolExecutor() as pool, refused(reason=reason):
        attempt = pool.submit(secret.start)
        held_write.wait()  # the secret was found, and it matched
        end[how]()
        held_write.let_go()
        attempt.result()

    assert list(Session.select().where(Session.secret == secret.id)) == []
