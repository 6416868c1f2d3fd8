"""What a session token is worth: ValidateSession and the published keys."""

import json
from dataclasses import dataclass

import jwt
import pytest
from grpc import StatusCode
from tests import people
from tests.clock import Clock
from tests.errors import refused

from finlink.config import v1


@dataclass
class Story:
    """An open session and all who can end it."""

    operator: people.Caller
    account: people.Account
    secret: people.Secret
    session: people.Session
    clock: Clock

    def end_session(self):
        self.session.sessions.EndSession()

    def revoke_session(self):
        self.account.sessions.RevokeSession(session_id=self.session.id)

    def start_another(self):
        self.secret.start()

    def wait_an_hour(self):
        self.clock.advance(hours=1)

    def revoke_secret(self):
        password = self.account.password
        self.account.secrets.RevokeSecret(secret_id=self.secret.id, password=password)

    def end_secret(self):
        self.operator.admin.EndSecret(secret_id=self.secret.id)

    def delete_app(self):
        password = self.account.password
        self.account.accounts.DeleteApp(app_id=self.secret.app_id, password=password)

    def suspend_account(self):
        self.operator.admin.SuspendAccount(account_id=self.account.id)


@pytest.fixture
def story(operator, account, secret, session, clock):
    return Story(operator, account, secret, session, clock)


def mistype(token):
    """Another signature of the right form."""
    at = token.rindex(".") + 10
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (Story.end_session, "ENDED"),
        (Story.revoke_session, "REVOKED"),
        (Story.start_another, "SUPERSEDED"),
        (Story.wait_an_hour, "EXPIRED"),
        (Story.revoke_secret, "SECRET_REVOKED"),
        (Story.end_secret, "SECRET_REVOKED"),
        (Story.delete_app, "APP_DELETED"),
        (Story.suspend_account, "ACCOUNT_SUSPENDED"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_session_ends_for_good_and_says_why(story, verifier, end, reason):
    end(story)

    assert people.why_inactive(verifier, story.session) == reason
    with refused(StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE") as refusal:
        story.session.settings.GetSettings()
    assert refusal.facts["inactive_reason"] == reason
    story.clock.advance(hours=2)
    assert people.why_inactive(verifier, story.session) == reason


@pytest.mark.parametrize(
    "bad",
    ["", "garbage", "ö€\u202e\0", "a.b.c", "{good} ", "{good}.", "x" * 1_000_000, "." * 1_000_000],
    ids=["empty", "garbage", "odd", "dots", "space", "dot", "1 MB", "1 MB of dots"],
)
def test_a_bad_token_is_an_answer(session, verifier, bad):
    answer = verifier.sessions.ValidateSession(
        access_token=bad.format(good=session.token), required_scopes=["read"]
    )

    assert not answer.active
    assert answer.inactive_reason == v1.INACTIVE_REASON_MALFORMED
    assert not answer.HasField("session")


def test_a_token_with_another_signature_is_told_apart(session, verifier):
    answer = verifier.sessions.ValidateSession(access_token=mistype(session.token))

    assert answer.inactive_reason == v1.INACTIVE_REASON_SIGNATURE_INVALID
    assert not answer.HasField("session")


def test_a_token_of_another_kind_is_told_apart(account, verifier):
    answer = verifier.sessions.ValidateSession(access_token=account.token)

    assert answer.inactive_reason == v1.INACTIVE_REASON_WRONG_TYPE


def test_validating_tells_the_session_and_which_scopes_it_lacks(secret, verifier):
    session = secret.start(scopes=("read",))

    answer = verifier.sessions.ValidateSession(
        access_token=session.token, required_scopes=["delete", "read", "write"]
    )

    assert answer.active
    assert answer.session == session.answer.session
    assert list(answer.missing_scopes) == ["delete", "write"]


def test_validating_an_ended_session_still_tells_which_it_was(session, verifier):
    session.sessions.EndSession()

    answer = verifier.sessions.ValidateSession(access_token=session.token)

    assert answer.session.id == session.id
    assert answer.session.end_reason == v1.INACTIVE_REASON_ENDED
    assert answer.session.HasField("end_time")


def test_a_batch_gives_each_token_the_answer_that_it_gets_alone(account, app, session, verifier):
    other = people.new_secret(account, app)
    ended, reader = other.start(), people.new_secret(account, app).start(scopes=("read",))
    other.start()
    tokens = [session.token, "garbage", ended.token, "", reader.token, account.token, session.token]

    batch = verifier.sessions.BatchValidateSessions(access_tokens=tokens, required_scopes=["write"])

    assert list(batch.results) == [
        verifier.sessions.ValidateSession(access_token=token, required_scopes=["write"])
        for token in tokens
    ]
    assert [one.active for one in batch.results] == [True, False, False, False, True, False, True]
    assert list(batch.results[4].missing_scopes) == ["write"]


def test_anybody_can_verify_a_session_token_with_the_published_keys(nobody, account, session):
    published = nobody.sessions.ListSigningKeys()
    keys = jwt.PyJWKSet.from_json(published.jwks_json)

    key = keys[jwt.get_unverified_header(session.token)["kid"]]
    claims = jwt.decode(
        session.token,
        key,
        algorithms=["EdDSA"],
        audience="finlink:api",
        options={"verify_iat": False, "verify_exp": False},  # the tests' clock runs ahead
    )

    assert claims["jti"] == session.id
    kids = [one.kid for one in published.keys]
    assert kids == [one["kid"] for one in json.loads(published.jwks_json)["keys"]]
    assert jwt.get_unverified_header(account.token)["kid"] not in kids
    for one in published.keys:
        assert "d" not in json.loads(one.jwk_json)
