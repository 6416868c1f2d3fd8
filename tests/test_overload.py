"""More calls than a server can serve: it says so, keeps its memory, and goes on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.errors import Refused
from tests.gates import until
from tests.hostile.vitals import Vitals
from tests.processes import Home, Process

from finlink.config import v1

pytestmark = pytest.mark.either("calls wait for threads before any of them asks the database")

_WAITING = 16
_FLOOD = 100 * _WAITING * (4 if "HOSTILE_ATTACKERS" in os.environ else 1)
_OPEN = 4096  # FINLINK_LIMIT_CONCURRENT_CALLS
# kB for each call that is open or that gRPC has not looked at yet: measured 12 for a small one,
# and 16 for as much metadata as it may have.
_OF_A_CALL = 28
_SLACK = 64  # MB: what the first calls of a process fill, caches and threads


@contextmanager
def connections(server: Process, number: int) -> Iterator[Sequence[grpc.Channel]]:
    """Open so many connections, and wait for each."""
    with ExitStack() as stack:
        options = (("grpc.use_local_subchannel_pool", 1),)
        opened = [
            stack.enter_context(grpc.insecure_channel(server.target, options))
            for _ in range(number)
        ]
        for channel in opened:
            grpc.channel_ready_future(channel).result(30)
        yield opened


def flood(channels: Sequence[grpc.Channel], home: Home, calls: int) -> Counter[str]:
    """Make so many calls at once; how each ended."""
    metadata = (("authorization", f"Bearer {home.operator_key}"),)
    stubs = [v1.AdminServiceStub(channel) for channel in channels]
    request = v1.ListServiceKeysRequest()
    started = [
        stubs[number % len(stubs)].ListServiceKeys.future(request, metadata=metadata, timeout=60)
        for number in range(calls)
    ]
    return Counter(map(ending, started))


def ending(call: Any) -> str:
    error = call.exception()
    if error is None:
        return "OK"
    refusal = Refused()
    refusal.read(error)
    assert refusal.retry_seconds
    return refusal.reason


def test_calls_that_are_too_many_are_told_to_come_back_and_take_no_memory(home):
    with home.serving(LIMIT_HANDLER_THREADS="2", LIMIT_WAITING_CALLS=str(_WAITING)) as server:
        vitals = Vitals(server.pid)

        with connections(server, 4) as channels, vitals.watched():
            endings = flood(channels, home, _FLOOD)

        assert set(endings) == {"OK", "OVERLOADED"}
        assert endings["OVERLOADED"] > _WAITING
        assert endings.total() == _FLOOD
        bound = _SLACK + 2 * _OPEN * _OF_A_CALL / 1024
        assert vitals.highest_memory - vitals.memory_before < bound
        assert server.caller(home.operator_key).admin.ListServiceKeys().service_keys


def test_who_asks_for_something_else_is_served_meanwhile(home):
    with home.serving(LIMIT_HANDLER_THREADS="2", LIMIT_WAITING_CALLS="1") as server:
        health = health_pb2_grpc.HealthStub(server.channel)
        with connections(server, 2) as channels:
            flooding = [
                v1.AdminServiceStub(channel).ListServiceKeys.future(
                    v1.ListServiceKeysRequest(),
                    metadata=(("authorization", f"Bearer {home.operator_key}"),),
                    timeout=60,
                )
                for channel in channels
                for _ in range(200)
            ]

            told = health.Check(health_pb2.HealthCheckRequest(), timeout=30)
            keys = v1.SessionServiceStub(server.channel).ListSigningKeys(
                v1.ListSigningKeysRequest(), timeout=30
            )

            assert told.status == health_pb2.HealthCheckResponse.SERVING
            assert keys.keys
            assert set(map(ending, flooding)) <= {"OK", "OVERLOADED"}


def test_a_flood_of_default_size_is_told_to_come_back_too(home):
    """Of old, gRPC cancelled a part of such a flood without a word."""
    with home.serving() as server, connections(server, 8) as channels:
        endings = flood(channels, home, 3000)

    assert set(endings) <= {"OK", "OVERLOADED"}


def test_connections_beyond_the_limit_are_closed_and_those_that_are_there_go_on(home):
    with home.serving(LIMIT_CONNECTIONS="16") as server, connections(server, 16) as channels:
        with pytest.raises(grpc.FutureTimeoutError), connected(server) as one_more:
            grpc.channel_ready_future(one_more).result(1)
        for channel in channels:
            v1.SessionServiceStub(channel).ListSigningKeys(v1.ListSigningKeysRequest(), timeout=30)

        channels[0].close()

        until(lambda: is_let_in(server))


@contextmanager
def connected(server: Process) -> Iterator[grpc.Channel]:
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100))
    with grpc.insecure_channel(server.target, options) as channel:
        yield channel


def is_let_in(server: Process) -> bool:
    with connected(server) as channel:
        try:
            grpc.channel_ready_future(channel).result(5)
        except grpc.FutureTimeoutError:
            return False
        return True
