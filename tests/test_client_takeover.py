"""Another process with the same secret: its session is never taken back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client_logins import DUE, logins_of, lost, settle

from finlink_client import SessionTakenOver

pytestmark = pytest.mark.either("what a client keeps in mind is no matter of the database")


@pytest.fixture
def client(clients, server, secret, ticks) -> Any:
    return clients.of(server, secret, clock=ticks)


def test_a_session_that_was_taken_over_is_not_taken_back(client, secret, ends):
    client.sessions.get()
    other = secret.start()

    for _ in range(3):
        with pytest.raises(SessionTakenOver, match="a client secret of its own"):
            client.sessions.get()

    assert other.sessions.GetSession().session.id == other.id
    assert len(ends()) == 2


def test_it_is_not_taken_back_when_it_is_time_to_renew(client, secret, ticks, ends):
    client.sessions.get()
    other = secret.start()
    ticks.advance(minutes=DUE)

    with pytest.raises(SessionTakenOver):
        client.sessions.get()
    with pytest.raises(SessionTakenOver):
        client.access_token()

    assert other.sessions.GetSession().session.id == other.id


def test_a_token_for_other_services_is_not_taken_back_either(client, secret, ticks):
    client.access_token()
    other = secret.start()
    ticks.advance(minutes=DUE)

    with pytest.raises(SessionTakenOver):
        client.access_token()

    assert other.sessions.GetSession().session.id == other.id


@pytest.mark.parametrize("ask", ["call", "token"])
def test_it_is_not_taken_back_by_who_was_idle_past_its_end(client, secret, clock, ticks, ask):
    client.sessions.get()
    secret.start()
    clock.advance(seconds=50 * 60)
    other = secret.start()
    clock.advance(seconds=20 * 60)
    ticks.advance(minutes=70)

    with pytest.raises(SessionTakenOver):
        client.sessions.get() if ask == "call" else client.access_token()

    assert other.sessions.GetSession().session.id == other.id


def test_who_was_idle_past_its_end_and_alone_logs_in_again(client, clock, ticks, ends):
    client.access_token()
    clock.advance(seconds=70 * 60)
    ticks.advance(minutes=70)

    assert client.access_token()

    assert ends() == ["", "1"]  # EXPIRED


def test_of_two_replicas_with_one_secret_the_older_one_is_told(clients, server, secret):
    older, newer = clients.of(server, secret), clients.of(server, secret)
    older.sessions.get()
    newer.sessions.get()

    with pytest.raises(SessionTakenOver):
        older.sessions.get()
    assert newer.sessions.get().id


def test_its_own_login_whose_answer_was_lost_is_not_another_process(client, ticks, ends):
    client.sessions.get()
    ticks.advance(minutes=DUE)
    with logins_of(client, lost):
        client.sessions.get()
        settle(client)

    assert client.sessions.get().id

    assert ends() == ["", "4", "4"]


def test_after_that_another_process_is_one_again(client, secret, ticks):
    client.sessions.get()
    ticks.advance(minutes=DUE)
    with logins_of(client, lost):
        client.sessions.get()
        settle(client)
    client.sessions.get()
    secret.start()

    with pytest.raises(SessionTakenOver):
        client.sessions.get()
