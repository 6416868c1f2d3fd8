"""Traces: from the caller's span through the call and its parts to the webhook."""

# ruff: noqa: F811 - fixtures arrive by the name under which they are imported
from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from tests.collector import CALLER, SAMPLED, TRACE, Span, collector, traced, tracer  # noqa: F401 - fixtures
from tests.errors import refused
from tests.gates import until

from finlink.config import v1
from finlink_server import otlp, shape_check, tracing

NOT_SAMPLED = ("traceparent", f"00-{TRACE[::-1]}-{CALLER}-00")
pytestmark = pytest.mark.usefixtures("traced")
# Conventional names that this service uses.
KNOWN = {
    value
    for module in (rpc_attributes, http_attributes, server_attributes, error_attributes)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
} | {"url.scheme"}


@pytest.fixture
def span_of(tracer, collector) -> Callable[..., Span]:
    """The span of a call, by its id."""

    def find(call_id: str) -> Span:
        tracer._provider.force_flush()
        found: Span = collector.span(call_id=call_id)
        return found

    return find


@pytest.fixture
def listed(server, operator) -> Callable[..., str]:
    """Make a call with metadata of the test's choice; its id."""

    def run(*metadata: tuple[str, str]) -> str:
        stub = v1.AdminServiceStub(server.channel).ListServiceKeys
        request = v1.ListServiceKeysRequest()
        _, call = stub.with_call(request, metadata=(*operator.metadata, *metadata))
        return str(dict(call.trailing_metadata())["x-call-id"])

    return run


def test_a_call_is_a_span_of_the_callers_trace(span_of, listed):
    span = span_of(listed(SAMPLED))

    assert (span.trace_id, span.parent_id, span.kind) == (TRACE, CALLER, "SERVER")
    assert span.name == "finlink.config.v1.AdminService/ListServiceKeys"
    assert span.by["service.name"] == "finlink-config"
    assert not span.is_error
    assert span.facts | {"finlink.call_id": ""} == {
        "rpc.system.name": "grpc",
        "rpc.method": span.name,
        "rpc.response.status_code": "OK",
        "finlink.call_id": "",
        "finlink.caller": "service_key",
    }


def test_a_refused_call_says_why_and_is_no_error_of_ours(span_of, account, app):
    with refused() as refusal:
        account.secrets.GetSecret(secret_id="sec_00000000000000000000000000")

    span = span_of(refusal.call_id)
    assert span.facts["finlink.reason"] == refusal.reason
    assert span.facts["rpc.response.status_code"] == refusal.code.name
    assert span.facts["finlink.caller"] == "account"
    assert not span.is_error


def test_a_defect_is_an_error_and_tells_nothing_of_it(span_of, account, monkeypatch, collector):
    def fail(_: object) -> None:
        raise ValueError("the-text-of-a-defect")

    monkeypatch.setattr(shape_check, "check", fail)
    with refused(reason="INTERNAL") as refusal:
        account.accounts.GetAccount()

    span = span_of(refusal.call_id)
    assert span.is_error
    assert span.facts["error.type"] == "INTERNAL"
    assert b"the-text-of-a-defect" not in collector.everything


def test_every_name_is_conventional_or_ours(tracer, collector, hook, span_of, listed):
    hook.publish()
    hook.wait_for(1)
    span_of(listed())

    names = {name for span in collector.spans() for name in span.facts}
    assert {name for name in names if not name.startswith("finlink.")} <= KNOWN


def test_an_app_is_named(tracer, collector, session):
    session.settings.GetSettings()

    tracer._provider.force_flush()
    name = "finlink.config.v1.SettingsService/GetSettings"
    mine = collector.spans(app_id=session.answer.session.app_id)
    assert [one.facts["finlink.caller"] for one in mine if one.name == name] == ["session"]


def test_the_log_line_names_the_span(server, span_of, listed):
    call_id = listed(SAMPLED)

    (line,) = server.log_of(call_id)
    span = span_of(call_id)
    assert (line["trace_id"], line["span_id"]) == (span.trace_id, span.id)


@pytest.mark.parametrize(
    "sent",
    [
        f"00-{TRACE}-{CALLER}",
        f"00-{TRACE}-{CALLER}-01-more",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        "none at all",
        "",
        pytest.param("x" * 4000, id="long"),
    ],
)
def test_what_names_no_trace_is_ignored(span_of, listed, sent):
    span = span_of(listed(("traceparent", sent)))

    assert span.trace_id != TRACE
    assert span.parent_id == ""


def test_what_the_caller_does_not_collect_nobody_does(
    server, tracer, collector, span_of, listed, hook, publisher
):
    publisher.webhooks.PublishEvent(
        app_id=hook.app_id,
        event_id="conn-unsampled",
        type="connection.ready",
        payload_json="{}",
        metadata=(NOT_SAMPLED,),
    )
    (request,) = hook.wait_for(1)
    call_id = listed(NOT_SAMPLED)
    span_of(listed(SAMPLED))

    assert collector.in_trace(TRACE[::-1]) == []
    assert "traceparent" not in request.headers
    (line,) = server.log_of(call_id)  # but the caller's log and ours still meet
    assert line["trace_id"] == TRACE[::-1]
    assert "span_id" not in line


def test_of_other_calls_a_share_is_collected(server, collector, listed, tracer):
    none = otlp.Spans(collector.endpoint, 0.0)
    tracing.begin(none)
    try:
        own, called = listed(), listed(SAMPLED)
    finally:
        none._provider.force_flush()
        tracing.begin(tracer)

    assert collector.span(call_id=called).trace_id == TRACE
    assert collector.spans(call_id=own) == []
    assert "trace_id" not in server.log_of(own)[0]


def test_a_span_shows_where_a_password_takes_its_time(tracer, collector, account):
    account.sign_in()

    tracer._provider.force_flush()
    name = "finlink.config.v1.AccountService/SignIn"
    call = [one for one in collector.spans(caller="anonymous") if one.name == name][-1]
    parts = collector.parts(call)
    assert set(parts) == {"password hash", "transaction"}
    assert set(collector.parts(parts["password hash"])) == {"bcrypt"}
    assert set(collector.parts(parts["transaction"])) <= {"commit", "wait for commit"}
    assert collector.parts(parts["transaction"])
    assert {one.kind for one in parts.values()} == {"INTERNAL"}


# -------------------------------------------------------------------------------------- streams


def test_a_stream_is_a_span_until_it_closes(server, tracer, collector, verifier):
    request = v1.WatchRevocationsRequest()
    stub = v1.SessionServiceStub(server.channel).WatchRevocations
    stream = stub(request, metadata=(*verifier.metadata, SAMPLED))
    next(iter(stream))
    name = "finlink.config.v1.SessionService/WatchRevocations"

    def ended() -> list[Span]:
        tracer._provider.force_flush()
        return [one for one in collector.in_trace(TRACE) if one.name == name]

    assert ended() == []
    stream.cancel()

    until(lambda: bool(ended()))
    assert ended()[0].facts["finlink.messages"] >= 1
    assert not ended()[0].is_error
