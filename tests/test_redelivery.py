"""Sending again: one event, or what an endpoint has not got of a window of time."""

from types import SimpleNamespace
from unittest import mock

import pytest
from grpc import StatusCode
from tests.errors import refused
from tests.hooks import seconds, stopped
from tests.link_urls import open_link
from tests.receiver import answer, in_turn, slow

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import journal, redelivery
from finlink_server.errors import DeadlinePassed
from finlink_server.storage.webhook_models import Delivery

PENDING, DELIVERED = v1.DELIVERY_STATE_PENDING, v1.DELIVERY_STATE_DELIVERED


@pytest.fixture
def redeliver(account):
    """Ask for it, as the customer; how many it is."""

    def ask(hook, **fields):
        answered = account.webhooks.RedeliverEvents(endpoint_id=hook.id, **fields)
        return answered.event_count

    return ask


@pytest.fixture
def now(clock):
    def tell():
        micros = clock()
        return {"seconds": micros // 1_000_000, "nanos": micros % 1_000_000 * 1000}

    return tell


# ------------------------------------------------------------------------- one event


def test_a_delivered_event_is_sent_once_more_with_the_same_id_and_body(hook, redeliver):
    event_id = hook.publish(payload_json='{"number":1}')
    first = hook.ended(event_id)

    assert redeliver(hook, event_id=event_id) == 1

    one, other = hook.wait_for(2)
    assert one.headers["webhook-id"] == other.headers["webhook-id"] == event_id
    assert one.body == other.body
    second = hook.ended(event_id)
    assert second.id != first.id
    assert second.cause == v1.DELIVERY_CAUSE_REDELIVERY
    assert first.cause == v1.DELIVERY_CAUSE_EVENT


def test_an_event_is_sent_though_the_endpoint_does_not_want_its_type(new_hook, redeliver, probe):
    hook = new_hook("/hook", event_types=["connection.lost"])
    event_id = hook.publish()
    probe.look()
    assert hook.deliveries() == []

    redeliver(hook, event_id=event_id)

    assert hook.ended(event_id).state == DELIVERED


def test_an_event_of_the_service_is_named_by_its_id(hook, account, app, redeliver):
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "link": {"languages": ["es"]}},
        update_mask={"paths": ["link.languages"]},
    )
    [event] = account.webhooks.ListEvents(app_id=app.id).events
    hook.ended(event.id)

    redeliver(hook, event_id=event.id)

    hook.wait_for(2)
    assert hook.received == [event.id, event.id]


def test_what_waits_is_tried_at_once_and_its_schedule_begins_anew(hook, redeliver, clock):
    hook.on(answer(500))
    event_id = hook.publish()
    for number in (1, 2, 3):
        waiting = hook.settled(event_id, number)
        if number < 3:
            clock.advance_to(seconds(waiting.next_attempt_time))

    redeliver(hook, event_id=event_id)

    tried = hook.settled(event_id, 4)
    assert (tried.id, tried.state) == (waiting.id, PENDING)  # the same delivery goes on
    assert len(hook.deliveries()) == 1
    wait = seconds(tried.next_attempt_time) - seconds(tried.attempts[-1].start_time)
    assert 5 <= wait < 6


def test_who_asked_for_patience_is_there_again(hook, redeliver):
    hook.on(in_turn(answer(503, headers={"Retry-After": "86400"}), answer(200)))
    event_id = hook.settled(hook.publish()).event_id

    redeliver(hook, event_id=event_id)

    assert hook.ended(event_id).state == DELIVERED


def test_the_journal_tells_who_sent_what_again(hook, account, redeliver):
    event_id = hook.ended(hook.publish()).event_id

    redeliver(hook, event_id=event_id)
    redeliver(hook, event_id=event_id, validate_only=True)

    [row] = account.accounts.ListAuditEvents(
        app_id=hook.app_id, types=["endpoint.redelivered"]
    ).events
    assert (row.actor.id, row.target_id) == (account.id, hook.id)


@pytest.mark.parametrize("wanted", [[], ["connection.*"]], ids=["wanted", "not-wanted"])
def test_refusals_of_the_running_minute_are_not_told_before_it_is_over(
    new_hook, account, app, redirect_id, link_front_end, redeliver, probe, clock, wanted
):
    hook = new_hook("/hook", event_types=wanted)
    with refused():
        open_link(link_front_end, id=redirect_id, product="NONSENSE")
    [event] = account.webhooks.ListEvents(app_id=app.id, types=["link.refused"]).events
    probe.look()

    redeliver(hook, event_id=event.id)

    probe.look()
    waiting = hook.delivery(event.id)
    assert (waiting.state, waiting.attempt_count) == (PENDING, 0)
    with refused():
        open_link(link_front_end, id=redirect_id, product="NONSENSE")
    clock.advance_to(seconds(waiting.next_attempt_time))
    [request] = hook.wait_for(1)
    assert b'"count":2' in request.body


# -------------------------------------------------------------------------- a window


def test_a_window_sends_what_is_wanted_and_neither_there_nor_on_its_way(
    new_hook, account, redeliver, released, probe, now
):
    hook = new_hook("/window", event_types=["connection.ready"])
    start = now()
    hook.ended(hook.publish())  # it has that one
    hook.publish(type="connection.lost")  # not wanted
    hook.update(account, disabled=True)
    missed = hook.publish()
    hook.ended(missed)
    hook.update(account, disabled=False)
    hook.on(slow(released, answer(200)))
    hook.publish()  # on its way
    hook.wait_for(2)
    hook.on(answer(500))
    failed = hook.publish()
    hook.settled(failed)
    hook.on(answer(200))
    before = len(hook.requests)

    assert redeliver(hook, start_time=start, validate_only=True) == 2
    probe.look()
    assert len(hook.requests) == before

    assert redeliver(hook, start_time=start) == 2
    released.set()  # an endpoint that fails gets one at a time
    for event_id in (missed, failed):
        assert hook.ended(event_id).state == DELIVERED
    assert sorted(hook.received[before:]) == sorted([missed, failed])
    assert redeliver(hook, start_time=start) == 0


def test_a_window_begins_with_its_start_and_ends_before_its_end(hook, account, redeliver, now):
    hook.update(account, disabled=True)
    hook.publish()
    start = now()
    inside = [hook.publish() for _ in range(3)]
    end = now()
    hook.ended(hook.publish())
    hook.update(account, disabled=False)

    assert redeliver(hook, start_time=start, end_time=end) == 3

    hook.wait_for(3)
    assert sorted(hook.received) == sorted(inside)


def test_a_window_may_reach_back_before_the_endpoint_existed(hook, new_hook, redeliver, now):
    start = now()
    ids = [hook.publish() for _ in range(3)]
    hook.wait_for(3)

    later = new_hook("/later")
    assert redeliver(later, start_time=start) == 3

    later.wait_for(3)
    assert sorted(later.received) == sorted(ids)


MANY = 1100


@pytest.fixture
def many(server, hook, account, now):
    """A window with more events than are taken up in one piece, none of them sent."""
    env, by = server.env, bootstrap.command_line("tests")
    owner = {"account_id": account.id, "app_id": hook.app_id}
    with stopped(server):
        hook.update(account, disabled=True)
        start = now()
        with env.transaction():
            for number in range(MANY):
                journal.write(
                    env, by, "session.revoked", f"ses_{number}", secret_id="sec_1", **owner
                )
        hook.update(account, disabled=False)
        yield start


def events_taken_up(hook):
    return [row.event_id for row in Delivery.select().where(Delivery.endpoint == hook.id)]


def test_a_large_window_is_taken_up_piece_by_piece(hook, account, redeliver, many):
    assert redeliver(hook, start_time=many, validate_only=True) == MANY

    assert redeliver(hook, start_time=many) == MANY

    taken_up = events_taken_up(hook)
    assert len(set(taken_up)) == len(taken_up) == MANY
    rows = account.accounts.ListAuditEvents(
        app_id=hook.app_id, types=["endpoint.redelivered"]
    ).events
    assert len(rows) == 3


def test_what_was_taken_up_before_a_deadline_stays_and_a_repeat_takes_up_the_rest(
    hook, redeliver, many, monkeypatch
):
    check = mock.Mock(side_effect=[None, DeadlinePassed()])
    with monkeypatch.context() as patch:
        patch.setattr(redelivery, "deadline", SimpleNamespace(check=check))
        with refused(StatusCode.DEADLINE_EXCEEDED):
            redeliver(hook, start_time=many)
    assert len(events_taken_up(hook)) == 500

    redeliver(hook, start_time=many)

    taken_up = events_taken_up(hook)
    assert len(set(taken_up)) == len(taken_up) == MANY


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize("what", ["event", "window"])
def test_a_disabled_endpoint_is_enabled_first(hook, account, redeliver, now, what, validate_only):
    event_id = hook.ended(hook.publish()).event_id
    hook.update(account, disabled=True)
    named = {"event_id": event_id} if what == "event" else {"start_time": {"seconds": 1}}

    with refused(StatusCode.FAILED_PRECONDITION, "ENDPOINT_DISABLED") as refusal:
        redeliver(hook, validate_only=validate_only, **named)

    assert refusal.facts["endpoint_id"] == hook.id


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "start_time"),
        ({"end_time": {"seconds": 2}}, "start_time"),
        ({"event_id": "conn-1", "start_time": {"seconds": 1}}, "event_id"),
        ({"event_id": "conn-1", "end_time": {"seconds": 1}}, "event_id"),
        ({"start_time": {"seconds": 2}, "end_time": {"seconds": 2}}, "end_time"),
    ],
    ids=["neither", "only-an-end", "both", "an-event-and-an-end", "empty"],
)
def test_it_is_one_event_or_a_window(hook, redeliver, fields, named):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        redeliver(hook, **fields)

    assert set(refusal.fields) == {named}


def test_another_apps_event_is_not_there(hook, probe, redeliver):
    theirs = probe.publish()

    with refused(StatusCode.NOT_FOUND, "EVENT_NOT_FOUND"):
        redeliver(hook, event_id=theirs)
