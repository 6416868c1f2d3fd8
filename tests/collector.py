"""A real OpenTelemetry collector, to which servers under test send their traces."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from tests import canaries, people
from tests.gates import until

from finlink_server import otlp, tracing

# A caller's trace, and what it sends to be in it.
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = ("traceparent", f"00-{TRACE}-{CALLER}-01")


@dataclass(frozen=True)
class Span:
    """One span, as it came."""

    name: str
    trace_id: str
    id: str
    parent_id: str  # empty: it begins its trace
    kind: str
    facts: dict[str, Any]
    is_error: bool
    by: dict[str, Any]  # who sent it


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        self.port = 0
        self.raw: list[bytes] = []
        self._spans: list[Span] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def everything(self) -> bytes:
        return b"\n".join(self.raw)

    def Export(self, request: Any, _: grpc.ServicerContext) -> Any:  # noqa: N802
        for group in request.resource_spans:
            by = _facts(group.resource.attributes)
            for scope in group.scope_spans:
                self._spans += [_span(span, by) for span in scope.spans]
        self.raw.append(request.SerializeToString())
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self, **facts: Any) -> list[Span]:
        """Those with these facts of this service, such as a call id."""
        wanted = {f"finlink.{name}": value for name, value in facts.items()}
        return [one for one in list(self._spans) if wanted.items() <= one.facts.items()]

    def wait_for(self, number: int = 1, **facts: Any) -> list[Span]:
        until(lambda: len(self.spans(**facts)) >= number)
        return self.spans(**facts)

    def span(self, **facts: Any) -> Span:
        (found,) = self.wait_for(**facts)
        return found

    def parts(self, of: Span) -> dict[str, Span]:
        """What a span consists of, by name. What ends before it is sent before it."""
        return {one.name: one for one in list(self._spans) if one.parent_id == of.id}

    def in_trace(self, trace_id: str) -> list[Span]:
        return [one for one in list(self._spans) if one.trace_id == trace_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect on a port of loopback."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector
    server.stop(0).wait()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def tracer(server: Any, collector: Collector) -> otlp.Spans:
    """A new one for each server, as each ends its own."""
    return otlp.Spans(collector.endpoint, 1.0)


@pytest.fixture(scope="module")
def traced(server: Any, tracer: otlp.Spans, collector: Collector) -> Iterator[None]:
    tracing.begin(tracer)
    yield
    tracing.end(10)
    found = canaries.find(people.CANARIES, collector.everything)
    assert found == []  # no credential that the tests used
    assert b"@example.com" not in collector.everything


def _span(span: trace_pb2.Span, by: dict[str, Any]) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        facts=_facts(span.attributes),
        is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        by=by,
    )


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one) for one in attributes}


def _value(one: KeyValue) -> Any:
    return getattr(one.value, one.value.WhichOneof("value") or "string_value")
