"""The client's streams: they go on from their cursor, whatever cuts them off."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from tests import people
from tests.gates import until
from tests.proxy import Proxy, proxied
from tests.test_client_errors import NOBODY

from finlink_client import (
    AsyncFinlink,
    FinlinkError,
    NotFound,
    Unauthenticated,
    Unavailable,
    watches,
)

_ENOUGH = 200  # messages, of which heartbeats come twice a second


@pytest.fixture
def proxy(server) -> Iterator[Proxy]:
    with proxied(server.app.port) as made:
        yield made


@pytest.fixture
def client(clients, proxy, account) -> Any:
    """A customer's client, by way of the proxy."""
    return clients.make(
        proxy.target, "with_password", email=account.email, password=account.password
    )


def next_with(watch: Any, is_it: Callable[[Any], object]) -> Any:
    """Give the next message of some kind."""
    return next(one for one in itertools.islice(watch_of(watch), _ENOUGH) if is_it(one))


def watch_of(watch: Any) -> Iterator[Any]:
    while True:
        try:
            yield next(watch)
        except StopIteration:
            return


def versions(message: Any) -> list[int]:
    return [one.version for one in message.settings]


def test_a_stream_goes_on_where_it_was_cut_off(client, proxy, account, app):
    watch = client.settings.watch(app_ids=[app.id])
    next_with(watch, lambda one: one.caught_up)

    proxy.cut()
    people.force_auth_token(account, app)
    proxy.mend()

    assert versions(next_with(watch, versions)) == [2]


def test_it_goes_on_at_a_server_that_was_started_again(clients, home):
    with home.serving() as before, proxied(before.port) as proxy:
        account = people.new_account(before.caller(home.operator_key))
        app = people.new_app(account)
        client = clients.make(
            proxy.target, "with_password", email=account.email, password=account.password
        )
        watch = client.settings.watch(app_ids=[app.id])
        next_with(watch, lambda one: one.caught_up)
        before.kill()
        proxy.cut()

        with home.serving() as after:
            proxy.mend(after.port)
            again = people.Account(
                account.id, account.email, account.password, after.caller(account.token)
            )
            people.force_auth_token(again, app)

            assert versions(next_with(watch, versions)) == [2]


def test_it_is_opened_anew_in_case_its_connection_fell_silent(
    client, proxy, account, app, monkeypatch
):
    watch = client.settings.watch(app_ids=[app.id])
    next_with(watch, lambda one: one.caught_up)
    monkeypatch.setattr(watches, "_STREAM_SECONDS", 1.0)
    proxy.cut()
    proxy.mend()
    next(watch)

    failures = failures_of(watch)
    proxy.stall()
    people.force_auth_token(account, app)
    stalled = threading.Thread(target=let_go_when_opened_anew, args=(watch, proxy))
    stalled.start()

    assert versions(next_with(watch, versions)) == [2]
    stalled.join()
    assert failures[0] is grpc.StatusCode.DEADLINE_EXCEEDED  # the client's own doing


def failures_of(watch: Any) -> list[grpc.StatusCode]:
    """Note what the stream goes on after."""
    progress = getattr(watch, "thing", watch)._progress
    codes: list[grpc.StatusCode] = []
    wait_after = progress.wait_after

    def note(failure: FinlinkError) -> float:
        codes.append(failure.code)
        return float(wait_after(failure))

    progress.wait_after = note
    return codes


def let_go_when_opened_anew(watch: Any, proxy: Proxy) -> None:
    watch = getattr(watch, "thing", watch)
    silent = watch._stream
    until(lambda: watch._stream is not silent)
    proxy.flow()


def test_it_outlives_the_token_that_opened_it(client, operator, account, app):
    watch = client.settings.watch(app_ids=[app.id])
    next_with(watch, lambda one: one.caught_up)

    client.accounts.sign_out()
    people.force_auth_token(account, app)

    assert versions(next_with(watch, versions)) == [2]


def test_revocations_are_told_once_though_the_stream_is_cut_off(
    clients, server, proxy, verifier, secret
):
    client = clients.make(proxy.target, "with_service_key", service_key=verifier.credential)
    watch = client.sessions.watch_revocations()
    next_with(watch, lambda one: one.caught_up)
    ended = []

    for _ in range(3):
        superseded = secret.start().id
        secret.start()
        ended += [
            one.session_id for one in next_with(watch, lambda one: one.revocations).revocations
        ]
        assert superseded in ended
        proxy.cut()
        proxy.mend()

    assert len(set(ended)) == len(ended)


@pytest.mark.either("about the client's end of a stream alone")
def test_what_a_stream_meets_before_its_first_message_is_raised(clients):
    client = clients.make(NOBODY, "anonymous")

    with pytest.raises(Unavailable, match="Check the target"):
        next(client.settings.watch(app_ids=["app_1"]))


@pytest.mark.either("about the client's end of a stream alone")
def test_a_refusal_is_raised(clients, server, account):
    client = clients.signed_in(server, account)

    with pytest.raises(NotFound):
        next(client.settings.watch(app_ids=["app_" + 26 * "0"]))


@pytest.mark.either("about the client's end of a stream alone")
def test_a_credential_that_has_ended_ends_its_stream(clients, server, operator, account, app):
    client = clients.make(server.target, "with_token", token=account.token)
    watch = client.settings.watch(app_ids=[app.id])
    next_with(watch, lambda one: one.caught_up)

    account.accounts.SignOut()

    with pytest.raises(Unauthenticated):
        next_with(watch, versions)


@pytest.mark.either("about the client's end of a stream alone")
def test_who_closes_it_ends_the_iteration(clients, server, account, app):
    watch = clients.signed_in(server, account).settings.watch(app_ids=[app.id])
    messages: list[Any] = []
    reader = threading.Thread(target=lambda: messages.extend(watch_of(watch)))
    reader.start()
    until(lambda: reader.is_alive() and has_begun(watch))

    watch.close()
    reader.join(60)

    assert not reader.is_alive()
    with pytest.raises(StopIteration):
        next(watch)


def has_begun(watch: Any) -> bool:
    return bool(getattr(watch, "thing", watch)._progress._has_begun)


@pytest.mark.either("about the client's end of a stream alone")
def test_an_iteration_that_was_cancelled_can_go_on(server, account, app):
    async def story() -> list[int]:
        async with AsyncFinlink.with_token(server.target, token=account.token) as client:
            watch = client.settings.watch(app_ids=[app.id])
            while not (await anext(watch)).caught_up:
                pass
            for _ in range(3):
                waiting = asyncio.create_task(anext(watch))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
            await asyncio.to_thread(people.force_auth_token, account, app)
            async for message in watch:
                if message.settings:
                    return versions(message)
        return []

    assert asyncio.run(story()) == [2]


@pytest.mark.either("about the client's end of a stream alone")
def test_a_fault_of_the_service_is_raised_and_not_repeated_for_ever(scripted, clients):
    client = clients.make(scripted.target, "anonymous")
    watch = client.settings.watch(app_ids=["app_1"])
    progress = getattr(watch, "thing", watch)._progress
    progress._has_begun = True
    fault = FinlinkError(grpc.StatusCode.INTERNAL, "A fault.", "INTERNAL")

    with pytest.raises(FinlinkError, match="A fault"):
        progress.wait_after(fault)
