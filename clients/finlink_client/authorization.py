"""The client's token on calls to other services of the platform, the newest on each.

A renewal ends the token before it, and so refuses a call that is on its way with that one:
such a call is sent once more.
"""

from __future__ import annotations  # grpc's classes take no parameters at run time

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio

from finlink_client.async_calls import AsyncCalls
from finlink_client.calls import Calls
from finlink_client.channel import CallDetails, has_credential
from finlink_client.deadlines import Deadline
from finlink_client.errors import FinlinkError
from finlink_client.logins import Token

Request = TypeVar("Request")
Requests = TypeVar("Requests")
# What grpc calls _CallFuture and _CallIterator, which cannot be imported.
Call = TypeVar("Call")


def view(channel: grpc.Channel, calls: Calls) -> grpc.Channel:
    """Give a view of a channel whose calls carry the token."""
    return grpc.intercept_channel(channel, _Authorizing(calls))


def interceptors(calls: AsyncCalls) -> Sequence[grpc.aio.ClientInterceptor]:
    """Give one for each kind of call: grpc.aio takes no interceptor for several."""
    return [_UnaryUnary(calls), _UnaryStream(calls), _StreamUnary(calls), _StreamStream(calls)]


class _Authorizing(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        deadline = self._calls.deadline(client_call_details.timeout)
        details, token = self._authorized(client_call_details, deadline)
        call = continuation(details, request)
        if token is not None and self._is_overtaken(token, call, deadline):
            details, _ = self._authorized(client_call_details, deadline)
            call = continuation(details, request)
        return call

    def intercept_unary_stream(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        return self._send(continuation, client_call_details, request)

    def intercept_stream_unary(
        self,
        continuation: Callable[[Any, Requests], Call],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Requests,
    ) -> Call:
        return self._send(continuation, client_call_details, request_iterator)

    def intercept_stream_stream(
        self,
        continuation: Callable[[Any, Requests], Call],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Requests,
    ) -> Call:
        return self._send(continuation, client_call_details, request_iterator)

    def _send(
        self,
        continuation: Callable[[Any, Request], Call],
        given: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        details, _ = self._authorized(given, self._calls.deadline(given.timeout))
        return continuation(details, request)

    def _authorized(
        self, given: grpc.ClientCallDetails, deadline: Deadline
    ) -> tuple[CallDetails, Token | None]:
        """Add the token, and give it; None: the call brings its own, or there is none."""
        details = CallDetails.of(given)
        token = None
        if not has_credential(details.metadata):
            token = self._calls.token_for_others(deadline)
        if token is not None:
            details = details._replace(metadata=(*(details.metadata or ()), token.entry))
        if details.timeout is not None:
            details = details._replace(timeout=deadline.left())
        return details, token

    def _is_overtaken(self, used: Token, call: object, deadline: Deadline) -> bool:
        if not isinstance(call, grpc.RpcError):
            return False
        ended: Any = call  # a Call and a Future too, which no type says
        # To ask a future how it ended would be to wait for it: those are given as they are.
        return (
            ended.done()
            and ended.code() is grpc.StatusCode.UNAUTHENTICATED
            and self._calls.is_overtaken(used, FinlinkError.of(call), deadline)
        )


class _AsyncAuthorizing:
    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def _send(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Request], Awaitable[Call]],
        given: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> Call:
        details, _ = await self._authorized(given, self._calls.deadline(given.timeout))
        return await continuation(details, request)

    async def _authorized(
        self, given: grpc.aio.ClientCallDetails, deadline: Deadline
    ) -> tuple[grpc.aio.ClientCallDetails, Token | None]:
        """Add the token, and give it; None: the call brings its own, or there is none."""
        token = None
        if not has_credential(given.metadata):
            token = await self._calls.token_for_others(deadline)
        metadata = given.metadata
        if token is not None:
            metadata = grpc.aio.Metadata(*(metadata or ()), token.entry)
        seconds = None if given.timeout is None else deadline.left()
        named: Any = given  # a named tuple, which no type says
        return named._replace(metadata=metadata, timeout=seconds), token


class _UnaryUnary(_AsyncAuthorizing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Request], Awaitable[Call]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> Call:
        deadline = self._calls.deadline(client_call_details.timeout)
        details, token = await self._authorized(client_call_details, deadline)
        call = await continuation(details, request)
        if token is not None and await self._is_overtaken(token, call, deadline):
            details, _ = await self._authorized(client_call_details, deadline)
            call = await continuation(details, request)
        return call

    async def _is_overtaken(self, used: Token, call: Any, deadline: Deadline) -> bool:  # noqa: ANN401 - not typed by grpc
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return (
                error.code() is grpc.StatusCode.UNAUTHENTICATED
                and await self._calls.is_overtaken(used, FinlinkError.of(error), deadline)
            )
        return False


class _UnaryStream(_AsyncAuthorizing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Request], Awaitable[Call]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> Call:
        return await self._send(continuation, client_call_details, request)


class _StreamUnary(_AsyncAuthorizing, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Requests], Awaitable[Call]],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Requests,
    ) -> Call:
        return await self._send(continuation, client_call_details, request_iterator)


class _StreamStream(_AsyncAuthorizing, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Requests], Awaitable[Call]],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Requests,
    ) -> Call:
        return await self._send(continuation, client_call_details, request_iterator)
