"""Session tokens for somebody else's gRPC server: who may call which method.

Refusals look like those of Finlink Config: a google.rpc.Status with one ErrorInfo.
"""

from __future__ import annotations  # grpc's classes take no parameters at run time

import contextvars
import functools
import inspect
from collections import namedtuple
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2

from finlink_client.errors import ERROR_DOMAIN
from finlink_client.verifier_errors import (
    ScopeMissingError,
    SessionInactiveError,
    VerifierError,
    VerifierUnavailableError,
)
from finlink_client.verifier_tokens import VerifiedSession

_SCOPES: Final = frozenset({"read", "write", "delete"})
# Reasons of tokens that were never a session's.
_NO_SESSION: Final = {"MALFORMED", "WRONG_TYPE", "SIGNATURE_INVALID"}
# As Finlink Config's own: a new session with the same secret is no way out of these.
_HOW_TO_GO_ON: Final[Mapping[str, str]] = {
    "SUPERSEDED": (
        "A newer one of the same secret took over: use that, or a secret of your own for each"
        " replica."
    ),
    "SECRET_REVOKED": "Its secret was revoked: open a new one with another secret.",
    "SECRET_EXPIRED": "Its secret has expired: open a new one with another secret.",
    "APP_DELETED": "Its app was deleted, so no new one can be opened.",
    "ACCOUNT_SUSPENDED": "Its account is suspended: ask an operator to reinstate it.",
}
_RETRY_SECONDS: Final = 1
_SLASHES: Final = 2
_session: ContextVar[VerifiedSession] = ContextVar("finlink_session")


class _Open(Enum):
    OPEN = "open to everybody"


OPEN: Final = _Open.OPEN
# The scopes that a session needs, or that it needs no session.
Needs = Collection[str] | _Open
Verify = Callable[[str, Collection[str]], VerifiedSession]
VerifyAsync = Callable[[str, Collection[str]], Awaitable[VerifiedSession]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


def current_session() -> VerifiedSession:
    """Give the session of the call that is being handled.

    Raises LookupError where there is none: in an open method, or outside of a call.
    """
    try:
        return _session.get()
    except LookupError:
        raise LookupError("There is no session here: the method is open, or no call.") from None


class Status(
    namedtuple("Status", ("code", "details", "trailing_metadata")),  # noqa: PYI024 - grpc.Status is no NamedTuple
    grpc.Status,
):
    """What `context.abort_with_status` takes."""


class Interceptor(grpc.ServerInterceptor):
    """For `grpc.server(…, interceptors=[…])`."""

    def __init__(self, verify: Verify, methods: Mapping[str, Needs]) -> None:
        """Take the table of methods. Raises ValueError if it cannot be meant."""
        self._verify = verify
        self._methods = _checked(methods)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Give the handler, behind the check.

        Checked is where the handler runs: here is the one thread that takes all calls.
        """
        needs = self._methods.get(handler_call_details.method)
        if needs is None:
            return _refusing(_not_in_table(handler_call_details.method))
        handler = continuation(handler_call_details)
        if handler is None or isinstance(needs, _Open):
            return handler
        return _with_behaviour(handler, functools.partial(_guard, self._verify, needs))


class AioInterceptor(grpc.aio.ServerInterceptor):
    """For `grpc.aio.server(interceptors=[…])`."""

    def __init__(self, verify: VerifyAsync, methods: Mapping[str, Needs]) -> None:
        """Take the table of methods. Raises ValueError if it cannot be meant."""
        self._verify = verify
        self._methods = _checked(methods)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Check, and give the handler."""
        needs = self._methods.get(handler_call_details.method)
        if needs is None:
            return _refusing_async(_not_in_table(handler_call_details.method))
        handler = await continuation(handler_call_details)
        if handler is None or isinstance(needs, _Open):
            return handler
        try:
            token = _bearer(handler_call_details.invocation_metadata or ())
            _session.set(await self._verify(token, needs))
        except (VerifierError, _CredentialError) as error:
            return _refusing_async(_status(error))
        return _with_behaviour(handler, _in_this_context)


class _CredentialError(Exception):
    """The call carries no credential, or not one."""


# By whether requests and responses are streamed: what makes a handler, and which behaviour
# it has.
_KINDS: Final[Mapping[tuple[bool, bool], tuple[Callable[..., Any], str]]] = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}


def _with_behaviour(
    handler: grpc.RpcMethodHandler[Any, Any],
    change: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> grpc.RpcMethodHandler[Any, Any]:
    """Give a handler that differs in its behaviour alone."""
    make, kind = _KINDS[bool(handler.request_streaming), bool(handler.response_streaming)]
    behaviour = change(getattr(handler, kind))
    made: grpc.RpcMethodHandler[Any, Any] = make(
        behaviour, handler.request_deserializer, handler.response_serializer
    )
    return made


def _guard(
    verify: Verify, needs: Collection[str], behaviour: Callable[..., Any]
) -> Callable[..., Any]:
    # Carries over what grpc reads from a behaviour: experimental_non_blocking, with which
    # it is given a third argument, and experimental_thread_pool.
    @functools.wraps(behaviour)
    def guarded(request: Any, context: grpc.ServicerContext, *send: Any) -> Any:  # noqa: ANN401
        try:
            session = verify(_bearer(context.invocation_metadata()), needs)
        except (VerifierError, _CredentialError) as error:
            context.abort_with_status(_status(error))
        # Each call has a context of its own, in which its messages are iterated too.
        _session.set(session)
        return behaviour(request, context, *send)

    return guarded


def _in_this_context(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    """Let a behaviour run where the session is at hand.

    grpc.aio runs coroutines in the context of the call, but plain functions in threads
    without one.
    """
    if inspect.iscoroutinefunction(behaviour) or inspect.isasyncgenfunction(behaviour):
        return behaviour
    context = contextvars.copy_context()

    @functools.wraps(behaviour)
    def run(*arguments: Any) -> Any:  # noqa: ANN401
        answer = context.run(behaviour, *arguments)
        return _iterate(answer, context) if isinstance(answer, Iterator) else answer

    return run


def _iterate(answers: Iterator[Any], context: contextvars.Context) -> Iterator[Any]:
    end = object()
    while (answer := context.run(next, answers, end)) is not end:
        yield answer


def _refusing(status: Status) -> grpc.RpcMethodHandler[Any, Any]:
    def refuse(_: object, context: grpc.ServicerContext) -> NoReturn:
        context.abort_with_status(status)

    return grpc.stream_stream_rpc_method_handler(refuse)


def _refusing_async(status: Status) -> grpc.RpcMethodHandler[Any, Any]:
    async def refuse(_: object, context: grpc.aio.ServicerContext[Any, Any]) -> NoReturn:
        await context.abort(status.code, status.details, status.trailing_metadata)

    handler: Any = grpc.stream_stream_rpc_method_handler  # its types know no coroutines
    return handler(refuse)  # type: ignore[no-any-return]


def _checked(methods: Mapping[str, Needs]) -> dict[str, Needs]:
    """Copy a table of methods, if it says what can be meant."""
    for method, needs in methods.items():
        if not method.startswith("/") or method.count("/") != _SLASHES:
            raise ValueError(f"{method!r} must be a method's full name: /package.Service/Method.")
        if isinstance(needs, _Open):
            continue
        if isinstance(needs, str) or not _SCOPES.issuperset(needs):
            raise ValueError(f"{method} must need a list of {', '.join(sorted(_SCOPES))}, or OPEN.")
    return {
        method: needs if isinstance(needs, _Open) else tuple(needs)
        for method, needs in methods.items()
    }


def _bearer(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Give the one credential of a call (RFC 6750 §2.1)."""
    values = [str(value) for key, value in metadata if key == "authorization"]
    if not values:
        raise _CredentialError("CREDENTIAL_MISSING")
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token:
        raise _CredentialError("CREDENTIAL_INVALID")
    return token


def _not_in_table(method: str) -> Status:
    return _make(
        grpc.StatusCode.PERMISSION_DENIED,
        "CALLER_NOT_ALLOWED",
        "Nobody may call this method. Whoever runs this server has to put it into the table of its"
        " interceptor.",
        method=method[:200],
    )


def _status(error: VerifierError | _CredentialError) -> Status:
    unauthenticated = grpc.StatusCode.UNAUTHENTICATED
    if isinstance(error, ScopeMissingError):
        missing = " ".join(error.missing_scopes)
        text = f"The session lacks the scopes: {missing}. Open one that has them."
        return _make(grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING", text, scope=missing)
    if isinstance(error, SessionInactiveError) and error.reason not in _NO_SESSION:
        how = _HOW_TO_GO_ON.get(error.reason, "Open a new one with StartSession.")
        text = f"The session has ended ({error.reason}). {how}"
        return _make(unauthenticated, "SESSION_INACTIVE", text, inactive_reason=error.reason)
    if isinstance(error, SessionInactiveError):
        text = "The credential is no session token. Send `authorization: Bearer <token>` once."
        return _make(unauthenticated, "CREDENTIAL_INVALID", text, problem=error.reason)
    if isinstance(error, _CredentialError):
        text = "This method needs a session token. Send `authorization: Bearer <token>` once."
        return _make(unauthenticated, str(error), text)
    problem = error.problem if isinstance(error, VerifierUnavailableError) else str(error)
    text = f"{problem} Try again in {_RETRY_SECONDS} s."
    return _make(grpc.StatusCode.UNAVAILABLE, "VERIFIER_UNAVAILABLE", text, retry=True)


def _make(
    code: grpc.StatusCode, reason: str, text: str, *, retry: bool = False, **facts: str
) -> Status:
    status = status_pb2.Status(code=code.value[0], message=text)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=facts)
    status.details.add().Pack(info)
    if retry:
        delay = error_details_pb2.RetryInfo()
        delay.retry_delay.seconds = _RETRY_SECONDS
        status.details.add().Pack(delay)
    return Status(code, text, (("grpc-status-details-bin", status.SerializeToString()),))
