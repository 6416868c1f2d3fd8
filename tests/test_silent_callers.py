"""Callers who open calls or streams and then say or read nothing: they keep nobody waiting."""

import queue
import threading
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.errors import refused

from finlink_server import calls
from finlink_server.errors import ShuttingDown
from finlink_server.pools import Pool
from finlink_server.streams import Streams
from finlink_server.watchdog import Watchdog, _is_too_long, _Wait

KEYS = "/finlink.config.v1.SessionService/ListSigningKeys"
VALIDATE = "/finlink.config.v1.SessionService/ValidateSession"
CHECK = "/grpc.health.v1.Health/Check"


@contextmanager
def silence(server, method, calls, metadata=()):
    """Send the headers of calls on a connection of their own, and no message."""
    with grpc.insecure_channel(server.target) as channel:
        never: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(calls)]
        # On the wire a unary call is a stream of one message.
        call: Any = channel.stream_unary(method)
        opened = [call.future(iter(one.get, None), metadata=metadata) for one in never]
        yield opened
        for one, future in zip(never, opened, strict=True):
            future.cancel()
            one.put(None)


@pytest.mark.parametrize("method", [KEYS, VALIDATE, CHECK])
def test_who_has_a_credential_is_served_beside_any_number_of_silent_callers(
    server, verifier, method
):
    with silence(server, method, calls=4 * server.config.limit_handler_threads):
        for _ in range(20):
            assert verifier.sessions.ValidateSession(access_token="x")


def test_health_is_served_beside_silent_calls_of_open_methods(server):
    check = health_pb2_grpc.HealthStub(server.channel).Check

    with silence(server, KEYS, calls=4 * server.config.limit_handler_threads):
        assert check(health_pb2.HealthCheckRequest(), timeout=10).status == 1


def test_a_bad_credential_is_refused_before_the_message_comes(server):
    bad = (("authorization", "Bearer fsk_" + "0" * 38),)

    with silence(server, VALIDATE, calls=1, metadata=bad) as (call,):
        assert call.exception(timeout=30).code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_silent_call_has_a_longest_life(server, monkeypatch, verifier):
    monkeypatch.setattr(server.app.watchdog, "_longest", 0.0)

    with silence(server, VALIDATE, calls=1, metadata=verifier.metadata) as (call,):
        assert call.exception(timeout=30).code() == grpc.StatusCode.CANCELLED


def test_a_call_without_a_message_is_unreadable(server, verifier):
    call = server.channel.stream_unary(VALIDATE)

    with refused(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE"):
        call(iter(()), metadata=verifier.metadata, timeout=30)


def test_a_message_in_time_is_taken_and_nobody_is_given_up():
    given_up: list[str] = []
    watchdog = Watchdog(60.0)

    first = watchdog.next(iter([b"one", b"two"]), lambda: given_up.append("it"))

    assert first == b"one"
    assert watchdog.next(iter([]), lambda: given_up.append("it")) is None
    assert not given_up
    watchdog.close()


def test_those_who_only_hold_a_thread_give_way_when_others_wait_for_it():
    pool, watchdog = Pool(1, "call"), Watchdog(60.0)
    given_up = threading.Event()

    def hold():
        with watchdog.guard(given_up.set):
            return given_up.wait(30)

    holding, waiting = pool.submit(hold), pool.submit(lambda: "served")

    assert holding.result(30)
    assert waiting.result(30) == "served"
    assert not pool.is_crowded
    watchdog.close()
    pool.shutdown()


def test_whose_message_is_on_its_way_is_not_taken_for_silent_because_the_machine_is_busy():
    crowded: Any = Crowded()
    waiting = _Wait(0.0, 60.0, lambda: None, crowded)

    judged = [_is_too_long(waiting, now=now) for now in (0.3, 5.0, 10.0)]

    assert judged == [False] * 3  # three looks in ten seconds: the machine is slow, not he


class Crowded:
    is_crowded = True


class Context:
    """As much of a server's context as a stream uses."""

    def __init__(self):
        self.code = None
        self.cancelled = False
        self.callbacks = []

    def add_callback(self, callback):
        self.callbacks.append(callback)
        return True

    def is_active(self):
        return not self.cancelled

    def cancel(self):
        self.cancelled = True

    def set_code(self, code):
        self.code = code

    def set_details(self, details):
        pass

    def set_trailing_metadata(self, metadata):
        pass


def test_more_streams_than_allowed_are_ended_with_a_reason():
    streams = Streams(most=2)
    contexts: list[Any] = [Context() for _ in range(3)]

    for context in contexts:
        streams.open(context, lambda _: None, "call_1")

    codes = [context.code for context in contexts]
    assert codes == [None, None, grpc.StatusCode.RESOURCE_EXHAUSTED]


def test_a_stream_that_nobody_reads_is_cancelled_at_the_end():
    context: Any = Context()
    stream = Streams(most=2).open(context, lambda _: None, "call_1")

    with ExitStack() as stuck:
        stuck.enter_context(stream._sending)  # as a send does that waits for its reader
        stream.end(ShuttingDown())

    assert context.cancelled


def sign_out(account, _):
    account.accounts.SignOut()


def end_session(_, session):
    session.sessions.EndSession()


@pytest.mark.parametrize(
    ("method", "end"),
    [("AccountService/GetAccount", sign_out), ("SessionService/GetSession", end_session)],
)
def test_a_message_held_back_does_not_outlive_its_credential(
    server, monkeypatch, account, session, method, end
):
    waiting = threading.Event()
    message: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    wait = server.app.watchdog.next

    def announced(messages, give_up):
        waiting.set()  # the credential has been looked at
        return wait(messages, give_up)

    monkeypatch.setattr(calls, "_A_MOMENT", 0.0)
    monkeypatch.setattr(server.app.watchdog, "next", announced)
    caller = account.caller if end is sign_out else session.caller
    call: Any = server.channel.stream_unary(f"/finlink.config.v1.{method}")
    opened = call.future(iter(message.get, None), metadata=caller.metadata, timeout=30)
    assert waiting.wait(30)

    end(account, session)
    message.put(b"")

    assert opened.exception(timeout=30).code() == grpc.StatusCode.UNAUTHENTICATED
    message.put(None)
