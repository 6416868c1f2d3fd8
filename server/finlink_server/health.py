"""The gRPC health service, v1: for the whole server (``) and for each service.

Not the library's own servicer, whose Watch stops the whole server when watchers
come and go: it sends while it holds a lock that grpc's poller thread wants.
"""

from __future__ import annotations  # grpc's classes take no parameters at run time

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from finlink_server import status
from finlink_server.errors import Refusal
from finlink_server.pools import Pool
from finlink_server.streams import Send, Streams
from finlink_server.watchdog import Watchdog

NAME: Final = "grpc.health.v1.Health"
_THREADS: Final = 32
_LONGEST_DRAIN: Final = 1.0  # seconds
_Response = health_pb2.HealthCheckResponse


class Health:
    """Says SERVING until the server drains, but while it lacks what it needs to answer."""

    def __init__(
        self,
        services: Iterable[str],
        streams: Streams,
        watchdog: Watchdog,
        new_call_id: Callable[[], str],
    ) -> None:
        """Serve these service names beside the empty one."""
        self._services = frozenset({"", NAME, *services})
        self._new_call_id = new_call_id
        self._streams = streams
        self._watchdog = watchdog
        self._pool = Pool(_THREADS, "health")
        self.serving = True
        self.able = True  # until a key that it needs is missing

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """The handlers by method name."""

        def check(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            return self._check(self._first(messages, context), context)

        def list_all(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            self._first(messages, context)
            return self._list()

        def watch(messages: Iterator[bytes], context: grpc.ServicerContext, send: Send) -> None:
            self._watch(self._first(messages, context), context, send)

        for handler in (check, list_all, watch):
            handler.experimental_thread_pool = self._pool  # type: ignore[union-attr]
        watch.experimental_non_blocking = True  # type: ignore[attr-defined] # grpc looks for it
        return {
            "Check": grpc.stream_unary_rpc_method_handler(check),
            "List": grpc.stream_unary_rpc_method_handler(list_all),
            "Watch": grpc.stream_stream_rpc_method_handler(watch),
        }

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _first(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return self._watchdog.next(messages, context.cancel) or b""

    def tell(self, *, is_able: bool) -> None:
        """Say whether this server can answer, to watchers too."""
        self.able = is_able
        for stream in self._streams:
            with self._watchdog.guard(stream.context.cancel):  # it may read nothing
                stream.send(self._answer(stream.subject))

    def drain(self, refusal: Refusal) -> None:
        """Say NOT_SERVING, to watchers too, and then end their streams."""
        self.serving = False
        late = threading.Timer(_LONGEST_DRAIN, self._give_up)
        late.start()
        for stream in self._streams:
            stream.send(self._answer(stream.subject))
        late.cancel()
        self._streams.end_all(refusal)

    def _give_up(self) -> None:
        """Cut off whoever is left, for one who reads nothing holds up all after him."""
        for stream in self._streams:
            stream.context.cancel()

    def _check(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        name = _read(raw, context)
        if name not in self._services:
            context.abort(
                grpc.StatusCode.NOT_FOUND, status.printable(f"There is no service `{name[:100]}`.")
            )
        return self._answer(name)

    def _list(self) -> bytes:
        statuses = {name: _Response(status=self._status(name)) for name in self._services}
        return health_pb2.HealthListResponse(statuses=statuses).SerializeToString()

    def _watch(self, raw: bytes, context: grpc.ServicerContext, send: Send) -> None:
        name = _read(raw, context)
        stream = self._streams.open(context, send, self._new_call_id(), name)
        with self._watchdog.guard(context.cancel):  # it may read nothing
            stream.send(self._answer(name))

    def _answer(self, name: str) -> bytes:
        return _Response(status=self._status(name)).SerializeToString()

    def _status(self, name: str) -> _Response.ServingStatus:
        if name not in self._services:
            return _Response.SERVICE_UNKNOWN
        return _Response.SERVING if self.serving and self.able else _Response.NOT_SERVING


def _read(raw: bytes, context: grpc.ServicerContext) -> str:
    try:
        return str(health_pb2.HealthCheckRequest.FromString(raw).service)
    except DecodeError:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "This is no HealthCheckRequest.")
