"""What an attempt tells: with which status it was answered, how fast, or what went wrong."""

import pytest
from tests import receiver as it
from tests.hooks import seconds
from tests.receiver import answer, in_turn, redirect
from tests.unheard import dead_port

from finlink.config import v1
from finlink_server.storage.webhook_models import Attempt

pytestmark = pytest.mark.either("what an attempt meets is no database")

PENDING = v1.DELIVERY_STATE_PENDING


def test_every_attempt_shows_with_what_came_of_it(hook, clock):
    hook.on(in_turn(answer(500, b"first"), answer(404, b"second"), answer(200, b"third")))
    event_id = hook.publish()
    for number in (1, 2):
        clock.advance_to(seconds(hook.settled(event_id, number).next_attempt_time))

    attempts = hook.ended(event_id).attempts

    assert [one.number for one in attempts] == [1, 2, 3]
    assert [(one.status, one.problem, one.response) for one in attempts] == [
        (500, "answered 500 Internal Server Error", "first"),
        (404, "answered 404 Not Found", "second"),
        (200, "", "third"),
    ]
    assert all(one.latency.ToMicroseconds() > 0 for one in attempts)
    starts = [seconds(one.start_time) for one in attempts]
    assert starts[0] + 5 <= starts[1]
    assert starts[1] + 300 <= starts[2]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_delivered_is_any_2xx(hook, status):
    hook.on(answer(status))

    assert hook.ended(hook.publish()).state == v1.DELIVERY_STATE_DELIVERED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(hook, probe, status):
    hook.on(redirect(status, hook.receiver.uri("/elsewhere")))

    waiting = hook.settled(hook.publish())

    assert waiting.state == v1.DELIVERY_STATE_PENDING
    assert waiting.attempts[0].status == status
    assert waiting.attempts[0].problem.endswith("redirects are not followed")
    probe.look()
    assert hook.receiver.to("/elsewhere") == []


@pytest.mark.parametrize(
    ("size", "kept", "truncated"),
    [(0, 0, False), (16_384, 16_384, False), (16_385, 16_384, True), (200_000, 16_384, True)],
)
def test_of_an_answer_16_kb_are_kept(hook, size, kept, truncated):
    hook.on(answer(200, b"x" * size))

    [attempt] = hook.ended(hook.publish()).attempts

    assert attempt.response == "x" * kept
    assert attempt.truncated == truncated


def test_in_lists_the_attempts_are_left_out(hook):
    event_id = hook.publish()
    hook.ended(event_id)

    [listed] = hook.deliveries(event_id=event_id)

    assert listed.attempt_count == 1
    assert not listed.attempts


# -------------------------------------------------------------- receivers that behave badly


OK = b"HTTP/1.1 200 OK\r\n"
BAD_RECEIVERS = {
    "hangs-up": (it.hang_up(), "the connection was closed before an answer came"),
    "resets": (it.reset(), "connection reset by peer"),
    "resets-in-the-header": (it.reset(OK), "connection reset by peer"),
    "speaks-ssh": (it.raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), "the answer is not HTTP"),
    "endless-header": (
        it.endless(OK, b"X: y\r\n" * 1000),
        "the header of the answer has too many lines",
    ),
    "silent": (it.silent(), "no answer within 0.5 s"),
    "drips": (it.endless(OK, b"X: y\r\n", 0.05), "no answer within 0.5 s"),
}


@pytest.fixture
def impatient(server, probe, monkeypatch):
    """The sender, which exists once it has sent, with less than its 15 seconds."""
    probe.look()
    monkeypatch.setattr(server.app.dispatcher._sender, "_total_seconds", 0.5)


@pytest.mark.parametrize("kind", BAD_RECEIVERS)
def test_without_an_answer_words_say_why_and_it_is_tried_again(hook, impatient, clock, kind):
    behaviour, problem = BAD_RECEIVERS[kind]
    hook.on(behaviour)

    waiting = hook.settled(hook.publish())

    [attempt] = waiting.attempts
    assert waiting.state == PENDING
    assert (attempt.status, attempt.problem) == (0, problem)
    assert (attempt.response, attempt.truncated) == ("", False)
    assert 0 < attempt.latency.ToMicroseconds() < 15_000_000

    hook.on(answer(200))
    clock.advance_to(seconds(waiting.next_attempt_time))
    assert hook.ended(waiting.event_id).state == v1.DELIVERY_STATE_DELIVERED


@pytest.mark.parametrize(
    "behaviour",
    [
        it.answer(200, b"hello", length=100),
        it.reset(OK + b"Content-Length: 100\r\n\r\nhello"),
        it.endless(OK + b"Content-Length: 100000\r\n\r\nhello", b"", 0.05),
    ],
    ids=["breaks-off", "resets", "never-ends"],
)
def test_once_the_status_came_a_body_that_does_not_end_is_no_failure(hook, impatient, behaviour):
    hook.on(behaviour)

    delivered = hook.ended(hook.publish())

    assert delivered.state == v1.DELIVERY_STATE_DELIVERED
    [attempt] = delivered.attempts
    assert (attempt.status, attempt.response, attempt.truncated) == (200, "hello", True)


def test_an_endless_answer_is_read_up_to_16_kb(hook):
    hook.on(it.endless(OK + b"\r\n", b"x" * 4096))

    [attempt] = hook.ended(hook.publish()).attempts

    assert (len(attempt.response), attempt.truncated) == (16_384, True)


def test_where_nobody_listens_it_says_so(hook, account):
    hook.update(account, uri=f"https://localhost:{dead_port()}/")

    waiting = hook.settled(hook.publish())

    assert waiting.state == PENDING
    assert (waiting.attempts[0].status, waiting.attempts[0].problem) == (0, "connection refused")


def test_what_is_binary_or_dangerous_is_shown_as_text(hook):
    hook.on(answer(500, b"\x00\x1b[31m\xff caf\xc3\xa9\n"))

    [attempt] = hook.settled(hook.publish()).attempts

    assert attempt.response == "\ufffd\ufffd[31m\ufffd café\n"


def test_what_was_answered_is_sealed_in_the_database(hook):
    hook.on(answer(500, b"a customer's stack trace"))

    delivery = hook.settled(hook.publish())

    sealed = Attempt.get(Attempt.delivery == delivery.id).sealed_response
    assert sealed
    assert b"stack trace" not in sealed
