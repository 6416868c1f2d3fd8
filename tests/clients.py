"""Clients of both kinds for the same tests: `Finlink`, and `AsyncFinlink` as if it were one."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from finlink_client import AsyncFinlink, Finlink

_PATIENCE = 60  # seconds


class ManualClock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, *, minutes: float) -> None:
        self.now += 60 * minutes


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(_PATIENCE)

    @staticmethod
    async def waiting(task: asyncio.Task[Any]) -> None:
        """Go on when a task is over, however it ended."""
        await asyncio.wait([task])

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()


class Blocking:
    """Something asynchronous whose coroutines are waited for, each a task of the loop."""

    def __init__(self, loop: Loop, thing: Any) -> None:
        self.loop, self.thing = loop, thing

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.thing, name)
        if inspect.ismethod(value):
            return self._waiting(value)
        return Blocking(self.loop, value) if hasattr(value, "__dict__") else value

    def __iter__(self) -> Iterator[Any]:
        iterator = aiter(self.thing)
        while True:
            try:
                yield self.loop.run(anext(iterator))
            except StopAsyncIteration:
                return

    def __next__(self) -> Any:
        try:
            return self.loop.run(anext(self.thing))
        except StopAsyncIteration:
            raise StopIteration from None

    def __repr__(self) -> str:
        return repr(self.thing)

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            answer = method(*arguments, **named)
            if inspect.isawaitable(answer):
                return self.loop.run(answer)
            is_another = isinstance(answer, AsyncFinlink) or hasattr(answer, "__aiter__")
            return Blocking(self.loop, answer) if is_another else answer

        return run


class Clients:
    """Makes clients of one kind, and closes them."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.kind = kind
        self._stack = stack
        self._loop = Loop() if kind == "async" else None
        if self._loop is not None:
            stack.callback(self._loop.close)

    def make(self, target: str, credential: str = "", **fields: Any) -> Any:
        """Make a client: `Finlink(…)`, or `Finlink.with_…(…)` where a credential is named."""
        of: Any = AsyncFinlink if self._loop else Finlink
        client = (getattr(of, credential) if credential else of)(target, **fields)
        made = Blocking(self._loop, client) if self._loop else client
        self._stack.callback(made.close)
        return made

    def of(self, server: Any, secret: Any, **options: Any) -> Any:
        """Make one for a client secret."""
        return self.make(
            server.target, client_id=secret.app_id, client_secret=secret.plaintext, **options
        )

    def signed_in(self, server: Any, account: Any, **options: Any) -> Any:
        """Make one for a customer."""
        return self.make(
            server.target,
            "with_password",
            email=account.email,
            password=account.password,
            **options,
        )


@contextmanager
def of_kind(kind: str) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(kind, stack)


@pytest.fixture(params=["sync", "async"])
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    with of_kind(request.param) as made:
        yield made


@pytest.fixture
def anonymous(clients: Clients, scripted: Any) -> Any:
    """A client of a server that says what it is told to."""
    return clients.make(scripted.target, "anonymous")


def keeper_of(client: Any) -> Any:
    """What logs in for a client."""
    return (client.thing if isinstance(client, Blocking) else client)._calls._keeper
