"""Streams that go on from their cursor when they are cut off.

A stream is opened anew each minute, so that a connection which fell silent is noticed. What
it meets before its first message is raised: a wrong target should not look like silence.
"""

from __future__ import annotations

import asyncio
import random
import threading
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self

import grpc
import grpc.aio
from google.protobuf.message import Message

from finlink_client.errors import FinlinkError
from finlink_client.logins import Token
from finlink_client.messages import Answer, Method
from finlink_client.outgoing import Entries

_STREAM_SECONDS: Final = 60.0
_BACK_OFF: Final = (0.1, 5.0)  # seconds, the first and the longest
# After these a stream is opened again, if the service does not give a reason against it.
_PASSING: Final = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_BROKEN: Final = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
_ENDED: Final = "The stream has ended."


class _Progress:
    """How far a stream has come, and how long to wait before it is opened again."""

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - one with a cursor
        self.request = request
        self._has_begun = False
        self._back_off = _BACK_OFF[0]
        self._may_replace = True

    def heard(self, message: Any) -> None:  # noqa: ANN401 - one with a cursor
        self.request.cursor = message.cursor or self.request.cursor
        self._has_begun, self._may_replace, self._back_off = True, True, _BACK_OFF[0]

    def may_replace(self, failure: FinlinkError) -> bool:
        """Tell whether another token may be tried: once until something is heard."""
        if failure.code is not grpc.StatusCode.UNAUTHENTICATED:
            return False
        may, self._may_replace = self._may_replace, False
        return may

    def wait_after(self, failure: FinlinkError) -> float:
        """Give the seconds to wait after a failure, or raise it."""
        is_passing = (
            failure.code in _PASSING
            or (failure.code in _BROKEN and not failure.reason)
            or failure.retry_delay is not None
        )
        if not (self._has_begun and is_passing):
            raise failure
        if failure.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return 0.0
        seconds = self._back_off * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._back_off = min(2 * self._back_off, _BACK_OFF[1])
        told = failure.retry_delay.total_seconds() if failure.retry_delay else 0.0
        return max(seconds, told)


def _end() -> FinlinkError:
    return FinlinkError(grpc.StatusCode.UNAVAILABLE, _ENDED)


class _Calls(Protocol):
    def open_stream(
        self, method: Method[Any], request: Message, entries: Entries, seconds: float
    ) -> tuple[Any, Token | None]: ...

    def replace(self, used: Token, failure: FinlinkError) -> bool: ...


class Watch(Generic[Answer]):
    """The messages of a stream, for one thread; any may close it, which ends the iteration."""

    def __init__(
        self, calls: _Calls, method: Method[Answer], request: Message, entries: Entries
    ) -> None:
        self._calls = calls
        self._method = method
        self._entries = entries
        self._progress = _Progress(request)
        self._stream: Any = None
        self._token: Token | None = None
        self._lock = threading.Lock()  # over the stream, and whether there may be another
        self._closed = threading.Event()

    def __iter__(self) -> Self:
        """Give itself."""
        return self

    def __next__(self) -> Answer:
        """Wait for the next message. Raises FinlinkError."""
        while not self._closed.is_set():
            try:
                if self._stream is None:
                    self._open()
                message: Answer | None = next(self._stream, None)
                if message is None:
                    raise _end()
            except grpc.RpcError as error:
                failure = FinlinkError.of(error)
            except FinlinkError as error:
                failure = error
            else:
                self._progress.heard(message)
                return message
            self._stream = None
            if not self._closed.is_set():
                self._recover(failure)
        raise StopIteration

    def close(self) -> None:
        """End the stream."""
        with self._lock:
            self._closed.set()
            if self._stream is not None:
                self._stream.cancel()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _open(self) -> None:
        stream, token = self._calls.open_stream(
            self._method, self._progress.request, self._entries, _STREAM_SECONDS
        )
        with self._lock:
            self._stream, self._token = stream, token
            if self._closed.is_set():
                stream.cancel()

    def _recover(self, failure: FinlinkError) -> None:
        if self._token is not None and self._progress.may_replace(failure):
            used, self._token = self._token, None
            if self._calls.replace(used, failure):
                return
        self._closed.wait(self._progress.wait_after(failure))


class _AsyncCalls(Protocol):
    async def open_stream(
        self, method: Method[Any], request: Message, entries: Entries, seconds: float
    ) -> tuple[Any, Token | None]: ...

    async def replace(self, used: Token, failure: FinlinkError) -> bool: ...

    def check_cancelled(self) -> None: ...


class AsyncWatch(Generic[Answer]):
    """The messages of a stream, for one task; any may close it, which ends the iteration."""

    def __init__(
        self, calls: _AsyncCalls, method: Method[Answer], request: Message, entries: Entries
    ) -> None:
        self._calls = calls
        self._method = method
        self._entries = entries
        self._progress = _Progress(request)
        self._stream: Any = None
        self._token: Token | None = None
        self._closed = asyncio.Event()

    def __aiter__(self) -> Self:
        """Give itself."""
        return self

    async def __anext__(self) -> Answer:
        """Wait for the next message. Raises FinlinkError."""
        while not self._closed.is_set():
            try:
                if self._stream is None:
                    await self._open()
                message: Any = await self._stream.read()
                if message is grpc.aio.EOF:
                    raise _end()
            except asyncio.CancelledError:
                # Either somebody closed this, or whoever waits was cancelled: the next one
                # goes on from the cursor.
                self._stream = None
                if not self._closed.is_set():
                    self._calls.check_cancelled()
                    raise
                break
            except grpc.RpcError as error:
                failure = FinlinkError.of(error)
            except FinlinkError as error:
                failure = error
            else:
                self._progress.heard(message)
                answer: Answer = message
                return answer
            self._stream = None
            if not self._closed.is_set():
                await self._recover(failure)
        raise StopAsyncIteration

    async def close(self) -> None:
        """End the stream."""
        self._closed.set()
        if self._stream is not None:
            self._stream.cancel()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def _open(self) -> None:
        self._stream, self._token = await self._calls.open_stream(
            self._method, self._progress.request, self._entries, _STREAM_SECONDS
        )
        if self._closed.is_set():
            self._stream.cancel()

    async def _recover(self, failure: FinlinkError) -> None:
        if self._token is not None and self._progress.may_replace(failure):
            used, self._token = self._token, None
            if await self._calls.replace(used, failure):
                return
        seconds = self._progress.wait_after(failure)
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return
