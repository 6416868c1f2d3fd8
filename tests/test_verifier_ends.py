"""However a session ends, a verifier refuses it within its bound."""

from __future__ import annotations

import time

import pytest
from tests import forgery, people
from tests.races import Race
from tests.staleness import is_live, refused_in_time, wait_until, why_refused
from tests.verifiers import A_WHILE

from finlink.config import v1
from finlink_client import SessionVerifier


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
def test_however_a_session_ends_it_is_refused_within_the_bound(
    session_verifier, asking_verifier, story, way
):
    reason, end = WAYS[way]
    token = story.session.token
    session_verifier.verify(token)

    end(story)
    acknowledged = time.monotonic()

    assert refused_in_time(session_verifier, token, acknowledged) == reason
    assert why_refused(asking_verifier, token) == reason


def test_a_session_that_was_never_seen_while_it_lived_is_refused_too(
    server, verifier, session_verifier, story
):
    story.session.sessions.EndSession()
    acknowledged = time.monotonic()

    assert refused_in_time(session_verifier, story.session.token, acknowledged) == "ENDED"
    with SessionVerifier(server.target, verifier.credential) as later:
        assert later.wait_until_caught_up(A_WHILE)
        assert why_refused(later, story.session.token) == "ENDED"


def test_a_rotation_with_overlap_lets_the_session_live_until_then_and_no_longer(
    session_verifier, story, clock
):
    token = story.session.token
    _rotate(story, 600)
    until = story.session.sessions.GetSession().session.expire_time.seconds
    wait_until(lambda: story.session.id in session_verifier._stream.view.ended)

    before = session_verifier.verify(token)
    clock.advance_to(until + 1)
    acknowledged = time.monotonic()

    assert before.session_id == story.session.id
    assert refused_in_time(session_verifier, token, acknowledged) == "SECRET_EXPIRED"


def test_a_token_expires_by_the_clock_of_the_service(session_verifier, session, clock):
    session_verifier.verify(session.token)

    clock.advance_to(session.claims["exp"])
    acknowledged = time.monotonic()

    assert refused_in_time(session_verifier, session.token, acknowledged) == "EXPIRED"


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_wall_clock_of_this_machine_plays_no_part(server, verifier, secret, clock, hours):
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
    session_verifier, operator, account, app, session, clock
):
    operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION)
    clock.advance(seconds=31)
    session_verifier._keys._next_fetch = time.monotonic()  # as if ten seconds had passed here too
    new = people.new_secret(account, app).start()

    assert forgery.read(new.token)[0]["kid"] != forgery.read(session.token)[0]["kid"]
    assert session_verifier.verify(new.token).session_id == new.id
    assert session_verifier.verify(session.token).session_id == session.id
    assert forgery.read(new.token)[0]["kid"] in session_verifier._keys


def test_when_a_signing_key_is_revoked_its_tokens_end_and_those_of_the_next_are_good(
    session_verifier, operator, account, app, session
):
    session_verifier.verify(session.token)

    operator.admin.RotateSigningKey(kind=v1.TOKEN_KIND_SESSION, revoke_previous=True)
    acknowledged = time.monotonic()

    assert refused_in_time(session_verifier, session.token, acknowledged) == "KEY_REVOKED"
    new = people.new_secret(account, app).start()
    wait_until(lambda: forgery.read(new.token)[0]["kid"] in session_verifier._keys)
    assert session_verifier.verify(new.token).session_id == new.id
    assert why_refused(session_verifier, session.token) == "KEY_REVOKED"


# ------------------------------------------------------------------------ many, and for long


def test_sixteen_threads_are_answered_rightly_while_sessions_end(session_verifier, secret):
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
            if is_live(session_verifier, token):
                assert since is None or asked <= since + 2
                answers += 1
            time.sleep(0.001)  # the server lives in this process
        return answers

    race = Race(16, work)

    assert len(race.answers) == 16
    for token in tokens[:-1]:
        assert refused_in_time(session_verifier, token, ended[token]) == "SUPERSEDED"
    assert session_verifier.verify(tokens[-1])
