"""Traces go on with webhooks: whoever sends them, and whenever."""

# ruff: noqa: F811 - fixtures arrive by the name under which they are imported
from __future__ import annotations

from typing import Any

import pytest
from tests.collector import (  # noqa: F401 - fixtures
    SAMPLED,
    TRACE,
    Collector,
    Span,
    collector,
    traced,
    tracer,
)
from tests.gates import until
from tests.hooks import Hook
from tests.receiver import answer, in_turn

from finlink_server import otlp

pytestmark = pytest.mark.usefixtures("traced")


def published(hook: Hook, publisher: Any, *metadata: tuple[str, str]) -> str:
    """Publish an event in a trace of the test's."""
    event_id = f"conn-{hook.id}"
    publisher.webhooks.PublishEvent(
        app_id=hook.app_id,
        event_id=event_id,
        type="connection.ready",
        payload_json="{}",
        metadata=metadata,
    )
    return event_id


def attempts(tracer: otlp.Spans, collector: Collector, hook: Hook, number: int) -> list[Span]:
    """The spans of attempts at an endpoint."""

    def have_come() -> bool:
        tracer._provider.force_flush()
        return len(collector.spans(endpoint_id=hook.id)) >= number

    until(have_come)
    return collector.spans(endpoint_id=hook.id)


def test_a_webhook_goes_on_with_the_trace_of_the_call(tracer, collector, hook, publisher):
    published(hook, publisher, SAMPLED)

    (request,) = hook.wait_for(1)
    (span,) = attempts(tracer, collector, hook, 1)
    assert request.headers["traceparent"] == f"00-{TRACE}-{span.id}-01"
    (call,) = [
        one
        for one in collector.in_trace(TRACE)
        if one.id == span.parent_id and one.kind == "SERVER"
    ]
    assert call.name == "finlink.config.v1.WebhookService/PublishEvent"
    assert (span.kind, span.name, span.is_error) == ("CLIENT", "POST", False)
    assert span.facts["server.port"] == hook.receiver.port
    assert span.facts["http.response.status_code"] == 200
    assert "/hook" not in str(span.facts)


def test_an_own_event_goes_on_with_it_too(account, app, hook, tracer, collector):
    account.secrets.CreateSecret(app_id=app.id, display_name="new", metadata=(SAMPLED,))

    (request,) = hook.wait_for(1)
    assert request.headers["traceparent"].split("-")[1] == TRACE


def test_a_later_attempt_is_a_span_of_its_own_in_the_same_trace(
    tracer, collector, hook, publisher, clock
):
    hook.on(in_turn(answer(503), answer(200)))
    event_id = published(hook, publisher, SAMPLED)
    hook.settled(event_id)

    clock.advance(hours=1)

    hook.wait_for(2)
    first, second = attempts(tracer, collector, hook, 2)
    assert (first.is_error, first.facts["error.type"]) == (True, "503")
    assert (second.is_error, second.facts["http.request.resend_count"]) == (False, 1)
    assert first.parent_id == second.parent_id
    assert [one.headers["traceparent"].split("-")[2] for one in hook.requests] == [
        first.id,
        second.id,
    ]


def test_the_trace_of_an_event_is_forgotten_with_it(env, hook, publisher, clock, platform):
    published(hook, publisher, SAMPLED)
    hook.wait_for(1)
    count = "SELECT count(*) FROM event_trace"
    assert env.database.execute(count).fetchone()[0] > 0

    clock.advance(days=31)

    until(lambda: env.database.execute(count).fetchone()[0] == 0)
