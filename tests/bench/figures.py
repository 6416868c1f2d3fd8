"""Figures that are no rows: the verifier, passwords beside validation, memory, the start."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from tests.bench.load import H2LOAD, Call, ask, repeat
from tests.bench.population import Population
from tests.bench.servers import Server, running

from finlink.config import v1
from finlink_client import SessionVerifier
from finlink_server.domain.caller import Role

_PASSWORD_CALLERS = 16
_WATCHERS = 1000
_WATCH = "/finlink.config.v1.SessionService/WatchRevocations"
_VALIDATE = "/finlink.config.v1.SessionService/ValidateSession"


@dataclass(frozen=True)
class Figure:
    """Something that was measured, and what it should be."""

    name: str
    measured: str
    target: str
    holds: bool


def of_one_server(who: Population, server: Server, rounds: int, seconds: float) -> list[Figure]:
    """What is measured at the server that the rows were measured at."""
    return [
        *_verifier(who, server, seconds),
        _beside_passwords(who, server, rounds, seconds),
    ]


def _verifier(who: Population, server: Server, seconds: float) -> list[Figure]:
    """How many tokens a thread verifies in a second: one seen before, and new ones."""
    seen: list[float] = []
    new: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(new) < 3:
        with SessionVerifier(server.target, who.keys[Role.VERIFIER]) as verifier:
            assert verifier.wait_until_caught_up(timedelta(seconds=30))
            verifier.verify(who.session_tokens[0])  # fetches the keys
            new.append(_rate(verifier, who.session_tokens[1:]))
            seen.append(_rate(verifier, [who.session_tokens[0]] * 100_000))
    of_seen, of_new = statistics.median(seen), statistics.median(new)
    return [
        Figure(
            "SessionVerifier, token seen before",
            f"{of_seen:,.0f}/s",
            "≥ 300,000/s",
            of_seen >= 300_000,
        ),
        Figure("SessionVerifier, new token", f"{of_new:,.0f}/s", "≥ 5,000/s", of_new >= 5000),
    ]


def _rate(verifier: SessionVerifier, tokens: list[str]) -> float:
    verify = verifier.verify
    began = time.perf_counter()
    for token in tokens:
        verify(token)
    return len(tokens) / (time.perf_counter() - began)


def _beside_passwords(who: Population, server: Server, rounds: int, seconds: float) -> Figure:
    """ValidateSession's p99 while callers try passwords, compared with quiet, in turns."""
    request = v1.ValidateSessionRequest(access_token=who.session_tokens[0])
    call = Call(_VALIDATE, who.keys[Role.VERIFIER], request.SerializeToString())
    calls = int(2000 * seconds)
    ratios = []
    for _ in range(rounds):
        quiet = repeat(server, call, calls, 64)
        with _passwords(server):
            ratios.append(repeat(server, call, calls, 64).p99 / quiet.p99)
    server.refusals()  # those of the passwords are expected
    ratio = statistics.median(ratios)
    name = "ValidateSession p99 at 64 in flight, while 16 callers try passwords"
    return Figure(name, f"{ratio:.1f} × quiet", "≤ 3 × quiet", ratio <= 3)


@contextmanager
def _passwords(server: Server) -> Iterator[None]:
    """Callers who try passwords, and wait as long as they are told."""
    over = threading.Event()

    def attempt(number: int) -> None:
        with grpc.insecure_channel(server.target) as channel:
            stub = v1.AccountServiceStub(channel)
            for turn in itertools.count():
                email = f"guess-{number}-{turn}@example.com"
                try:
                    stub.SignIn(v1.SignInRequest(email=email, password="wrong password"))
                except grpc.RpcError as error:
                    if over.wait(_retry_seconds(error)):
                        return

    callers = [threading.Thread(target=attempt, args=(one,)) for one in range(_PASSWORD_CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        over.set()
        for caller in callers:
            caller.join()


def _retry_seconds(error: Any) -> float:
    """What the refusal says of when to come again."""
    found = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    told = error_details_pb2.RetryInfo()
    for detail in status_pb2.Status.FromString(found[0]).details:
        if detail.Unpack(told):
            return told.retry_delay.ToTimedelta().total_seconds()
    return 0.0


@contextmanager
def watchers(who: Population, server: Server, count: int) -> Iterator[None]:
    """Open streams of WatchRevocations, and read them without a look."""
    if not count:
        yield
        return
    with tempfile.NamedTemporaryFile() as body:
        body.write(bytes(5))
        body.flush()
        process = subprocess.Popen(
            [
                H2LOAD,
                f"--requests={count}",
                f"--clients={min(10, count)}",
                "--max-concurrent-streams=100",
                f"--data={body.name}",
                "--header=te: trailers",
                "--header=content-type: application/grpc",
                f"--header=authorization: Bearer {who.keys[Role.VERIFIER]}",
                f"http://{server.target}{_WATCH}",
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(2 + count / 500)  # until they have caught up
            assert process.poll() is None, "the watchers were turned away"
            yield
            assert process.poll() is None, "the watchers were cut off"
        finally:
            process.kill()
            process.wait()


def memory_watched(who: Population, server: Server) -> list[Figure]:
    """What a process has in memory that was under load and has many watchers."""
    with watchers(who, server, _WATCHERS):
        taken = server.memory()
    name = f"memory with {_WATCHERS:,} watchers, after all rows"
    return [Figure(name, f"{taken:.0f} MB", "≤ 200 MB", taken <= 200)]


def start(data: Path, core: int, rounds: int) -> list[Figure]:
    """From the start of the command to the first answer, with files that were read before."""
    keys = Call("/finlink.config.v1.SessionService/ListSigningKeys", "")
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        with running("serve", core=core, data=data) as server:
            ask(server, keys)
            took.append(time.monotonic() - began)
    median = statistics.median(took)
    name = "start to first answer, warm"
    return [Figure(name, f"{median:.2f} s", "≤ 1.5 s", median <= 1.5)]
