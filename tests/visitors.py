"""A client's calls to somebody else's server, which carry its token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import grpc.aio
import pytest
from tests.clients import Blocking, Clients
from tests.parrot import NAME


class Visitor:
    """Calls the server with the token of a `Finlink`."""

    def __init__(self, client: Any, target: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._view = client.authorize(self._channel)

    def ask(self, kind: str, **options: Any) -> list[str]:
        """Call a method of some kind, and give its answers."""
        call = getattr(self._view, kind)(f"/{NAME}/{kind}")
        answer = call(_request(kind), timeout=60, **options)
        return [one.decode() for one in (answer if kind.endswith("stream") else [answer])]

    def close(self) -> None:
        self._channel.close()


class AsyncVisitor:
    """Calls the server with the token of an `AsyncFinlink`."""

    def __init__(self, client: Blocking, target: str) -> None:
        self._loop = client.loop
        self._channel = self._loop.run(_open(target, client.thing))

    def ask(self, kind: str, **options: Any) -> list[str]:
        """Call a method of some kind, and give its answers."""
        answers: list[str] = self._loop.run(self._ask(kind, options))
        return answers

    def close(self) -> None:
        self._loop.run(self._channel.close())

    async def _ask(self, kind: str, options: dict[str, Any]) -> list[str]:
        call = getattr(self._channel, kind)(f"/{NAME}/{kind}")
        answer = call(_request(kind), timeout=60, **options)
        if kind.endswith("stream"):
            return [one.decode() async for one in answer]
        return [(await answer).decode()]


async def _open(target: str, client: Any) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, interceptors=client.interceptors())


def _request(kind: str) -> Any:
    return iter([b"a", b"b"]) if kind.startswith("stream") else b"a"


@pytest.fixture
def visiting(clients: Clients) -> Iterator[Callable[[Any, str], Any]]:
    """Make what calls a server with the token of one of the clients."""
    with ExitStack() as stack:

        def make(client: Any, target: str) -> Any:
            of: Any = AsyncVisitor if isinstance(client, Blocking) else Visitor
            visitor = of(client, target)
            stack.callback(visitor.close)
            return visitor

        yield make
