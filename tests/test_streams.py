"""Streams that stay open: how many there may be, and with which reason they end."""

import queue
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from tests.errors import refused

from finlink_server import health, reflection
from finlink_server.errors import ShuttingDown
from finlink_server.streams import Streams
from finlink_server.watchdog import Watchdog

METHODS = {health.NAME: "Watch", reflection.NAME: "ServerReflectionInfo"}
MOST = 3


class Server:
    """A server of nothing but streams."""

    def __init__(self, env) -> None:
        self.watchdog = Watchdog(30)
        new_call_id = lambda: env.new_id("call")  # noqa: E731 - a name for one expression
        self.services: dict[str, Any] = {
            health.NAME: health.Health([], Streams(MOST), self.watchdog, new_call_id),
            reflection.NAME: reflection.Reflection([], Streams(MOST), new_call_id),
        }
        self.server = grpc.server(ThreadPoolExecutor(2))
        for name, service in self.services.items():
            self.server.add_registered_method_handlers(name, service.handlers())
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        )
        self.server.start()
        self.requests: list[queue.SimpleQueue[bytes | None]] = []

    def open(self, service):
        """Open a stream with an empty request, and say nothing more."""
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        requests.put(b"")
        self.requests.append(requests)
        call: Any = self.channel.stream_stream(f"/{service}/{METHODS[service]}")
        return call(iter(requests.get, None), timeout=30)

    def stop(self) -> None:
        for requests in self.requests:
            requests.put(None)
        self.channel.close()
        self.server.stop(0).wait()
        self.watchdog.close()
        for service in self.services.values():
            service.close()


@pytest.fixture
def streams(env):
    server = Server(env)
    yield server
    server.stop()


@pytest.mark.parametrize("service", METHODS)
def test_a_drain_ends_streams_and_those_that_open_later_with_its_reason(streams, service):
    open_before = streams.open(service)
    next(open_before)

    streams.services[service].drain(ShuttingDown())

    for stream in (open_before, streams.open(service)):
        with refused(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN"):
            list(stream)


@pytest.mark.parametrize("service", METHODS)
def test_a_stream_too_many_is_refused_and_the_others_stay(streams, service):
    those_before = [streams.open(service) for _ in range(MOST)]
    for stream in those_before:
        next(stream)

    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"):
        list(streams.open(service))

    assert all(stream.is_active() for stream in those_before)
