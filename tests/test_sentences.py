"""What a refusal tells a person to do: it must help, here and in whatever the reason is."""

from __future__ import annotations

import grpc
import pytest
from tests.errors import refused

from finlink.config import v1
from finlink_client import interceptors
from finlink_client.verifier_errors import SessionInactiveError
from finlink_server import credentials, errors

pytestmark = pytest.mark.either("they are the same on every database")

WAITING = [kind for kind in errors.REASONS.values() if "{wait}" in kind.text]
ENDED = [
    name.removeprefix("INACTIVE_REASON_")
    for name in v1.InactiveReason.keys()  # noqa: SIM118 - no dict
    if not name.endswith(("UNSPECIFIED", "SIGNATURE_INVALID", "WRONG_TYPE", "MALFORMED"))
]
# With the same secret StartSession opens no session then, or one that is taken away again.
DEAD_ENDS = {"SUPERSEDED", "SECRET_REVOKED", "SECRET_EXPIRED", "APP_DELETED", "ACCOUNT_SUSPENDED"}

A_SERVICE_KEY = credentials.SERVICE_KEY.new().text
A_SETUP_TOKEN = credentials.SETUP_TOKEN.new().text


@pytest.mark.parametrize("kind", WAITING)
@pytest.mark.parametrize(("seconds", "told"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.6, 60)])
def test_nobody_is_told_to_wait_for_less_than_it_takes(kind, seconds, told):
    assert f" {told} s" in kind(retry_after=seconds).message()


def test_whoever_signs_in_too_soon_is_told_for_how_long_to_wait(nobody, account, clock):
    def fail(reason):
        with refused(reason=reason) as refusal:
            nobody.accounts.SignIn(email=account.email, password="not the password")
        return refusal

    for _ in range(4):
        fail("SIGN_IN_FAILED")
    clock.advance(seconds=1.9)

    assert fail("RATE_LIMITED").message == "Too many attempts. Wait 1 s before the next one."


# ------------------------------------------------------------------------ a session has ended


@pytest.mark.parametrize("reason", ENDED)
def test_how_to_go_on_depends_on_why_a_session_ended(reason):
    message = errors.SessionInactive(inactive_reason=reason).message()

    assert message.startswith(f"The session has ended ({reason}). ")
    assert ("Open a new one with StartSession." in message) == (reason not in DEAD_ENDS)


@pytest.mark.parametrize("reason", ENDED)
def test_a_protected_service_says_the_same(reason):
    ours = errors.SessionInactive(inactive_reason=reason).message()

    assert interceptors._status(SessionInactiveError(reason)).details == ours


def test_whose_secret_was_revoked_is_told_to_use_another(account, secret, session):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    with refused(grpc.StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE") as refusal:
        session.sessions.GetSession()

    assert refusal.message == (
        "The session has ended (SECRET_REVOKED). Its secret was revoked: open a new one with"
        " another secret."
    )


# -------------------------------------------------------------------------- a scope is missing


def test_where_the_session_lacks_a_scope_its_secret_is_not_blamed(secret):
    reader = secret.start(("read",))

    with refused(grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        reader.links.RevokeLinkToken(link_token_id="ltk_01hzxw9q2e8f4r6t7y8z9a0b1c")

    assert refusal.message == (
        "The session was opened without the scope `delete`. Open one with it; its secret must"
        " grant it."
    )
    assert refusal.facts == {"scope": "delete"}


def test_where_the_secret_lacks_it_that_is_said(account, app, nobody):
    made = account.secrets.CreateSecret(app_id=app.id, display_name="reads", scopes=["read"])

    with refused(grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        nobody.sessions.StartSession(
            client_id=app.id, client_secret=made.client_secret, scopes=["write"]
        )

    assert refusal.message.startswith("The secret does not grant the scope `write`. ")
    assert refusal.facts == {"scope": "write"}


# ----------------------------------------------------------------- what is no client secret


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "must not be empty", id="empty"),
        pytest.param(A_SERVICE_KEY, "this is a service key", id="service key"),
        pytest.param(A_SETUP_TOKEN, "this is a setup token", id="setup token"),
        pytest.param("whsec_abc", "this is a webhook's signing secret", id="signing secret"),
        pytest.param("eyJhbGciOiJFZERTQSJ9.e30.x", "this is a token", id="token"),
        pytest.param("hunter2hunter2", "which begins with `fls_live_`", id="something else"),
        pytest.param("fls_test_abc", "mistyped or cut off", id="cut off"),
    ],
)
@pytest.mark.parametrize("method", ["StartSession", "ReportLeakedSecret"])
def test_what_is_no_client_secret_is_called_by_its_name_and_not_quoted(
    nobody, app, method, text, told
):
    calls = {
        "StartSession": lambda: nobody.sessions.StartSession(client_id=app.id, client_secret=text),
        "ReportLeakedSecret": lambda: nobody.secrets.ReportLeakedSecret(client_secret=text),
    }

    with refused(grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        calls[method]()

    assert told in refusal.fields["client_secret"]
    assert not text or text not in refusal.message
