"""Logins of the client: watched, lost, and at the right moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from tests.clients import Blocking, ManualClock, keeper_of
from tests.gates import until

from finlink_client import Unavailable

LOST = Unavailable(grpc.StatusCode.UNAVAILABLE, "The connection broke.")
# Of a session's hour, in minutes: before three quarters, and after nine tenths.
NOT_YET, DUE = 44, 55


@pytest.fixture
def ticks() -> ManualClock:
    """The client's own clock."""
    return ManualClock()


@pytest.fixture
def ends(account, app) -> Callable[[], list[str]]:
    """Why each session of the app has ended, or nothing while it goes on; the newest first."""

    def look() -> list[str]:
        # Signed in anew: clocks may have gone on by more than an account token's life.
        answer = account.sign_in().sessions.ListSessions(app_id=app.id)
        return [str(one.end_reason) if one.HasField("end_time") else "" for one in answer.sessions]

    return look


@contextmanager
def logins_of(client: Any, change: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]):
    """Let something else happen when a client logs in: it is given what really logs in."""
    keeper = keeper_of(client)
    real = keeper._send
    if isinstance(client, Blocking):
        keeper._send = lambda *asked: change(lambda: real(*asked))
    else:

        async def log_in(*asked: Any) -> Any:
            return real(*asked)

        keeper._send = lambda *asked: asyncio.run(_waited(change(lambda: log_in(*asked))))
    yield
    keeper._send = real


@contextmanager
def overtaken(client: Any, times: int):
    """Let the client renew its session between taking a token and sending a call with it."""
    keeper = keeper_of(client)
    login, real = keeper._tokens.login, keeper.get
    left = iter(range(times))

    def get(deadline: Any) -> Any:
        token = real(deadline)
        if next(left, None) is not None:
            keeper._log_in(login, deadline)
        return token

    async def get_async(deadline: Any) -> Any:
        token = await real(deadline)
        if next(left, None) is not None:
            await keeper._begin(login)
        return token

    keeper.get = get_async if isinstance(client, Blocking) else get
    yield
    keeper.get = real


async def _waited(work: Awaitable[Any]) -> Any:
    return await work


async def lost(log_in: Callable[[], Awaitable[Any]]) -> Any:
    """A login that happens, but whose answer does not come back."""
    await log_in()
    raise LOST


async def failing(_: object) -> Any:
    """A login that does not happen."""
    raise LOST


def settle(client) -> None:
    """Go on when a renewal that goes on in the background is over."""
    keeper = keeper_of(client)
    if isinstance(client, Blocking) and keeper._task is not None:

        async def wait() -> None:
            await client.loop.waiting(keeper._task)

        client.loop.run(wait())


def renew(client, ticks: ManualClock) -> None:
    """Go on when the session has been renewed, by this call or by another one under way."""
    tokens = keeper_of(client)._tokens
    before = tokens.usable()
    ticks.advance(minutes=DUE)

    def is_renewed() -> bool:
        client.settings.get()
        settle(client)
        return tokens.usable() is not before

    until(is_renewed)
