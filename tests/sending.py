"""A sender to try out: in a loop that runs only while something is sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import pytest
from tests.clock import Clock

from finlink_server.resolver import Lookup, Resolver
from finlink_server.webhook_sender import Answer, Outgoing, Sender

_LOOPBACK = [ip_network("127.0.0.0/8")]


class Sending:
    """The sender, its clock and what its DNS says: every name is this machine, unless told.

    Between two sends the loop stands still: whatever a receiver does to a kept
    connection meanwhile, the sender knows nothing of it when it sends again.
    """

    def __init__(
        self, trust: ssl.SSLContext | None, allowed: Sequence[Any] = _LOOPBACK, **seconds: float
    ) -> None:
        self.clock = Clock()
        self.dns: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.lookup: Lookup = lambda host: self.dns.get(host, ["127.0.0.1"])
        self._runner = asyncio.Runner()
        self.sender = Sender(Resolver(allowed, self._look_up), self.clock, trust, **seconds)

    def _look_up(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.lookup(host)

    def send(self, uri: str, body: bytes = b"{}", **headers: str) -> Answer:
        answer: Answer = self.run(self.sender.send(Outgoing(uri, headers, body)))
        return answer

    def send_at_once(self, *uris: str) -> list[Answer]:
        async def together() -> list[Answer]:
            return await asyncio.gather(
                *(self.sender.send(Outgoing(uri, {}, b"{}")) for uri in uris)
            )

        answers: list[Answer] = self.run(together())
        return answers

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self.sender.close())
        self._runner.close()


@contextmanager
def sending(trust: ssl.SSLContext | None, **options: Any) -> Iterator[Sending]:
    """Lend one, with other networks opened or shorter patience than usual."""
    one = Sending(trust, **options)
    yield one
    one.close()


@pytest.fixture
def sender(trust: ssl.SSLContext) -> Iterator[Sending]:
    with sending(trust) as patient:
        yield patient
