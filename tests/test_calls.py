"""What surrounds every call: its id, the caller's own trace id, where it came from."""

import re
import threading

import grpc
import pytest
from tests.errors import refused
from tests.gates import until
from tests.methods import METHODS, find

from finlink.config import v1
from finlink_server import deadline, shape_check

pytestmark = pytest.mark.either("what surrounds a call asks no database")

CALL_ID = re.compile(r"call_[0-7][0-9a-hjkmnp-tv-z]{25}")


@pytest.fixture
def create_app(server, account):
    """Make an app with metadata of the test's choice: the row that the journal has of it."""

    def run(*metadata):
        app = account.accounts.CreateApp(
            display_name="Shop",
            public_name="Shop",
            environment=v1.ENVIRONMENT_SANDBOX,
            metadata=metadata,
        ).app
        return account.accounts.ListAuditEvents(app_id=app.id, types=["app.created"]).events[0]

    return run


def call_with_id(server, method, metadata):
    send = server.channel.unary_unary(method.path)
    _, call = send.with_call(b"", metadata=metadata)
    return dict(call.trailing_metadata())["x-call-id"]


def test_a_call_that_succeeds_gives_its_id(server, account):
    first, second = (call_with_id(server, find("GetAccount"), account.metadata) for _ in range(2))

    assert CALL_ID.fullmatch(first)
    assert CALL_ID.fullmatch(second)
    assert first != second
    (line,) = server.log_of(first)
    assert (line["method"], line["code"]) == ("AccountService/GetAccount", "OK")
    assert (line["caller"], line["caller_id"]) == ("account", account.id)


def test_a_call_that_is_refused_gives_its_id(server, account):
    with refused() as refusal:
        account.accounts.GetApp(app_id="app")

    assert CALL_ID.fullmatch(refusal.call_id)
    (line,) = server.log_of(refusal.call_id)
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "FIELD_INVALID")


def test_the_journal_names_the_call(server, create_app):
    event = create_app()

    (line,) = server.log_of(event.call_id)
    assert line["method"] == "AccountService/CreateApp"


def test_the_callers_trace_id_is_kept_beside_the_call_id(server, create_app):
    event = create_app(("x-client-trace-id", "trace-4711"))

    assert event.client_trace_id == "trace-4711"
    (line,) = server.log_of(event.call_id)
    assert line["client_trace_id"] == "trace-4711"
    assert CALL_ID.fullmatch(event.call_id)


@pytest.mark.parametrize("name", ["x-call-id", "x-request-id", "x-client-trace-id", "traceparent"])
def test_a_caller_cannot_choose_the_call_id(server, create_app, name):
    chosen = "call_01jv7hj9b5e5g8zv0x8h8yq0t1"

    assert create_app((name, chosen)).call_id != chosen


def test_a_long_trace_id_is_cut(create_app):
    assert create_app(("x-client-trace-id", "t" * 5000)).client_trace_id == "t" * 128


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "127.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.66, 203.0.113.7"], "203.0.113.7"),
        (["198.51.100.66", "203.0.113.7"], "203.0.113.7"),
        (["198.51.100.66, 203.0.113.7, 127.0.0.9"], "203.0.113.7"),
        (["203.0.113.7, unknown"], "127.0.0.1"),
        (["<script>"], "127.0.0.1"),
        ([""], "127.0.0.1"),
        (["2001:db8::7"], "2001:db8::7"),
    ],
)
def test_the_journal_and_the_log_name_the_client_address(server, create_app, forwarded, address):
    event = create_app(*(("x-forwarded-for", value) for value in forwarded))

    (line,) = server.log_of(event.call_id)
    assert event.client_address == line["client_address"] == address


def test_the_log_says_nothing_of_what_a_call_carried(server, account, app):
    request = find("DeleteApp").new_request(app_id=app.id, password="canary-in-a-cage")
    metadata = (*account.metadata, ("x-canary", "canary-in-a-coal-mine"))

    outcome = find("DeleteApp").outcome(server.channel, request, metadata)

    assert outcome.reason == "PASSWORD_WRONG"
    assert "canary-in-a-" not in server.log.getvalue()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_refusal_of_every_method_is_in_the_log_once(server, method):
    outcome = method.outcome(server.channel, b"\xff", ())

    (line,) = server.log_of(outcome.refusal.call_id)
    assert (line["method"], line["code"], line["reason"]) == (
        str(method),
        outcome.code,
        outcome.reason,
    )
    assert line["caller"] == "anonymous"


def test_call_ids_of_calls_at_once_differ(server, operator):
    many, found = 16, []
    start = threading.Barrier(many)

    def one():
        start.wait()
        found.append(call_with_id(server, find("ListServiceKeys"), operator.metadata))

    threads = [threading.Thread(target=one) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == many


def test_a_call_whose_deadline_has_passed_begins_nothing(server, operator, monkeypatch):
    def outlast_the_deadline(_: object) -> None:
        until(lambda: deadline.remaining(1) == 0)

    monkeypatch.setattr(shape_check, "check", outlast_the_deadline)
    send = server.channel.unary_unary(find("ListServiceKeys").path)

    with pytest.raises(grpc.RpcError) as given_up:
        send(b"", metadata=(*operator.metadata, ("x-client-trace-id", "too-late")), timeout=0.2)

    assert given_up.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: server.log_of("too-late"))
    (line,) = server.log_of("too-late")
    assert (line["code"], line["reason"]) == ("DEADLINE_EXCEEDED", "DEADLINE_PASSED")
