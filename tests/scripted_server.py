"""A server that says what a test tells it to, for the client's own pieces."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from finlink.config import v1
from finlink_client import open_channel

SECRET_NOT_FOUND = error_details_pb2.ErrorInfo(
    domain="config.finlink", reason="SECRET_NOT_FOUND", metadata={"secret_id": "sec_1"}
)


class Refusal(NamedTuple):
    """What the server aborts with, in place of an answer."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


class ScriptedServer(grpc.GenericRpcHandler):
    """Answers every call alike, and remembers how it was called."""

    def __init__(self) -> None:
        self.answer: Message | Refusal = v1.GetSecretResponse()
        self.first: list[Refusal] = []  # and only then the answer
        self.requests: list[bytes] = []
        self.metadata: list[tuple[str, str | bytes]] = []
        self.time_remaining = 0.0
        self.target = ""
        self.may_answer = threading.Event()
        self.may_answer.set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ARG002
        return grpc.unary_unary_rpc_method_handler(self.handle)

    def handle(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.requests.append(request)
        self.may_answer.wait(60)
        self.metadata = list(context.invocation_metadata())
        self.time_remaining = context.time_remaining() or 0.0
        answer = self.first.pop(0) if self.first else self.answer
        if isinstance(answer, Refusal):
            context.set_trailing_metadata(answer.trailing_metadata)
            context.abort(answer.code, answer.details)
        context.set_trailing_metadata((("x-call-id", "call_1"),))
        return answer.SerializeToString()

    def authorizations(self) -> list[str | bytes]:
        return [value for key, value in self.metadata if key == "authorization"]


@contextmanager
def running() -> Iterator[ScriptedServer]:
    handler = ScriptedServer()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    handler.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield handler
    server.stop(None).wait()


def refusal(*details: Message) -> Refusal:
    """Refuse as the service does, with these error details."""
    code, message = grpc.StatusCode.NOT_FOUND, "There is no such secret."
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    binary = ("grpc-status-details-bin", status.SerializeToString())
    return Refusal(code, message, (("x-call-id", "call_1"), binary))


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with running() as server:
        yield server


@pytest.fixture
def channel(scripted: ScriptedServer) -> Iterator[grpc.Channel]:
    """A channel of the client's to it."""
    with open_channel(scripted.target) as opened:
        yield opened
