"""The health service, as the gRPC health protocol (grpc.health.v1) has it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from finlink.config import v1
from finlink_server.access import TABLE

pytestmark = pytest.mark.either("it asks no database")

Response = health_pb2.HealthCheckResponse
SERVICES = {"", "grpc.health.v1.Health", *(f"finlink.config.v1.{name}" for name in TABLE)}
METHODS = "/grpc.health.v1.Health"
GARBAGE = [b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff", b"\0" * 100]


@pytest.fixture
def health(server):
    return health_pb2_grpc.HealthStub(server.channel)


def about(service):
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_the_server_and_each_service_can_be_asked_for(health, service):
    assert health.Check(about(service)).status == Response.SERVING


@pytest.mark.parametrize("service", ["finlink.config.v1.NoService", "LinkService", " "])
def test_a_check_of_an_unknown_service_finds_nothing(health, service):
    with pytest.raises(grpc.RpcError) as refusal:
        health.Check(about(service))

    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_watch_of_an_unknown_service_says_so_and_stays_open(health):
    watch = health.Watch(about("finlink.config.v1.NoService"), timeout=20)

    assert next(watch).status == Response.SERVICE_UNKNOWN
    assert watch.is_active()
    watch.cancel()


def test_a_list_names_every_service(health):
    statuses = health.List(health_pb2.HealthListRequest()).statuses

    assert {name: answer.status for name, answer in statuses.items()} == dict.fromkeys(
        SERVICES, Response.SERVING
    )


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused_as_such(server, garbage):
    check = server.channel.unary_unary(f"{METHODS}/Check")
    watch = server.channel.unary_stream(f"{METHODS}/Watch")

    for call in (lambda: check(garbage), lambda: next(watch(garbage))):
        with pytest.raises(grpc.RpcError) as refusal:
            call()
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_two_hundred_watchers_need_no_thread_each(server, health, nobody):
    nobody.sessions.ListSigningKeys()
    before = threading.active_count()

    watches = [health.Watch(about(""), timeout=20) for _ in range(200)]
    assert {next(watch).status for watch in watches} == {Response.SERVING}

    assert threading.active_count() < before + 40
    assert nobody.sessions.ListSigningKeys().keys
    for watch in watches:
        watch.cancel()


def test_watchers_who_come_and_go_do_not_stop_the_server(home):
    """The library's own servicer stops dead here: a lock that its sender holds."""
    with home.serving() as server:

        def come_and_go(_):
            with grpc.insecure_channel(server.target) as channel:
                watch = health_pb2_grpc.HealthStub(channel).Watch(about(""), timeout=10)
                return next(watch).status

        with ThreadPoolExecutor(8) as pool:
            statuses = set(pool.map(come_and_go, range(300)))

        assert statuses == {Response.SERVING}
        answer = v1.SessionServiceStub(server.channel).ListSigningKeys(
            v1.ListSigningKeysRequest(), timeout=10
        )
        assert answer.keys
