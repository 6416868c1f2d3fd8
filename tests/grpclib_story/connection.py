"""The API in Python without grpcio: what protoc and grpclib's plugin make of the protos."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from grpclib import GRPCError, Status
from grpclib.client import Channel
from grpclib.encoding.proto import ProtoStatusDetailsCodec
from grpclib.events import RecvTrailingMetadata, listen
from grpclib.metadata import Deadline

PATIENCE = 30  # seconds; an answer takes milliseconds, unless the machine is busy
NOUNS = ("account", "admin", "link", "secret", "session", "settings", "webhook")
MESSAGES = {noun: import_module(f"finlink.config.v1.{noun}_service_pb2") for noun in NOUNS}
CALLS = {noun: import_module(f"finlink.config.v1.{noun}_service_grpc") for noun in NOUNS}
REASONS = import_module("finlink.config.v1.error_reason_pb2").ErrorReason


def done(title: str) -> None:
    """Say what went as told: the test reads these lines."""
    print(title, flush=True)  # noqa: T201 - that is how


class Connection:
    """A channel, and the call id of its last answer."""

    def __init__(self) -> None:
        host, _, port = os.environ["TARGET"].rpartition(":")
        self.channel = Channel(host, int(port), status_details_codec=ProtoStatusDetailsCodec())
        self.call_id = ""
        listen(self.channel, RecvTrailingMetadata, self._remember)

    async def _remember(self, event: RecvTrailingMetadata) -> None:
        self.call_id = str(event.metadata.get("x-call-id", ""))

    def caller(self, credential: str = "") -> Caller:
        return Caller(self, credential)

    @contextmanager
    def refused(self, status: Status, reason: str) -> Iterator[Refusal]:
        """Expect a refusal with this status and reason; gives what it tells."""
        refusal = Refusal()
        try:
            yield refusal
        except GRPCError as error:
            refusal.read(error)
        assert (refusal.status, refusal.reason) == (status, reason)
        assert refusal.call_id == self.call_id != ""


class Refusal:
    """What a refusal tells: its facts, the fields that it names, the seconds to wait."""

    status = Status.OK
    reason = ""

    def read(self, error: GRPCError) -> None:
        details = {type(one): one for one in error.details}
        info = details[ErrorInfo]
        assert info.domain == "config.finlink"
        assert REASONS.Value(f"ERROR_REASON_{info.reason}")
        self.status, self.reason, self.facts = error.status, info.reason, dict(info.metadata)
        self.call_id = details[RequestInfo].request_id
        violations = details.get(BadRequest, BadRequest()).field_violations
        self.fields = [one.field for one in violations]
        self.wait = details.get(RetryInfo, RetryInfo()).retry_delay.ToMilliseconds() / 1000


class Caller:
    """Somebody with a credential, or with none: `await caller.secret.CreateSecret(…)`."""

    def __init__(self, connection: Connection, credential: str) -> None:
        self._channel = connection.channel
        self._metadata = {"authorization": f"Bearer {credential}"} if credential else None

    def __getattr__(self, noun: str) -> Service:
        return Service(noun, self._channel, self._metadata)


class Service:
    """One service, for one caller. Enums may be given by name."""

    def __init__(self, noun: str, channel: Channel, metadata: dict[str, str] | None) -> None:
        stub = getattr(CALLS[noun], f"{noun.capitalize()}ServiceStub")
        self._stub, self._messages, self._metadata = stub(channel), MESSAGES[noun], metadata

    def __getattr__(self, method: str) -> Any:
        call, request = getattr(self._stub, method), getattr(self._messages, f"{method}Request")

        def run(**fields: Any) -> Any:
            return call(request(**fields), timeout=PATIENCE, metadata=self._metadata)

        return run

    @asynccontextmanager
    async def watch(
        self, method: str, told_to_the_server: float = PATIENCE, **fields: Any
    ) -> AsyncIterator[Any]:
        """Open a stream, with a deadline of so many seconds that this end does not look at."""
        call, request = getattr(self._stub, method), getattr(self._messages, f"{method}Request")
        async with call.open(timeout=PATIENCE, metadata=self._metadata) as stream:
            stream._deadline = Deadline.from_timeout(told_to_the_server)
            await stream.send_message(request(**fields), end=True)
            yield stream
