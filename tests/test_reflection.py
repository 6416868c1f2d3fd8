"""Server reflection: what grpcurl and its like live on."""

import queue

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from finlink_server.access import TABLE

pytestmark = pytest.mark.either("it asks no database")

Request = reflection_pb2.ServerReflectionRequest
INFO = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
SERVICES = {f"finlink.config.v1.{name}" for name in TABLE}
METHODS = [f"finlink.config.v1.{name}.{method}" for name in TABLE for method in TABLE[name]]


@pytest.fixture
def reflect(server):
    """Ask one question on a stream of its own."""
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)

    def ask(**question):
        (answer,) = stub.ServerReflectionInfo(iter([Request(**question)]), timeout=10)
        return answer

    return ask


def files(answer):
    serialized = answer.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(file) for file in serialized]


def test_it_lists_every_service(reflect):
    listed = reflect(list_services="*").list_services_response.service

    assert {service.name for service in listed} == SERVICES | {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("method", METHODS)
def test_it_describes_a_method_by_its_full_name(reflect, method):
    answer = reflect(file_containing_symbol=method)

    service, _, name = method.rpartition(".")
    described = {
        f"{file.package}.{one.name}": [method.name for method in one.method]
        for file in files(answer)
        for one in file.service
    }
    assert name in described[service]


@pytest.mark.parametrize("detail", ["ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"])
def test_it_describes_the_details_of_errors(reflect, detail):
    answer = reflect(file_containing_symbol=f"google.rpc.{detail}")

    assert detail in [message.name for file in files(answer) for message in file.message_type]


@pytest.mark.parametrize(
    "question",
    [
        {"file_containing_symbol": "finlink.config.v1.SecretService.NoMethod.Deeper"},
        {"file_containing_symbol": "no.such.Service"},
        {"file_containing_symbol": ""},
        {"file_containing_symbol": "."},
        {"file_by_filename": "no/such/file.proto"},
        {"file_by_filename": "/etc/passwd"},
        {"all_extension_numbers_of_type": "no.such.Type"},
        {"file_containing_extension": {"containing_type": "no.such.Type", "extension_number": 1}},
        {},
    ],
)
def test_what_there_is_not_is_an_answer_of_the_protocol(reflect, question):
    assert reflect(**question).error_response.error_code


@pytest.mark.parametrize("garbage", [b"\xff", b"\x22\x05ab", b"\0" * 100])
def test_garbage_is_answered_on_a_stream_that_goes_on(server, garbage):
    question = Request(list_services="*").SerializeToString()
    call = server.channel.stream_stream(INFO)

    first, second = call(iter([garbage, question]), timeout=10)

    answer = reflection_pb2.ServerReflectionResponse
    assert answer.FromString(first).error_response.error_code
    assert answer.FromString(second).list_services_response.service


@pytest.fixture
def idle_streams(server):
    """More streams than the server has threads; nobody says anything on them."""
    threads = server.config.limit_handler_threads
    questions: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(2 * threads)]
    open_stream = server.channel.stream_stream(INFO)
    streams = [open_stream(iter(one.get, None)) for one in questions]
    yield streams
    for one, stream in zip(questions, streams, strict=True):
        stream.cancel()
        one.put(None)


def test_idle_streams_keep_no_other_call_waiting(nobody, idle_streams):
    for _ in range(100):  # the streams arrive meanwhile
        assert nobody.sessions.ListSigningKeys().keys

    assert all(stream.is_active() for stream in idle_streams)


def test_when_idle_streams_go_their_place_is_free_again(reflect, idle_streams):
    for stream in idle_streams:
        stream.cancel()

    assert reflect(list_services="*").list_services_response.service


def test_an_idle_stream_has_a_longest_life(server, monkeypatch):
    monkeypatch.setattr(server.app.reflection._watchdog, "_longest", 0.05)
    said_nothing: queue.SimpleQueue[None] = queue.SimpleQueue()

    stream = server.channel.stream_stream(INFO)(iter(said_nothing.get, None), timeout=30)

    assert stream.code() == grpc.StatusCode.CANCELLED
    said_nothing.put(None)
