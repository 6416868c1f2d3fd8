"""What is known of one call, and what is told of it when it ends: log, metrics and trace."""

from __future__ import annotations  # grpc's classes take no parameters at run time

import time
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import structlog

from finlink_server import metrics, tracing
from finlink_server.access import PACKAGE
from finlink_server.domain import identity
from finlink_server.domain.caller import Call, Caller
from finlink_server.errors import Code, Refusal
from finlink_server.streams import Send

# A deadline passes earlier at the caller, who gives up then, than here, where it began later.
_TRANSIT: Final = 0.1  # seconds
_LEVELS: Final = {Code.INTERNAL: "error", Code.UNAVAILABLE: "warning"}
_log = structlog.get_logger("call")


@dataclass(slots=True)
class Record:
    """One call."""

    call: Call
    span: tracing.Span | None
    caller: Caller | None = None
    started: float = field(default_factory=time.perf_counter)

    def counted(self) -> None:
        """Tell of one of the many that went well, without a line."""
        metrics.note("duration", time.perf_counter() - self.started, self.call.method, "OK")
        self._end_span("OK", "")

    def end(self, refusal: Refusal | None = None, code: str = "OK") -> None:
        """Tell how it ended."""
        code, reason = (refusal.code.name, refusal.reason) if refusal else (code, "")
        self._measure(code, reason)
        level = _LEVELS.get(refusal.code, "info") if refusal else "info"
        self._write("call", level, code, reason)
        self._end_span(code, reason)

    def opened(self) -> None:
        """Tell that a stream was opened: it has not ended."""
        self._measure("OK", "")
        self._write("call", "info", "OK", "")

    def closed(self, code: str, reason: str, messages: int) -> None:
        """Tell how a stream ended, after so many messages."""
        self._write("stream", "info", code, reason, messages=messages)
        if self.span:
            self.span.note(messages=messages)
        # That it ends at a stop, or for a slow reader, is no fault of anybody's.
        self._end_span("OK" if code == "CANCELLED" else code, reason)

    def _measure(self, code: str, reason: str) -> None:
        metrics.note("duration", time.perf_counter() - self.started, self.call.method, code)
        if reason:
            metrics.count("refusals", reason)

    def _write(self, event: str, level: str, code: str, reason: str, **more: int) -> None:
        call, caller = self.call, self.caller or identity.anonymous(self.call)
        facts: dict[str, Any] = {
            "method": call.method.removeprefix(f"/{PACKAGE}."),
            "code": code,
            "reason": reason,
            "ms": round((time.perf_counter() - self.started) * 1000, 3),
            "caller": caller.kind.name.lower(),
            "caller_id": caller.id,
            "app_id": caller.app_id,
            "call_id": call.id,
            "client_trace_id": call.client_trace_id,
            "client_address": call.client_address,
            **more,
        }
        if self.span and self.span.trace_id:
            facts["trace_id"] = self.span.trace_id
            if self.span.span_id:
                facts["span_id"] = self.span.span_id
        getattr(_log, level)(event, **facts)

    def _end_span(self, code: str, reason: str) -> None:
        if self.span is None:
            return
        caller = self.caller or identity.anonymous(self.call)
        self.span.note(
            call_id=self.call.id,
            reason=reason,
            caller=caller.kind.name.lower(),
            app_id=caller.app_id,
        )
        self.span.end(code)


class Counted:
    """What a stream sends with; knows how often, and whether the server ended it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.messages = 0
        self.is_over = False

    def __call__(self, message: bytes | None) -> None:
        """Send a message, or the end."""
        if message is None:
            self.is_over = True
        self._send(message)
        if message is not None:
            self.messages += 1


def given_up(context: grpc.ServicerContext) -> str:
    """The code with which a call ended that its caller did not wait for."""
    return "CANCELLED" if context.time_remaining() > _TRANSIT else "DEADLINE_EXCEEDED"
