"""Sends traces to an OpenTelemetry collector. Needs the extra `[otel]`.

Names are those of OpenTelemetry's semantic conventions (RPC, HTTP). Spans wait in a queue
that is bounded, and a thread of the library's sends them: a collector that is away costs
spans, and no call anything.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_EVERY: Final = 5.0  # seconds; how long a span waits for others
_MOST_WAITING: Final = 2048
_COMPLAIN_EVERY: Final = 60.0  # seconds
# Codes that are a fault of the server: "Semantic conventions for gRPC", span status.
_FAULTS: Final = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"}
_CONTEXT: Final = {"traceparent", "tracestate"}  # W3C; gRPC lets each come once
_ROOT: Final = Context()
_propagator: Final = TraceContextTextMapPropagator()
_log = structlog.get_logger("traces")


class Spans:
    """Makes spans and sends them."""

    def __init__(self, endpoint: str, ratio: float) -> None:
        """Trace what the caller traces, and of all else this share of the calls."""
        _Complaints.take_over()
        self._exporter = OTLPSpanExporter(endpoint)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create(
                {
                    "service.name": "finlink-config",
                    "service.version": version("finlink-config"),
                    "service.instance.id": secrets.token_hex(8),
                }
            ),
            shutdown_on_exit=False,  # `end` does, in its time
        )
        processor = BatchSpanProcessor(
            self._exporter, max_queue_size=_MOST_WAITING, schedule_delay_millis=_EVERY * 1000
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("finlink_server", version("finlink-config"))

    def call(self, method: str, metadata: Any) -> CallSpan:  # noqa: ANN401 - grpc's sequence of pairs
        """Begin the span of a call; what names no trace is ignored."""
        sent = {key: value for key, value in metadata if key in _CONTEXT}
        context = _propagator.extract(sent, _ROOT)
        name = method.removeprefix("/")
        return CallSpan(
            self._tracer,
            self._tracer.start_span(
                name, context, SpanKind.SERVER, {"rpc.system.name": "grpc", "rpc.method": name}
            ),
            is_wanted=context is not _ROOT,
        )

    def attempt(self, traceparent: str, uri: str, number: int) -> AttemptSpan:
        """Begin the span of an attempt. The path of the URI is the customer's own business."""
        parts = urlsplit(uri)
        facts: dict[str, str | int] = {
            "http.request.method": "POST",
            "url.scheme": parts.scheme,
            "server.address": parts.hostname or "",
            "server.port": parts.port or {"http": 80}.get(parts.scheme, 443),
        }
        if number > 1:
            facts["http.request.resend_count"] = number - 1
        context = _propagator.extract({"traceparent": traceparent}, _ROOT)
        return AttemptSpan(
            self._tracer, self._tracer.start_span("POST", context, SpanKind.CLIENT, facts)
        )

    def end(self, seconds: float) -> None:
        """Send what is left, within so many seconds."""
        # The library waits half a minute for a collector that is away.
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive():
            self._exporter.shutdown()


class PartSpan:
    """A part of a call, and what all spans have in common."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span, *, is_wanted: bool = False) -> None:
        """Take over a span; `is_wanted` by the caller, even if nobody collects it here."""
        self._tracer = tracer
        self._span = span
        context = span.get_span_context()
        is_collected = context.trace_flags.sampled
        self.trace_id = format(context.trace_id, "032x") if is_collected or is_wanted else ""
        self.span_id = format(context.span_id, "016x") if is_collected else ""
        self.traceparent = f"00-{self.trace_id}-{self.span_id}-01" if is_collected else ""

    def part(self, name: str) -> PartSpan:
        """Begin what is a part of it."""
        within = trace.set_span_in_context(self._span, _ROOT)
        made = PartSpan(self._tracer, self._tracer.start_span(name, within))
        made.traceparent = self.traceparent  # what comes of the call comes of the whole
        return made

    def note(self, **facts: str | int) -> None:
        """Add facts of this service; empty ones say nothing."""
        for name, value in facts.items():
            if value != "":
                self._span.set_attribute(f"finlink.{name}", value)

    def end(self, code: str = "", *, failed: bool = False) -> None:
        """End it, with a status."""
        if failed:
            self._span.set_attribute("error.type", code)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class CallSpan(PartSpan):
    """A call."""

    def end(self, code: str = "", *, failed: bool = False) -> None:
        """End it with its code."""
        self._span.set_attribute("rpc.response.status_code", code)
        super().end(code, failed=failed or code in _FAULTS)


class AttemptSpan(PartSpan):
    """An attempt at an endpoint."""

    def end(self, code: str = "", *, failed: bool = False) -> None:
        """End it with the receiver's status, if it gave one."""
        if code.isdecimal():
            self._span.set_attribute("http.response.status_code", int(code))
        super().end(code, failed=failed)


class _Complaints(logging.Handler):
    """Says once a minute what keeps the library from sending; it would say so each time."""

    _said = float("-inf")

    @classmethod
    def take_over(cls) -> None:
        """Let nothing of what the library says go past us."""
        library = logging.getLogger("opentelemetry")
        library.handlers, library.propagate = [cls()], False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or none."""
        now = time.monotonic()
        if now - self._said >= _COMPLAIN_EVERY and record.levelno >= logging.WARNING:
            self._said = now
            _log.warning("traces", problem=record.getMessage())
