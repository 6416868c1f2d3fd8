"""Logins of the client that are refused, not to be read, or made with a password that changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import jwt
import pytest
from tests.client_logins import DUE, logins_of, settle

from finlink.config import v1
from finlink_client import FinlinkError, Internal, RateLimited, Unauthenticated, Unavailable

pytestmark = pytest.mark.either("what a client keeps in mind is no matter of the database")

WRONG = Unauthenticated(grpc.StatusCode.UNAUTHENTICATED, "Wrong.", "SIGN_IN_FAILED")
TOO_MANY = RateLimited(
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    "Too many. Wait 30 s.",
    "RATE_LIMITED",
    retry_delay=timedelta(seconds=30),
)
AWAY = Unavailable(grpc.StatusCode.UNAVAILABLE, "The connection broke.")
NEW_PASSWORD = "another password of the customer"


@pytest.fixture
def client(clients, server, secret, ticks) -> Any:
    return clients.of(server, secret, clock=ticks)


class Logins:
    """Logins that fail as they are told to, and how many were sent."""

    def __init__(self) -> None:
        self.failure: FinlinkError | None = None
        self.sent = 0

    async def __call__(self, log_in: Any) -> Any:
        self.sent += 1
        if self.failure is not None:
            raise self.failure
        return await log_in()


@pytest.fixture
def logins(client) -> Any:
    made = Logins()
    with logins_of(client, made):
        yield made


def refused(client: Any) -> FinlinkError:
    with pytest.raises(FinlinkError) as failure:
        client.sessions.get()
    return failure.value


# -------------------------------------------------------------------------------- refusals


def test_a_secret_that_was_refused_is_not_sent_with_each_call(
    clients, server, account, app, secret
):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
    client = clients.of(server, secret)

    reasons = {refused(client).reason for _ in range(20)}

    [event] = account.accounts.ListAuditEvents(app_id=app.id, types=["session.refused"]).events
    assert (reasons, event.count) == ({"CLIENT_CREDENTIALS_INVALID"}, 1)


def test_a_password_that_was_refused_is_not_sent_with_each_call(clients, server, account, ticks):
    client = clients.make(
        server.target,
        "with_password",
        email=account.email,
        password="not the password",
        clock=ticks,
    )

    reasons = {refused(client).reason for _ in range(20)}

    assert reasons == {"SIGN_IN_FAILED"}
    assert account.sign_in().accounts.GetAccount()  # nobody is made to wait


def test_the_wait_before_the_same_login_grows_up_to_a_quarter_of_an_hour(client, logins, ticks):
    logins.failure = WRONG
    refused(client)

    for sent, wait in enumerate([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900], start=1):
        ticks.advance(minutes=(wait - 0.5) / 60)
        assert "tried again after 1 s" in str(refused(client))
        assert logins.sent == sent
        ticks.advance(minutes=0.5 / 60)
        assert "tried again" not in str(refused(client))
        assert logins.sent == sent + 1


def test_what_was_refused_may_be_right_later(client, logins, ticks):
    logins.failure = WRONG
    refused(client)
    logins.failure = None
    refused(client)
    ticks.advance(minutes=1 / 60)

    assert client.sessions.get().id


def test_after_a_login_that_succeeded_the_wait_is_short_again(client, logins, ticks, account):
    logins.failure = WRONG
    for _ in range(3):
        refused(client)
        ticks.advance(minutes=1)
    logins.failure = None
    account.sessions.RevokeSession(session_id=client.sessions.get().id)
    logins.failure = WRONG
    refused(client)

    assert "tried again after 1 s" in str(refused(client))


def test_who_is_told_to_wait_waits(client, logins, ticks):
    logins.failure = TOO_MANY
    refused(client)
    ticks.advance(minutes=20 / 60)

    assert refused(client).retry_delay == timedelta(seconds=10)
    assert logins.sent == 1
    ticks.advance(minutes=10 / 60)
    refused(client)
    assert logins.sent == 2


def test_a_login_that_was_not_answered_is_tried_with_the_next_call(client, logins):
    logins.failure = AWAY

    for _ in range(3):
        refused(client)

    assert logins.sent == 3


# ------------------------------------------------------------------------ a changed password


def test_a_client_that_changed_the_password_signs_in_with_the_new_one(
    clients, server, account, ticks
):
    client = clients.signed_in(server, account, clock=ticks)
    client.accounts.change_password(current_password=account.password, new_password=NEW_PASSWORD)
    first = client.access_token()
    ticks.advance(minutes=12 * DUE)

    client.accounts.get()
    settle(client)

    assert client.access_token() != first
    types = [one.type for one in client.audit.list_events()]
    assert "sign_in.refused" not in types


def test_a_password_that_was_not_changed_stays_the_one_to_sign_in_with(
    clients, server, account, ticks
):
    client = clients.signed_in(server, account, clock=ticks)
    with pytest.raises(FinlinkError):
        client.accounts.change_password(
            current_password="not the password", new_password=NEW_PASSWORD
        )
    ticks.advance(minutes=12 * 61)

    client.accounts.get()
    settle(client)

    assert client.accounts.get().id == account.id


# ------------------------------------------------------------------- what cannot be a token


@pytest.mark.parametrize(
    "token",
    ["", "no.jwt", jwt.encode({"exp": 1}, 32 * "k"), jwt.encode({"exp": "x", "iat": 1}, 32 * "k")],
    ids=["nothing", "no JWT", "no iat", "no number"],
)
def test_an_answer_without_a_token_is_one_of_the_clients_errors(clients, scripted, token):
    scripted.answer = v1.StartSessionResponse(access_token=token)
    client = clients.make(scripted.target, client_id="app_1", client_secret="x")

    with pytest.raises(Internal, match="holds no token") as failure:
        client.sessions.get()

    assert failure.value.__cause__ is None
