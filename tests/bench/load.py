"""Load: the same call again and again, so many at a time, and how long each took.

`h2load` sends one body. It knows HTTP alone, by which every answer of gRPC is a 200; but
an answer that is OK carries its message, and a refusal carries none: so the bytes of
data tell. What varies its bodies is sent by `grpc.aio`, which knows.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
from tests.bench.servers import Server

_DATA = re.compile(r"\((\d+)\) data$", re.MULTILINE)
_FINISHED = re.compile(r"^finished in (?P<time>[\d.]+)(?P<unit>us|ms|s|m|h)", re.MULTILINE)
_DONE = re.compile(r"(\d+) succeeded")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_CONNECTIONS = 8
H2LOAD = shutil.which("h2load") or ""


@dataclass(frozen=True)
class Load:
    """How calls went: so many a second, and how long they took in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float  # of the server, microseconds for each call


@dataclass(frozen=True)
class Call:
    """What is sent: a method, a credential, and its body."""

    method: str
    credential: str
    body: bytes = b""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.credential}"),) if self.credential else ()


def ask(server: Server, call: Call) -> bytes:
    """Make one call, which has to be answered."""
    with grpc.insecure_channel(server.target) as channel:
        make: Any = channel.unary_unary(call.method, None, None)
        answer = make(call.body, metadata=call.metadata, timeout=30)
    assert isinstance(answer, bytes)
    return answer


def repeat(server: Server, call: Call, calls: int, in_flight: int) -> Load:
    """Send one call so many times, with h2load."""
    answer = ask(server, call)
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder) / "body", Path(folder) / "log"
        body.write_bytes(_framed(call.body))
        connections = min(_CONNECTIONS, in_flight)
        headers = (("te", "trailers"), ("content-type", "application/grpc"), *call.metadata)
        before = server.cpu_seconds()
        ran = subprocess.run(
            [
                H2LOAD,
                f"--requests={calls}",
                f"--clients={connections}",
                f"--max-concurrent-streams={in_flight // connections}",
                f"--data={body}",
                f"--log-file={log}",
                *(f"--header={name}: {value}" for name, value in headers),
                f"http://{server.target}{call.method}",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        cpu = server.cpu_seconds() - before
        times = [int(line.split()[2]) / 1e3 for line in log.read_text().splitlines()]
    finished, data, done = _FINISHED.search(ran), _DATA.search(ran), _DONE.search(ran)
    assert finished, ran
    assert data, ran
    assert done, ran
    assert int(done[1]) == calls, ran
    assert int(data[1]) == calls * len(_framed(answer)), f"not every answer was OK: {ran}"
    assert ask(server, call) == answer
    return _load(times, float(finished["time"]) * _SECONDS[finished["unit"]], cpu)


def send(server: Server, method: str, calls: Iterable[Call], in_flight: int) -> Load:
    """Send these calls of one method, with grpc.aio. One that is refused ends it all."""
    return asyncio.run(_send(server, method, list(calls), in_flight))


async def _send(server: Server, method: str, calls: Sequence[Call], in_flight: int) -> Load:
    times: list[float] = []
    waiting = iter([(call.body, call.metadata) for call in calls])
    # Connections of their own, as so many callers would have.
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [
        grpc.aio.insecure_channel(server.target, options)
        for _ in range(min(_CONNECTIONS, in_flight))
    ]

    async def work(make) -> None:
        for body, metadata in waiting:
            began = time.perf_counter()
            await make(body, metadata=metadata)
            times.append((time.perf_counter() - began) * 1e3)

    makes: list[Any] = [channel.unary_unary(method, None, None) for channel in channels]
    for make in makes:  # connect
        body, metadata = next(waiting)
        await make(body, metadata=metadata)
    before, began = server.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(work(makes[index % len(makes)]) for index in range(in_flight)))
    took, cpu = time.perf_counter() - began, server.cpu_seconds() - before
    for channel in channels:
        await channel.close()
    return _load(times, took, cpu)


def take(calls: Iterable[Call], count: int) -> list[Call]:
    """The next calls of a row."""
    return list(islice(calls, count))


def _load(times: Sequence[float], took: float, cpu: float) -> Load:
    percentiles = statistics.quantiles(times, n=100)
    return Load(len(times) / took, percentiles[49], percentiles[98], cpu / len(times) * 1e6)


def _framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length, itself."""
    return b"\0" + len(message).to_bytes(4) + message
