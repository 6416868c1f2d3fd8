"""gRPC server reflection (v1alpha, which every client speaks), for grpcurl and its like."""

from __future__ import annotations  # grpc's classes take no parameters at run time

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from finlink_server.errors import Refusal
from finlink_server.pools import Pool
from finlink_server.streams import Send, Streams
from finlink_server.watchdog import Watchdog

NAME: Final = reflection.SERVICE_NAME
_THREADS: Final = 32
_LONGEST_STREAM: Final = 60.0  # seconds


class _Servicer(reflection.ReflectionServicer):
    """The library's servicer, which also finds a method by its full name."""

    def _file_containing_symbol(self, request: Any, fully_qualified_name: str) -> Any:  # noqa: ANN401
        answer = super()._file_containing_symbol(request, fully_qualified_name)
        if answer.HasField("error_response"):
            service = fully_qualified_name.rpartition(".")[0]
            return super()._file_containing_symbol(request, service)
        return answer


class Reflection:
    """Describes the services to whoever asks.

    A stream holds a thread while it is open, so it has threads of its own and a
    longest life, which is short while others wait for a thread: somebody who opens
    streams and says nothing keeps nobody else waiting.
    """

    def __init__(
        self, services: Iterable[str], streams: Streams, new_call_id: Callable[[], str]
    ) -> None:
        """Describe these services and itself."""
        self._servicer = _Servicer([*services, NAME])
        self._new_call_id = new_call_id
        self._streams = streams
        self._pool = Pool(_THREADS, "reflection")
        self._watchdog = Watchdog(_LONGEST_STREAM)

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """The handlers by method name."""

        def info(raw: Iterator[bytes], context: grpc.ServicerContext, send: Send) -> None:
            self._info(raw, context, send)

        info.experimental_non_blocking = True  # type: ignore[attr-defined] # grpc looks for both
        info.experimental_thread_pool = self._pool  # type: ignore[attr-defined]
        return {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(info)}

    def drain(self, refusal: Refusal) -> None:
        """End every stream with a reason."""
        self._streams.end_all(refusal)

    def close(self) -> None:
        """Stop the threads."""
        self._watchdog.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _info(self, raw: Iterator[bytes], context: grpc.ServicerContext, send: Send) -> None:
        stream = self._streams.open(context, send, self._new_call_id())
        with self._watchdog.guard(context.cancel), contextlib.suppress(grpc.RpcError):
            for answer in self._servicer.ServerReflectionInfo(_requests(raw), context):
                stream.send(answer.SerializeToString())
            stream.finish()  # else the caller went away


def _requests(raw: Iterator[bytes]) -> Iterator[reflection_pb2.ServerReflectionRequest]:
    for message in raw:
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(message)
        except DecodeError:
            # An empty request is answered with an error of the protocol's own.
            yield reflection_pb2.ServerReflectionRequest()
