"""Connections, which several clients may stand on, and what calls methods over them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final

import grpc
import grpc.aio

from finlink_client.messages import Method
from finlink_client.transport import Transport

CLOSED: Final = "This client is closed: make another."
_FORKED: Final = (
    "This client was made before the process forked, which gRPC does not survive:"
    " make a client in each process."
)
_OTHER_LOOP: Final = (
    "This client belongs to another event loop: make a client in the loop that uses it, such as"
    " within the coroutine that asyncio.run is given."
)


class _Use:
    """What can be called while a connection is open, in the process that opened it."""

    def __init__(self) -> None:
        self._callables: dict[str, Any] = {}
        self._is_closed = False
        self._process = os.getpid()

    def check(self) -> None:
        """Raise RuntimeError where nothing can be called any more."""
        if self._is_closed:
            raise RuntimeError(CLOSED)
        if self._process != os.getpid():
            raise RuntimeError(_FORKED)

    def _callable(self, method: Method[Any], make: Callable[..., Any]) -> Any:  # noqa: ANN401 - grpc types neither
        """Give what calls a method, made once."""
        found = self._callables.get(method.path)
        if found is None:
            found = self._callables[method.path] = make(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.answer.FromString,
            )
        return found


class Connection(_Use):
    """For threads. Nothing is sent before the first call."""

    def __init__(self, transport: Transport) -> None:
        """Open a channel."""
        super().__init__()
        self._channel: grpc.Channel = transport.open()

    def unary(self, method: Method[Any]) -> Any:  # noqa: ANN401 - not typed by grpc
        """Give what calls a method with one answer."""
        self.check()
        return self._callable(method, self._channel.unary_unary)

    def stream(self, method: Method[Any]) -> Any:  # noqa: ANN401 - not typed by grpc
        """Give what calls a method that streams."""
        self.check()
        return self._callable(method, self._channel.unary_stream)

    def close(self) -> None:
        """End every call."""
        self._is_closed = True
        self._channel.close()


class AsyncConnection(_Use):
    """For the tasks of one event loop: that of the first call."""

    def __init__(self, transport: Transport) -> None:
        """Open no channel yet: there may be no event loop."""
        super().__init__()
        self._transport = transport
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def unary(self, method: Method[Any]) -> Any:  # noqa: ANN401 - not typed by grpc
        """Give what calls a method with one answer."""
        return self._callable(method, self._here().unary_unary)

    def stream(self, method: Method[Any]) -> Any:  # noqa: ANN401 - not typed by grpc
        """Give what calls a method that streams."""
        return self._callable(method, self._here().unary_stream)

    async def close(self) -> None:
        """End every call."""
        self._is_closed = True
        if self._channel is not None:
            await self._channel.close()

    def _here(self) -> grpc.aio.Channel:
        self.check()
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._channel, self._loop = self._transport.open_async(), loop
        if self._loop is not loop:
            raise RuntimeError(_OTHER_LOOP)
        return self._channel
