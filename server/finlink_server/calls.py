"""What surrounds every call: its id, its caller, its shape, its outcome, its log line.

One flat function instead of a chain of interceptors, because each link of a chain
costs a tenth of the throughput. From the outside in: outcome and log line,
caller, message, shape, and then the servicer's method.
"""

from __future__ import annotations  # grpc's classes take no parameters at run time

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from finlink_server import access, deadline, metrics, pools, shape_check, status, tls, tracing
from finlink_server.call_record import Counted, Record, given_up
from finlink_server.client_address import client_address
from finlink_server.config_values import Network, SanRoles
from finlink_server.domain import identity
from finlink_server.domain.caller import Call, Caller
from finlink_server.door import Door
from finlink_server.env import Env, begin_call, has_committed
from finlink_server.errors import (
    CredentialInvalid,
    CredentialMissing,
    DatabaseBusy,
    DatabaseUnavailable,
    Internal,
    OutcomeUnknown,
    Refusal,
    RequestUnreadable,
)
from finlink_server.storage.database import refusal_for
from finlink_server.stream_ends import StreamEnds
from finlink_server.streams import Send
from finlink_server.tally import Tally
from finlink_server.watchdog import Watchdog

# A servicer's method: unpacks the request, calls the domain, packs the answer.
# The answer may come as bytes, where it was encoded before.
Behaviour = Callable[[Any, Caller], Message | bytes]
# A servicer's method that streams: takes over the stream, and returns at once.
StreamBehaviour = Callable[[Any, Caller, "Opening"], None]

_NO_DEADLINE: Final = 1e9  # seconds; grpc says 9.2e18 for a call without a deadline
_A_MOMENT: Final = 0.005  # seconds; a message that comes with its headers needs less
_LONGEST_CREDENTIAL: Final = 8192
_LONGEST_TRACE_ID: Final = 128
# Called for every request of the platform: successes are counted, not logged one by one.
_COUNTED: Final = {
    f"/{access.PACKAGE}.SessionService/ValidateSession",
    f"/{access.PACKAGE}.SessionService/BatchValidateSessions",
}
_log = structlog.get_logger("call")


@dataclass(frozen=True)
class Opening:
    """A stream that is being opened, and a check whether its credential is still good."""

    context: grpc.ServicerContext
    send: Send
    check: Callable[[], Refusal | None]


@dataclass(frozen=True)
class Calls:
    """Wraps servicers' methods into what the server runs."""

    env: Env
    door: Door
    watchdog: Watchdog
    trusted_proxies: tuple[Network, ...] = ()
    san_roles: SanRoles = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    stream_ends: StreamEnds = field(default_factory=StreamEnds)

    def handler(
        self,
        method: str,
        request_type: type[Message],
        behaviour: Behaviour,
        pool: ThreadPoolExecutor | None,
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Make the handler of one unary method, to run in a pool of its own if one is given."""
        who = access.access_to(method)

        def run(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            def work(request: Message, record: Record, caller: Caller) -> bytes:
                made = behaviour(request, caller)
                answer = made if isinstance(made, bytes) else made.SerializeToString()
                if method in _COUNTED:
                    self.tally.add(method)
                    record.counted()
                else:
                    record.end(code="OK" if context.is_active() else given_up(context))
                return answer

            return self._run(method, request_type, who, work, messages, context)

        if pool is not None:
            run.experimental_thread_pool = pool  # type: ignore[attr-defined] # grpc looks for it
        # No deserializer: an unreadable message is then ours to answer. On the wire a
        # unary call, but taken as a stream of one message: so the credential is looked
        # at first, and nobody holds a thread by sending headers and no message.
        return grpc.stream_unary_rpc_method_handler(run)

    def stream_handler(
        self,
        method: str,
        request_type: type[Message],
        behaviour: StreamBehaviour,
        pool: ThreadPoolExecutor,
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Make the handler of one method that streams its answers, and holds no thread."""
        who = access.access_to(method)

        def run(messages: Iterator[bytes], context: grpc.ServicerContext, send: Send) -> None:
            def work(request: Message, record: Record, caller: Caller) -> bytes:
                def check() -> Refusal | None:
                    try:
                        self._caller(caller.call, context.invocation_metadata(), who, context)
                    except Refusal as refusal:
                        return refusal
                    return None

                counted = Counted(send)
                behaviour(request, caller, Opening(context, counted, check))
                record.opened()
                self._see_to_the_end(context, record, counted)
                return b""

            self._run(method, request_type, who, work, messages, context)

        run.experimental_thread_pool = pool  # type: ignore[attr-defined] # grpc looks for it
        run.experimental_non_blocking = True  # type: ignore[attr-defined] # and for this
        return grpc.stream_stream_rpc_method_handler(run)

    def _run(  # the one flat function
        self,
        method: str,
        request_type: type[Message],
        who: access.Access,
        work: Callable[[Any, Record, Caller], bytes],
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> bytes:
        metadata = context.invocation_metadata()
        call = self.begin(method, metadata, context)
        metrics.count("started", method)
        record = Record(call, tracing.call(method, metadata))
        try:
            pools.refuse_too_many()
            record.caller = caller = self._caller(call, metadata, who, context)
            waiting = time.perf_counter()
            raw = self.watchdog.next(messages, context.cancel)
            if time.perf_counter() - waiting > _A_MOMENT:
                # Whoever holds a message back does not outlive the end of the credential.
                record.caller = caller = self._caller(call, metadata, who, context)
            self.door.enter()
            try:
                request = _parse(request_type, raw)
                shape_check.check(request)
                deadline.check()
                answer = work(request, record, caller)
            finally:
                self.door.leave()
        except (grpc.RpcError, deadline.CallerGone):  # or the watchdog ended the call
            record.end(code=given_up(context))
            return b""
        except Exception as error:  # noqa: BLE001 - every outcome is accounted for here
            refusal = self.refusal(error, call)
        else:
            context.set_trailing_metadata((("x-call-id", call.id),))
            return answer
        record.end(refusal)
        context.abort_with_status(status.of(refusal, call.id))
        raise AssertionError("abort_with_status raises")

    def _see_to_the_end(self, context: grpc.ServicerContext, record: Record, sent: Counted) -> None:
        """Tell how a stream ended, when it has."""

        def closed() -> None:
            code = context.code()  # type: ignore[attr-defined] # grpc's own has it
            name = "OK" if sent.is_over else given_up(context)
            if code is not None:
                name = code.name
            reason = status.reason_in(context.trailing_metadata())
            self.stream_ends.put(lambda: record.closed(name, reason, sent.messages))

        if not context.add_callback(closed):
            closed()

    def _caller(
        self,
        call: Call,
        metadata: Any,  # noqa: ANN401 - grpc's sequence of pairs
        who: access.Access,
        context: grpc.ServicerContext,
    ) -> Caller:
        """Give the caller, as of now, if the method is for it."""
        if who.open:
            return identity.anonymous(call)
        caller = self._identify(call, metadata, context)
        access.authorize(caller, who)
        return caller

    def _identify(self, call: Call, metadata: Any, context: grpc.ServicerContext) -> Caller:  # noqa: ANN401
        """By the credential, if there is one: a bad one is refused, never replaced."""
        if self.san_roles and not any(key == "authorization" for key, _ in metadata):
            for name in tls.names_of(context):
                if name in self.san_roles:  # the first decides: rights never add up
                    return identity.by_certificate(call, name, self.san_roles[name])
        return identity.identify(self.env, call, bearer(metadata))

    def begin(self, method: str, metadata: Any, context: grpc.ServicerContext) -> Call:  # noqa: ANN401
        """Note the facts of a call, and its deadline."""
        remaining = context.time_remaining()
        begin_call()
        deadline.begin(remaining if remaining < _NO_DEADLINE else None, context.is_active)
        trace_id, forwarded = "", []
        for key, value in metadata:
            if key == "x-client-trace-id" and isinstance(value, str):
                trace_id = value[:_LONGEST_TRACE_ID]
            elif key == "x-forwarded-for" and isinstance(value, str):
                forwarded.append(value)
        address = client_address(context.peer(), forwarded, self.trusted_proxies)
        return Call(self.env.new_id("call"), method, address, trace_id)

    @staticmethod
    def refusal(error: Exception, call: Call) -> Refusal:
        """Turn whatever was raised into an outcome; details of a defect stay in the log."""
        known = error if isinstance(error, Refusal) else refusal_for(error)
        is_away = isinstance(known, (DatabaseBusy, DatabaseUnavailable))
        if known is not None and (is_away or known is not error):
            metrics.count("database", known.reason)
        if known is not error and known is not None:
            _log.warning("database", call_id=call.id, error=error)
        if is_away and has_committed():
            return OutcomeUnknown()  # the database went away under the answer
        if known is not None:
            return known
        _log.error("defect", call_id=call.id, method=call.method, exc_info=error)
        return Internal()


def bearer(metadata: Any) -> str:  # noqa: ANN401 - grpc's sequence of pairs
    """Give the one credential of a call (RFC 6750 §2.1); nothing is an empty one."""
    values = [value for key, value in metadata if key == "authorization"]
    if not values:
        raise CredentialMissing
    if len(values) > 1:
        raise CredentialInvalid(problem="it was sent more than once")
    scheme, _, credential = values[0].partition(" ")
    if scheme.lower() != "bearer" or not credential or " " in credential:
        raise CredentialInvalid(problem="the metadata must read `authorization: Bearer …`")
    if len(credential) > _LONGEST_CREDENTIAL:
        raise CredentialInvalid(problem="it is too long")
    return str(credential)


def _parse(request_type: type[Message], raw: bytes | None) -> Message:
    try:
        if raw is not None:
            return request_type.FromString(raw)
    except DecodeError as error:
        raise RequestUnreadable(request_type=request_type.DESCRIPTOR.full_name) from error
    raise RequestUnreadable(request_type=request_type.DESCRIPTOR.full_name)
