"""When a delivery is tried: the whole schedule, on a clock that the tests move."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from tests.hooks import seconds
from tests.receiver import answer, in_turn

from finlink.config import v1
from finlink_server.domain import delivery_schedule

MINUTE, HOUR, DAY = 60, 3600, 86_400
SCHEDULE = [5, 5 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24))]
MOMENT = 0.001
JITTER = 1.1  # what the schedule may be late by


def wait_after(attempt, delivery):
    """How long a delivery waits after an attempt, in seconds."""
    return seconds(delivery.next_attempt_time) - seconds(attempt.start_time)


# ------------------------------------------------------------------------- the schedule


def test_what_fails_is_tried_ten_times_after_ever_longer_waits_and_never_before(hook, probe, clock):
    hook.on(answer(500))
    event_id = hook.publish()

    for number, step in enumerate(SCHEDULE, 1):
        waiting = hook.settled(event_id, number)
        assert waiting.state == v1.DELIVERY_STATE_PENDING
        assert step <= wait_after(waiting.attempts[-1], waiting) <= JITTER * step + 1

        clock.advance_to(seconds(waiting.next_attempt_time) - MOMENT)
        probe.look()
        assert hook.delivery(event_id) == waiting
        clock.advance_to(seconds(waiting.next_attempt_time))

    exhausted = hook.ended(event_id)
    assert exhausted.state == v1.DELIVERY_STATE_EXHAUSTED
    assert exhausted.attempt_count == len(exhausted.attempts) == len(hook.requests) == 10
    assert not exhausted.HasField("next_attempt_time")

    clock.advance(days=1.2)
    probe.look()
    assert hook.delivery(event_id) == exhausted


@pytest.mark.parametrize("failures", range(1, 10))
def test_chance_makes_an_attempt_later_but_never_sooner(failures):
    step = SCHEDULE[failures - 1] * 1_000_000

    waits = [delivery_schedule.next_time(0, failures, 500, None) or 0 for _ in range(300)]

    assert step <= min(waits) < 1.02 * step
    assert 1.08 * step < max(waits) <= 1.1 * step


def test_after_the_tenth_failure_there_is_no_next_time():
    assert delivery_schedule.next_time(0, 10, 503, 60) is None


def test_a_success_after_failures_ends_the_schedule(hook, probe, clock):
    hook.on(in_turn(answer(500), answer(404), answer(204)))
    event_id = hook.publish()
    for number in (1, 2):
        clock.advance_to(seconds(hook.settled(event_id, number).next_attempt_time))

    delivered = hook.ended(event_id)
    assert delivered.state == v1.DELIVERY_STATE_DELIVERED
    assert [attempt.status for attempt in delivered.attempts] == [500, 404, 204]
    assert not delivered.HasField("next_attempt_time")

    clock.advance(days=2)
    probe.look()
    assert len(hook.requests) == 3


# -------------------------------------------------------------------------- Retry-After


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [(429, "3600", HOUR), (503, "3600", HOUR), (503, "86401", DAY), (429, "9" * 30, DAY)],
)
def test_who_asks_for_patience_gets_it_by_at_most_a_day(hook, probe, clock, status, asked, wait):
    hook.on(answer(status, headers={"Retry-After": asked}))

    waiting = hook.settled(hook.publish())

    assert wait <= wait_after(waiting.attempts[0], waiting) < wait + 1
    other = hook.publish()
    clock.advance_to(seconds(waiting.next_attempt_time) - 1)
    probe.look()
    assert hook.delivery(waiting.event_id) == waiting
    assert hook.delivery(other).attempt_count == 0  # the whole endpoint is left alone


@pytest.mark.parametrize(
    ("status", "ahead", "wait"),
    [(429, 2 * HOUR, 2 * HOUR), (503, 2 * HOUR, 2 * HOUR), (429, 40 * DAY, DAY)],
)
def test_patience_can_be_asked_for_by_a_date(hook, clock, status, ahead, wait):
    date = datetime.fromtimestamp(clock() / 1_000_000 + ahead, UTC)
    hook.on(answer(status, headers={"Retry-After": format_datetime(date, usegmt=True)}))

    waiting = hook.settled(hook.publish())

    assert wait - 2 < wait_after(waiting.attempts[0], waiting) < wait + 1


@pytest.mark.parametrize(
    ("status", "asked"),
    [(500, "3600"), (404, "3600"), (302, "3600")]
    + [(429, text) for text in ("1", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT")],
)
def test_from_others_and_in_other_words_it_changes_nothing(hook, status, asked):
    hook.on(answer(status, headers={"Retry-After": asked}))

    waiting = hook.settled(hook.publish())

    assert 5 <= wait_after(waiting.attempts[0], waiting) < 5 * JITTER + 1
