"""The client's session: opened once, renewed in time, and what ends it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.client_logins import DUE, NOT_YET, failing, logins_of, overtaken, renew, settle
from tests.clients import ManualClock, keeper_of
from tests.races import Race

from finlink_client import FinlinkError, PermissionDenied, Unauthenticated

pytestmark = pytest.mark.either("what a client keeps in mind is no matter of the database")


@pytest.fixture
def client(clients, server, secret, ticks) -> Any:
    return clients.of(server, secret, clock=ticks)


# ------------------------------------------------------------------------------ one login


def test_nothing_is_sent_before_the_first_call(client, ends):
    assert ends() == []
    assert client.sessions.get().app_id
    assert ends() == [""]


def test_fifty_callers_open_one_session(client, ends):
    race = Race(50, lambda _: client.settings.get().version)

    assert len(race.answers) == 50
    assert ends() == [""]


def test_fifty_callers_with_a_wrong_secret_try_once(clients, server, account, app, secret):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
    client = clients.of(server, secret)
    refusals = []

    def call(_: int) -> None:
        with pytest.raises(Unauthenticated) as refused:
            client.settings.get()
        refusals.append(refused.value)

    Race(50, call)

    events = account.accounts.ListAuditEvents(app_id=app.id, types=["session.refused"]).events
    assert {one.reason for one in refusals} == {"CLIENT_CREDENTIALS_INVALID"}
    assert len({id(one) for one in refusals}) == 50  # each has a traceback of its own
    assert [one.count for one in events] == [1]


def test_it_has_the_scopes_that_were_asked_for(clients, server, secret, redirect_id):
    client = clients.of(server, secret, scopes=["read"])

    with pytest.raises(PermissionDenied, match="write"):
        client.link_tokens.create(parameters={"redirect_id": redirect_id, "product": 1})


# -------------------------------------------------------------------------------- renewal


def test_a_session_is_not_renewed_before_its_time(client, ticks, ends):
    client.sessions.get()
    ticks.advance(minutes=NOT_YET)

    client.sessions.get()
    settle(client)

    assert ends() == [""]


def test_a_session_is_renewed_once_before_it_ends(client, ticks, ends):
    first = client.sessions.get().id
    ticks.advance(minutes=DUE)

    race = Race(50, lambda _: client.sessions.get().id)
    settle(client)

    assert len(race.answers) == 50
    assert client.sessions.get().id != first
    assert ends() == ["", "4"]  # SUPERSEDED


def test_replicas_do_not_renew_in_one_moment(clients, server, account, app, secret):
    clock = ManualClock()
    tokens = []
    for _ in range(20):
        client = clients.of(server, secret, clock=clock)
        client.access_token()
        tokens.append(keeper_of(client)._tokens._renew_at - clock())

    assert 0.74 * 3600 < min(tokens) < max(tokens) < 0.9 * 3600
    assert max(tokens) - min(tokens) > 60


def test_no_call_notices_that_sessions_are_renewed(client, ticks, ends):
    stop = threading.Event()
    failures: list[BaseException] = []

    def call_on() -> None:
        while not stop.is_set():
            try:
                client.settings.get()
            except FinlinkError as error:
                failures.append(error)

    client.settings.get()
    callers = [threading.Thread(target=call_on) for _ in range(8)]
    for one in callers:
        one.start()
    for _ in range(10):
        renew(client, ticks)
    stop.set()
    for one in callers:
        one.join()

    assert failures == []
    assert len(ends()) > 10


def test_a_call_that_two_renewals_overtake_is_sent_with_the_third_token(client, ends):
    with overtaken(client, times=2):
        assert client.sessions.get().id

    assert ends() == ["", "4", "4"]


def test_a_session_that_has_ended_by_its_clock_is_replaced(client, ticks, ends):
    client.sessions.get()
    ticks.advance(minutes=120)

    client.sessions.get()
    settle(client)

    assert len(ends()) == 2


def test_a_wall_clock_that_is_wrong_does_not_matter(client, clock, ticks, ends):
    clock.advance(days=400)  # the service's: this machine's is behind by as much
    lives = []
    for minutes in (0, NOT_YET, DUE - NOT_YET):
        ticks.advance(minutes=minutes)
        client.sessions.get()
        settle(client)
        lives.append(len(ends()))

    assert lives == [1, 1, 2]


def test_a_machine_that_slept_logs_in_again(client, clock, ends):
    client.sessions.get()
    clock.advance(hours=2)  # while this machine's stood still

    assert client.sessions.get().id

    assert ends() == ["", "1"]  # EXPIRED


def test_an_account_signs_in_again_in_time(clients, server, account, ticks):
    client = clients.signed_in(server, account, clock=ticks)
    first = client.access_token()
    ticks.advance(minutes=12 * DUE)

    client.accounts.get()
    settle(client)

    assert client.access_token() != first


def test_a_renewal_that_fails_leaves_the_session_as_it_is(client, ticks, ends, caplog):
    first = client.sessions.get().id
    ticks.advance(minutes=DUE)

    with logins_of(client, failing), caplog.at_level(logging.INFO, "finlink_client"):
        assert client.sessions.get().id == first
        settle(client)
        assert client.sessions.get().id == first

    assert "The connection broke." in caplog.text


def test_a_call_is_sent_again_once_and_no_more(client, account, ends):
    async def log_in_in_vain(log_in: Callable[[], Awaitable[Any]]) -> Any:
        answer = await log_in()
        account.sessions.RevokeSession(session_id=answer.session.id)
        return answer

    with logins_of(client, log_in_in_vain), pytest.raises(Unauthenticated) as refused:
        client.sessions.get()

    assert refused.value.facts == {"inactive_reason": "REVOKED"}
    assert len(ends()) == 2


# --------------------------------------------------------------------- what ends a secret


def test_a_session_that_was_revoked_is_replaced(client, account, ends):
    account.sessions.RevokeSession(session_id=client.sessions.get().id)

    assert client.sessions.get().id
    assert len(ends()) == 2


def test_a_revoked_secret_ends_its_client_and_no_login_is_tried(client, account, app, secret):
    client.sessions.get()
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            client.sessions.get()
        assert refused.value.facts == {"inactive_reason": "SECRET_REVOKED"}

    events = account.accounts.ListAuditEvents(app_id=app.id, types=["session.refused"]).events
    assert list(events) == []


def test_a_rotated_secret_works_until_the_overlap_is_over(
    clients, server, client, account, secret, clock
):
    client.sessions.get()
    manager = clients.signed_in(server, account)
    made = manager.secrets.rotate(
        secret.id, password=account.password, overlap=timedelta(minutes=10)
    )
    new = clients.make(server.target, client_id=secret.app_id, client_secret=made.client_secret)

    assert client.sessions.get().id != new.sessions.get().id
    clock.advance(seconds=660)
    with pytest.raises(Unauthenticated) as refused:
        client.sessions.get()
    assert refused.value.facts == {"inactive_reason": "SECRET_EXPIRED"}
    assert new.sessions.get().id


# -------------------------------------------------------------------------------- secrecy


def test_no_credential_is_shown(clients, server, account, secret, caplog):
    with caplog.at_level(logging.DEBUG):
        client = clients.of(server, secret)
        token = client.access_token()
        signed_in = clients.signed_in(server, account)
        account_token = signed_in.access_token()
        with pytest.raises(FinlinkError) as refused:
            signed_in.secrets.rotate("sec_1", password=account.password)
    keeper = keeper_of(client)

    shown = [repr(client), repr(signed_in), repr(keeper._tokens.login), repr(keeper._tokens)]
    shown += [repr(keeper._tokens.usable()), repr(refused.value), caplog.text]
    for credential in (secret.plaintext, token, account.password, account_token):
        assert [text for text in shown if credential in text] == []
