"""Every call has its line at its end, however it ends; a stream has one at either end."""

from __future__ import annotations

import threading
from typing import Any
from unittest import mock

import grpc
import pytest
from tests.gates import Gate, until
from tests.methods import find

from finlink.config import v1
from finlink_server.call_record import given_up
from finlink_server.errors import ShuttingDown

pytestmark = pytest.mark.either("how a call ends asks no database")


def marked(name: str) -> tuple[tuple[str, str], ...]:
    return (("x-client-trace-id", name),)


def line_of(server: Any, name: str, event: str = "call") -> dict[str, Any]:
    """The line of the one call that bears this name, once it is there."""

    def lines() -> list[dict[str, Any]]:
        return [one for one in server.log_of(name) if one["event"] == event]

    until(lambda: bool(lines()))
    (line,) = lines()
    return line


def watch(server: Any, caller: Any, name: str) -> Any:
    """Open a stream and read its first message."""
    stub = v1.SessionServiceStub(server.channel).WatchRevocations
    stream = stub(v1.WatchRevocationsRequest(), metadata=caller.metadata + marked(name))
    next(iter(stream))
    return stream


def test_a_call_whose_caller_left_while_it_was_at_work_says_so(server, account):
    stub = v1.AccountServiceStub(server.channel).SignIn
    request = v1.SignInRequest(email=account.email, password=account.password)
    with Gate(account.password) as gate:
        call = stub.future(request, metadata=marked("left-early"))
        gate.wait_for(1)
        call.cancel()

    assert line_of(server, "left-early")["code"] == "CANCELLED"


def test_a_call_whose_deadline_passed_while_it_was_at_work_says_so(server, account):
    stub = v1.AccountServiceStub(server.channel).SignIn
    request = v1.SignInRequest(email=account.email, password=account.password)
    with Gate(account.password), pytest.raises(grpc.RpcError) as late:
        stub(request, metadata=marked("late"), timeout=1)

    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert line_of(server, "late")["code"] == "DEADLINE_EXCEEDED"


def test_a_call_that_says_nothing_and_leaves_has_a_line(server, operator):
    silent = threading.Event()

    def nothing() -> Any:
        silent.wait()
        yield b""

    send = server.channel.stream_unary(find("ListServiceKeys").path)
    call = send.future(nothing(), metadata=operator.metadata + marked("silent"))
    until(lambda: call.is_active() and not call.done())
    call.cancel()
    silent.set()

    assert line_of(server, "silent")["code"] == "CANCELLED"


def test_a_stream_tells_when_it_opens_and_when_it_is_left(server, verifier):
    stream = watch(server, verifier, "left-stream")
    opened = line_of(server, "left-stream")

    stream.cancel()

    closed = line_of(server, "left-stream", "stream")
    assert (opened["code"], closed["code"], closed["reason"]) == ("OK", "CANCELLED", "")
    assert closed["call_id"] == opened["call_id"]
    assert closed["method"] == opened["method"] == "SessionService/WatchRevocations"
    assert closed["messages"] >= 1
    assert closed["ms"] > opened["ms"]


def test_a_stream_that_the_server_ends_tells_why(server, verifier):
    stream = watch(server, verifier, "ended-stream")
    (mine,) = [
        one
        for one in server.app.watches._revocations.streams
        if one.call_id == line_of(server, "ended-stream")["call_id"]
    ]

    mine.end(ShuttingDown())

    with pytest.raises(grpc.RpcError):
        list(stream)
    closed = line_of(server, "ended-stream", "stream")
    assert (closed["code"], closed["reason"]) == ("UNAVAILABLE", "SHUTTING_DOWN")


def test_a_stream_whose_deadline_has_passed_tells_so(server, verifier):
    stub = v1.SessionServiceStub(server.channel).WatchRevocations
    request, metadata = v1.WatchRevocationsRequest(), verifier.metadata + marked("timed-stream")

    with pytest.raises(grpc.RpcError) as late:
        list(stub(request, metadata=metadata, timeout=2))

    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # On a busy machine it began here so much later that its caller may have just gone away.
    assert line_of(server, "timed-stream", "stream")["code"] in {"DEADLINE_EXCEEDED", "CANCELLED"}


@pytest.mark.parametrize(
    ("remaining", "code"),
    [(5.0, "CANCELLED"), (0.05, "DEADLINE_EXCEEDED"), (0.0, "DEADLINE_EXCEEDED")],
)
def test_whoever_leaves_when_the_deadline_passes_did_not_cancel(remaining, code):
    context = mock.Mock(time_remaining=lambda: remaining)

    assert given_up(context) == code


def test_a_stream_that_is_refused_has_one_line(server, account):
    stub = v1.SessionServiceStub(server.channel).WatchRevocations

    with pytest.raises(grpc.RpcError):
        list(stub(v1.WatchRevocationsRequest(), metadata=account.metadata + marked("refused")))

    assert line_of(server, "refused")["reason"] == "CALLER_NOT_ALLOWED"
    assert len(server.log_of("refused")) == 1
