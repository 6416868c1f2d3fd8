"""The client's token on calls to other services of the platform."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from tests import parrot
from tests.client_logins import DUE, overtaken, renew, settle
from tests.gates import until
from tests.parrot import KINDS
from tests.scripted_server import refusal

from finlink_client import FinlinkError, SessionTakenOver

pytestmark = pytest.mark.either("what a client keeps in mind is no matter of the database")

KEY = "fsk_" + 37 * "0" + "Z"
SUPERSEDED = error_details_pb2.ErrorInfo(
    domain="config.finlink",
    reason="SESSION_INACTIVE",
    metadata={"inactive_reason": "SUPERSEDED"},
)


@pytest.fixture
def client(clients, server, secret, ticks) -> Any:
    return clients.of(server, secret, clock=ticks)


@pytest.fixture
def polly(asking_verifier):
    """Somebody else's server, which asks about each token and so is never late."""
    with parrot.serving(asking_verifier) as served:
        yield served


@pytest.fixture
def visitor(visiting, client, polly) -> Any:
    return visiting(client, polly.target)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_of_each_kind_carries_the_token(client, visitor, kind):
    assert set(visitor.ask(kind)) == {client.sessions.get().id}


@pytest.mark.parametrize("kind", KINDS)
def test_each_call_carries_the_newest_one(client, visitor, ticks, kind):
    [first, *_] = visitor.ask(kind)
    ticks.advance(minutes=DUE)
    client.sessions.get()
    settle(client)

    [second, *_] = visitor.ask(kind)

    assert second == client.sessions.get().id != first


def test_a_call_renews_the_session_when_it_is_time(client, visitor, ticks, ends):
    visitor.ask("unary_unary")
    ticks.advance(minutes=DUE)

    visitor.ask("unary_unary")
    settle(client)

    assert ends() == ["", "4"]  # SUPERSEDED


def test_a_call_that_a_renewal_overtakes_is_sent_once_more(client, visitor, ends):
    client.sessions.get()

    with overtaken(client, times=1):
        [heard] = visitor.ask("unary_unary")

    assert heard == client.sessions.get().id
    assert ends() == ["", "4"]


def test_a_call_is_sent_once_more_and_not_for_ever(client, visitor):
    client.sessions.get()

    with overtaken(client, times=2), pytest.raises(grpc.RpcError) as refused:
        visitor.ask("unary_unary")

    assert FinlinkError.of(refused.value).facts == {"inactive_reason": "SUPERSEDED"}


def test_no_call_notices_that_sessions_are_renewed(client, visitor, ticks, ends):
    stop = threading.Event()
    done = [0] * 4
    failures: list[BaseException] = []

    def call_on(number: int) -> None:
        while not stop.is_set():
            try:
                visitor.ask("unary_unary")
            except (grpc.RpcError, FinlinkError) as error:
                failures.append(error)
            done[number] += 1

    client.sessions.get()
    callers = [threading.Thread(target=call_on, args=[number]) for number in range(len(done))]
    for one in callers:
        one.start()
    for _ in range(5):
        renew(client, ticks)
        until(partial(have_gone_on, done, [*done]))  # so no call meets two renewals
    stop.set()
    for one in callers:
        one.join()

    assert failures == []
    assert len(ends()) > 5


def have_gone_on(done: list[int], before: list[int]) -> bool:
    return all(now > then for now, then in zip(done, before, strict=True))


def test_a_session_that_was_revoked_is_replaced(client, visitor, account):
    [revoked] = visitor.ask("unary_unary")
    account.sessions.RevokeSession(session_id=revoked)

    [heard] = visitor.ask("unary_unary")

    assert heard == client.sessions.get().id != revoked


def test_the_end_of_the_secret_is_told_as_the_service_tells_it(
    visitor, account, app, secret, asking_verifier
):
    visitor.ask("unary_unary")
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    with pytest.raises(grpc.RpcError) as refused:
        visitor.ask("unary_unary")

    events = account.accounts.ListAuditEvents(app_id=app.id, types=["session.refused"]).events
    assert FinlinkError.of(refused.value).facts == {"inactive_reason": "SECRET_REVOKED"}
    assert list(events) == []  # no login is tried


def test_a_session_that_was_taken_over_is_not_taken_back(visitor, secret):
    visitor.ask("unary_unary")
    other = secret.start()

    for _ in range(2):
        with pytest.raises(SessionTakenOver):
            visitor.ask("unary_unary")

    assert other.sessions.GetSession().session.id == other.id


def test_the_word_of_another_service_ends_nothing(visiting, client, scripted, ends):
    scripted.answer = refusal(SUPERSEDED)._replace(code=grpc.StatusCode.UNAUTHENTICATED)

    with pytest.raises(grpc.RpcError):
        visiting(client, scripted.target).ask("unary_unary")

    assert client.sessions.get().id
    assert ends() == [""]
    assert len(scripted.requests) == 1


def test_a_call_keeps_a_credential_of_its_own_and_its_other_metadata(visiting, client, scripted):
    mine = (("authorization", "Bearer mine"), ("x-client-trace-id", "trace"))

    visiting(client, scripted.target).ask("unary_unary", metadata=mine)

    assert scripted.authorizations() == ["Bearer mine"]
    assert ("x-client-trace-id", "trace") in scripted.metadata


@pytest.mark.parametrize(
    ("credential", "fields", "sent"),
    [("with_service_key", {"service_key": KEY}, [f"Bearer {KEY}"]), ("anonymous", {}, [])],
)
def test_clients_that_have_no_session_send_what_they_have(
    clients, visiting, scripted, credential, fields, sent
):
    client = clients.make("localhost:1", credential, **fields)

    visiting(client, scripted.target).ask("unary_unary", metadata=(("x-mine", "1"),))

    assert scripted.authorizations() == sent
    assert ("x-mine", "1") in scripted.metadata
