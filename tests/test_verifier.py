"""SessionVerifier: verifies by itself as the service would, and refuses what has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256

import pytest
from tests import forgery, people
from tests.forgery import FORGERIES, GARBAGE, UNICODE_GARBAGE
from tests.races import Race
from tests.staleness import is_live, refused_in_time, wait_until, why_refused

from finlink.config import v1
from finlink_client import (
    ScopeMissingError,
    SessionInactiveError,
    SessionVerifier,
    VerifiedSession,
)
from finlink_server.tokens import LONGEST

A_WHILE = timedelta(seconds=60)
NEVER_LOCAL = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def sessions(server, verifier) -> Iterator[SessionVerifier]:
    """A verifier that answers by itself."""
    with SessionVerifier(server.target, verifier.credential) as made:
        assert made.wait_until_caught_up(A_WHILE)
        yield made


@pytest.fixture(scope="module")
def asking(server, verifier) -> Iterator[SessionVerifier]:
    """A verifier that knows nothing long enough to rely on it."""
    with SessionVerifier(server.target, verifier.credential, max_staleness=NEVER_LOCAL) as made:
        yield made


@pytest.fixture
def validations(sessions, monkeypatch) -> list[str]:
    """The tokens about which the verifier asks the service."""
    asked: list[str] = []
    ask: Callable[[str], VerifiedSession] = sessions._ask

    def note(token: str) -> VerifiedSession:
        asked.append(token)
        return ask(token)

    monkeypatch.setattr(sessions, "_ask", note)
    return asked


# ------------------------------------------------------------------------------ what is good


def test_a_token_gives_its_session_and_the_service_need_not_be_asked(
    sessions, asking, session, validations
):
    first, again = sessions.verify(session.token), sessions.verify(session.token)

    assert validations == []
    assert first is again
    assert first == asking.verify(session.token)
    of_service = session.sessions.GetSession().session
    assert (first.session_id, first.app_id, first.account_id, first.secret_id) == (
        of_service.id,
        of_service.app_id,
        of_service.account_id,
        of_service.secret_id,
    )
    assert (first.environment, first.scopes) == ("SANDBOX", {"read", "write", "delete"})
    assert first.expire_time.timestamp() == of_service.expire_time.seconds


@pytest.mark.parametrize("which", ["sessions", "asking"])
def test_a_session_without_the_scopes_is_refused_with_those_that_it_lacks(request, which, secret):
    of = request.getfixturevalue(which)
    token = secret.start(("read",)).token

    assert of.verify(token, ["read"]).scopes == {"read"}
    for _ in range(2):
        with pytest.raises(ScopeMissingError) as error:
            of.verify(token, ["read", "write", "delete"])
        assert error.value.missing_scopes == ("write", "delete")


@pytest.mark.parametrize("which", ["sessions", "asking"])
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


@pytest.mark.parametrize("which", ["sessions", "asking"])
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused_as_by_the_service(request, which, env, session, name):
    forge, problem = FORGERIES[name]
    forged = forge(forgery.steal(env, session.token))

    assert why_refused(request.getfixturevalue(which), forged) == problem.name


@pytest.mark.parametrize("text", ["", *GARBAGE, *UNICODE_GARBAGE, "a" * 1_000_000, "\ud800.a.b"])
@pytest.mark.parametrize("which", ["sessions", "asking"])
def test_garbage_is_malformed(request, which, text):
    assert why_refused(request.getfixturevalue(which), text) == "MALFORMED"


def test_a_token_longer_than_any_is_refused_though_its_signature_is_right(sessions, env, session):
    token = forgery.steal(env, session.token).token(filler="x" * LONGEST)

    assert why_refused(sessions, token) == "MALFORMED"


def test_what_cannot_be_a_session_token_does_not_reach_the_service(
    sessions, env, session, account, validations
):
    genuine = forgery.steal(env, session.token)
    other_kind = forgery.steal(env, account.token)

    assert why_refused(sessions, account.token) == "WRONG_TYPE"
    assert why_refused(sessions, other_kind.token({"typ": "at+jwt"})) == "SIGNATURE_INVALID"
    assert why_refused(sessions, genuine.signed_by(forgery.FOREIGN)) == "SIGNATURE_INVALID"
    assert why_refused(sessions, genuine.token({"kid": "x" * 43})) == "SIGNATURE_INVALID"
    assert why_refused(sessions, genuine.token(iss="https://evil.example")) == "SIGNATURE_INVALID"
    assert validations == []


@pytest.mark.parametrize(
    "claim", ["client_id", "account_id", "secret_id", "environment", "scope", "sub", "jti"]
)
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_genuine_token_must_tell_everything(sessions, env, session, claim, value):
    odd = forgery.steal(env, session.token).token(**{claim: value})

    assert why_refused(sessions, odd) == "SIGNATURE_INVALID"


def test_a_verifier_of_another_issuer_refuses(server, verifier, session):
    with SessionVerifier(server.target, verifier.credential, issuer="https://other.example") as one:
        assert one.wait_until_caught_up(A_WHILE)
        assert why_refused(one, session.token) == "SIGNATURE_INVALID"


# ------------------------------------------------------------------------------ what has ended


def _rotate(story, overlap: int) -> None:
    story.account.secrets.RotateSecret(
        secret_id=story.secret.id, password=story.account.password, overlap={"seconds": overlap}
    )


WAYS = {
    "ended": ("ENDED", lambda s: s.session.sessions.EndSession()),
    "revoked": ("REVOKED", lambda s: s.account.sessions.RevokeSession(session_id=s.session.id)),
    "superseded": ("SUPERSEDED", lambda s: s.secret.start()),
    "secret revoked": (
        "SECRET_REVOKED",
        lambda s: s.account.secrets.RevokeSecret(
            secret_id=s.secret.id, password=s.account.password
        ),
    ),
    "secret ended by an operator": (
        "SECRET_REVOKED",
        lambda s: s.operator.admin.EndSecret(secret_id=s.secret.id, comment="leaked"),
    ),
    "secret leaked": (
        "SECRET_REVOKED",
        lambda s: s.operator.using("").secrets.ReportLeakedSecret(client_secret=s.secret.plaintext),
    ),
    "secret rotated at once": ("SECRET_REVOKED", lambda s: _rotate(s, 0)),
    "app deleted": (
        "APP_DELETED",
        lambda s: s.account.accounts.DeleteApp(app_id=s.app.id, password=s.account.password),
    ),
    "account suspended": (
        "ACCOUNT_SUSPENDED",
        lambda s: s.operator.admin.SuspendAccount(account_id=s.account.id),
    ),
    "signing key revoked": (
        "KEY_REVOKED",
        lambda s: s.operator.admin.RotateSigningKey(
            kind=v1.TOKEN_KIND_SESSION, revoke_previous=True
        ),
    ),
}


class Story:
    def __init__(self, account, app, secret, operator) -> None:
        self.account, self.app, self.secret, self.operator = account, app, secret, operator
        self.session = secret.start()


@pytest.fixture
def story(account, app, secret, operator) -> Story:
    return Story(account, app, secret, operator)


@pytest.mark.parametrize("way", WAYS)
def test_however_a_session_ends_it_is_refused_within_the_bound(sessions, asking, story, way):
    reason, end = WAYS[way]
    token = story.session.token
    sessions.verify(token)

    end(story)
    acknowledged = time.monotonic()

    assert refused_in_time(sessions, token, acknowledged) == reason
    assert why_refused(asking, token) == reason


def test_a_session_that_was_never_seen_while_it_lived_is_refused_too(
    server, verifier, sessions, story
):
    story.session.sessions.EndSession()
    acknowledged = time.monotonic()

    assert refused_in_time(sessions, story.session.token, acknowledged) == "ENDED"
    with SessionVerifier(server.target, verifier.credential) as later:
        assert later.wait_until_caught_up(A_WHILE)
        assert why_refused(later, story.session.token) == "ENDED"


def test_a_rotation_with_overlap_lets_the_session_live_until_then_and_no_longer(
    sessions, story, clock, validations
):
    token = story.session.token
    _rotate(story, 600)
    until = story.session.sessions.GetSession().session.expire_time.seconds
    wait_until(lambda: story.session.id in sessions._stream.view.ended)

    before = sessions.verify(token)
    clock.advance_to(until + 1)
    acknowledged = time.monotonic()

    assert before.session_id == story.session.id
    assert refused_in_time(sessions, token, acknowledged) == "SECRET_EXPIRED"


def test_a_token_expires_by_the_clock_of_the_service(sessions, session, clock):
    sessions.verify(session.token)

    clock.advance_to(session.claims["exp"])
    acknowledged = time.monotonic()

    assert refused_in_time(sessions, session.token, acknowledged) == "EXPIRED"


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_wall_clock_of_this_machine_plays_no_part(
    server, verifier, secret, clock, validations, hours
):
    """The service's is an hour off, as seen from here."""
    clock.advance(hours=hours)
    try:
        with SessionVerifier(server.target, verifier.credential) as skewed:
            assert skewed.wait_until_caught_up(A_WHILE)
            session = secret.start()

            assert skewed.verify(session.token).session_id == session.id
            secret.start()
            acknowledged = time.monotonic()
            assert refused_in_time(skewed, session.token, acknowledged) == "SUPERSEDED"
    finally:
        clock.advance(hours=max(0, -hours))


# ------------------------------------------------------------------------------ signing keys


def test_a_new_signing_key_is_known_when_its_first_token_comes(
    sessions, operator, account, app, session, clock, validations
):
    operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION)
    clock.advance(seconds=31)
    sessions._keys._next_fetch = time.monotonic()  # as if ten seconds had passed here too
    new = people.new_secret(account, app).start()

    assert forgery.read(new.token)[0]["kid"] != forgery.read(session.token)[0]["kid"]
    assert sessions.verify(new.token).session_id == new.id
    assert sessions.verify(session.token).session_id == session.id
    assert validations == []


def test_when_a_signing_key_is_revoked_its_tokens_end_and_those_of_the_next_are_good(
    sessions, operator, account, app, session
):
    sessions.verify(session.token)

    operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION, revoke_previous=True)
    acknowledged = time.monotonic()

    assert refused_in_time(sessions, session.token, acknowledged) == "KEY_REVOKED"
    new = people.new_secret(account, app).start()
    wait_until(lambda: forgery.read(new.token)[0]["kid"] in sessions._keys)
    assert sessions.verify(new.token).session_id == new.id
    assert why_refused(sessions, session.token) == "KEY_REVOKED"


# ------------------------------------------------------------------------ many, and for long


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


def test_sixteen_threads_are_answered_rightly_while_sessions_end(sessions, secret):
    ended: dict[str, float] = {}
    tokens = [secret.start().token]

    def work(number: int) -> int:
        if number == 0:
            for _ in range(10):
                tokens.append(secret.start().token)
                ended[tokens[-2]] = time.monotonic()
            ended["all"] = time.monotonic()
        answers = 0
        while not answers or "all" not in ended:
            token = tokens[-1 - number % min(3, len(tokens))]
            asked, since = time.monotonic(), ended.get(token)
            if is_live(sessions, token):
                assert since is None or asked <= since + 2
                answers += 1
            time.sleep(0.001)  # the server lives in this process
        return answers

    race = Race(16, work)

    assert len(race.answers) == 16
    for token in tokens[:-1]:
        assert refused_in_time(sessions, token, ended[token]) == "SUPERSEDED"
    assert sessions.verify(tokens[-1])
