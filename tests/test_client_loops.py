"""The client's end: closed, forked, cancelled, or in another event loop."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.gates import until

from finlink_client import (
    AsyncFinlink,
    Finlink,
)

pytestmark = pytest.mark.either("about the client's end of a call alone")


def test_a_closed_client_says_so(anonymous):
    anonymous.secrets.get("sec_1")
    anonymous.close()
    anonymous.close()

    with pytest.raises(RuntimeError, match="closed"):
        anonymous.secrets.get("sec_1")


def test_a_call_that_runs_when_its_client_is_closed_says_so(anonymous, scripted):
    scripted.may_answer.clear()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(anonymous.secrets.get, "sec_1", timeout=60)
        until(lambda: scripted.requests)

        anonymous.close()

        failure = running.exception(60)
        scripted.may_answer.set()
    assert isinstance(failure, RuntimeError)
    assert "closed" in str(failure)


def test_a_watch_that_runs_when_its_client_is_closed_says_so(clients, server, account, app):
    client = clients.signed_in(server, account)
    messages = client.settings.watch(app_ids=[app.id])
    next(messages)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(follow, messages)

        client.close()

        failure = running.exception(60)
    assert isinstance(failure, RuntimeError)
    assert "closed" in str(failure)


def follow(messages) -> None:
    while True:
        next(messages)


def test_a_client_of_before_a_fork_says_so(anonymous, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)

    with pytest.raises(RuntimeError, match="in each process"):
        anonymous.secrets.get("sec_1")


def test_a_client_of_another_event_loop_says_so(scripted):
    client = AsyncFinlink.anonymous(scripted.target)

    async def use_and_close():
        await client.secrets.get("sec_1")
        channel = client._calls._connection._channel
        assert channel
        await channel.close()

    asyncio.run(use_and_close())

    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(client.secrets.get("sec_1"))


def test_clients_are_context_managers(scripted):
    async def use():
        async with AsyncFinlink.anonymous(scripted.target) as client:
            await client.secrets.get("sec_1")
        return client

    with Finlink.anonymous(scripted.target) as client:
        client.secrets.get("sec_1")

    with pytest.raises(RuntimeError, match="closed"):
        client.secrets.get("sec_1")
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(asyncio.run(use()).secrets.get("sec_1"))


# --------------------------------------------------------------------------- cancellation


def test_a_login_goes_on_when_who_waits_for_it_is_cancelled(server, secret, account, app):
    async def story() -> int:
        async with AsyncFinlink(
            server.target, client_id=app.id, client_secret=secret.plaintext
        ) as client:
            keeper = client._calls._keeper
            began, go_on, real = asyncio.Event(), asyncio.Event(), keeper._send

            async def slowly(*arguments):
                began.set()
                await go_on.wait()
                return await real(*arguments)

            keeper._send = slowly
            impatient = asyncio.create_task(client.settings.get())
            await began.wait()
            patient = asyncio.create_task(client.settings.get())
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.wait([impatient])
            go_on.set()
            answer = await patient
            assert impatient.cancelled()
            return answer.version

    assert asyncio.run(story()) > 0
    assert len(account.sessions.ListSessions(app_id=app.id).sessions) == 1


def test_a_call_that_is_cancelled_leaves_the_client_usable(server, secret, app):
    async def story() -> int:
        async with AsyncFinlink(
            server.target, client_id=app.id, client_secret=secret.plaintext
        ) as client:
            for _ in range(20):
                task = asyncio.create_task(client.settings.get())
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            return (await client.settings.get()).version

    assert asyncio.run(story()) > 0
