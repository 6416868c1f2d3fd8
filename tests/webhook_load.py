"""Load for the measurements of webhooks, in processes of its own: a receiver, and callers.

What is counted stands in memory that the processes share. Times are of the monotonic
clock, which is one for the whole machine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import trustme
from aiohttp import web
from google.protobuf.message import Message

_MOST_TIMED = 100_000  # events whose arrival can be noted
_SPAWN = multiprocessing.get_context("spawn")  # grpc and fork do not go together


@dataclass(frozen=True)
class Receiver:
    """Says 200 to what comes to `/hook`, and nothing at all to what comes to `/silent`."""

    port: int
    _count: Any
    _arrivals: Any

    @property
    def count(self) -> int:
        """How many deliveries `/hook` took."""
        return int(self._count.value)

    def arrival(self, number: int) -> int:
        """When the event with the data `{"n": number}` first came, in nanoseconds; 0: not yet."""
        return int(self._arrivals[number])


@contextmanager
def receiver(authority: trustme.CA, folder: Path) -> Iterator[Receiver]:
    """Receive HTTPS on a port of this machine."""
    pem = folder / "receiver.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    count, arrivals = _SPAWN.Value("q", 0), _SPAWN.Array("q", _MOST_TIMED, lock=False)
    ours, theirs = _SPAWN.Pipe()
    with _process(_receive, pem, theirs, count, arrivals):
        yield Receiver(ours.recv(), count, arrivals)


def _receive(pem: Path, pipe: Any, count: Any, arrivals: Any) -> None:
    async def hook(request: web.Request) -> web.Response:
        now = time.monotonic_ns()
        number = json.loads(await request.read())["data"].get("n", 0)
        arrivals[number] = arrivals[number] or now
        count.value += 1
        return web.Response()

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    async def run() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem)
        application = web.Application()
        application.add_routes([web.post("/hook", hook), web.post("/silent", silent)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls, backlog=1024).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


@dataclass(frozen=True)
class Calls:
    """Calls that are being made."""

    _count: Any

    @property
    def count(self) -> int:
        """How many were answered."""
        return int(self._count.value)

    def rate_during(self, wait: Callable[[], object]) -> float:
        """How many a second were answered while something was waited for."""
        started, before = time.monotonic(), self.count
        wait()
        return (self.count - before) / (time.monotonic() - started)


@contextmanager
def calling(
    target: str,
    method: str,
    credential: str,
    request: Callable[[int], Message],
    in_flight: int,
) -> Iterator[Calls]:
    """Call a method again and again; `request` makes the message of a number."""
    count = _SPAWN.Value("q", 0)
    with _process(_call, target, method, credential, request, in_flight, count):
        calls = Calls(count)
        while not calls.count:
            time.sleep(0.01)
        yield calls


def _call(
    target: str,
    method: str,
    credential: str,
    request: Callable[[int], Message],
    in_flight: int,
    count: Any,
) -> None:
    metadata = (("authorization", f"Bearer {credential}"),)

    async def one_after_another(call: Any, first: int) -> None:
        number = first
        while True:
            await call(request(number).SerializeToString(), metadata=metadata, timeout=60)
            count.value += 1
            number += in_flight

    async def run() -> None:
        async with grpc.aio.insecure_channel(target) as channel:
            call: Any = channel.unary_unary(method)
            await asyncio.gather(*(one_after_another(call, first) for first in range(in_flight)))

    asyncio.run(run())


@contextmanager
def _process(run: Callable[..., None], *arguments: object) -> Iterator[None]:
    process = _SPAWN.Process(target=run, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
