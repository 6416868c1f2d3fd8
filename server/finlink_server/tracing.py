"""Traces: where a call spends its time, for whoever collects; nothing while nobody does.

Whoever does something worth a span says so here, wherever it is, at the cost of a look at
one variable. What spans are called outside, and how they travel, stands in `otlp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class TracesError(Exception):
    """Traces cannot be sent; the text says why and what to do."""


class Span(Protocol):
    """Something that takes time: a call, a part of one, an attempt at an endpoint."""

    trace_id: str  # empty: of no interest to anybody
    span_id: str
    traceparent: str  # for whoever goes on (W3C Trace Context); empty: nobody collects it

    def part(self, name: str) -> Span:
        """Begin what is a part of it."""

    def note(self, **facts: str | int) -> None:
        """Add facts, never a secret nor an e-mail: they leave this machine."""

    def end(self, code: str = "", *, failed: bool = False) -> None:
        """End it, with a status; `failed` by a fault of who did it."""


class Tracer(Protocol):
    """Makes spans, and sends those that have ended."""

    def call(self, method: str, metadata: Any) -> Span:  # noqa: ANN401 - grpc's pairs
        """Begin the span of a call, within the trace that its metadata names."""

    def attempt(self, traceparent: str, uri: str, number: int) -> Span:
        """Begin the span of an attempt to deliver what a call of that trace published."""

    def end(self, seconds: float) -> None:
        """Send what is left, within so many seconds."""


_tracer: Tracer | None = None
# What is under way in this thread.
_current: ContextVar[Span | None] = ContextVar("span", default=None)


def begin(tracer: Tracer) -> None:
    """Make spans from now on."""
    global _tracer  # noqa: PLW0603 - a process has one tracer
    _tracer = tracer


def end(seconds: float) -> None:
    """Make no more, and send what is left within so many seconds."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.end(seconds)


def is_on() -> bool:
    """Whether anybody collects."""
    return _tracer is not None


def call(method: str, metadata: Any) -> Span | None:  # noqa: ANN401 - grpc's sequence of pairs
    """Begin a call in this thread."""
    if _tracer is None:
        return None
    span = _tracer.call(method, metadata)
    _current.set(span)
    return span


@contextmanager
def part(name: str) -> Iterator[None]:
    """Note how long a part of the call at hand takes, however it ends."""
    whole = _current.get() if _tracer is not None else None
    if whole is None:
        yield
        return
    span = whole.part(name)
    token = _current.set(span)
    try:
        yield
    finally:
        _current.reset(token)
        span.end()


def carried(work: Callable[[], _T]) -> Callable[[], _T]:
    """Let what another thread does be a part of the call at hand."""
    if _tracer is None:
        return work
    context = copy_context()
    return lambda: context.run(work)


def traceparent() -> str:
    """Name the trace of the call at hand, for what becomes of it later; empty if there is none."""
    span = _current.get() if _tracer is not None else None
    return span.traceparent if span else ""


def attempt(traceparent: str, uri: str, number: int, facts: Mapping[str, str]) -> Span | None:
    """Begin an attempt to tell of what was done in a trace; None if nobody collects that."""
    if _tracer is None or not traceparent:
        return None
    span = _tracer.attempt(traceparent, uri, number)
    span.note(**facts)
    return span
