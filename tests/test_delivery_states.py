"""Where a delivery can stand, and what ends it before it was delivered."""

import json

import pytest
from tests.gates import until
from tests.hooks import seconds
from tests.receiver import answer, in_turn, slow

from finlink.config import v1

PENDING, SENDING = v1.DELIVERY_STATE_PENDING, v1.DELIVERY_STATE_SENDING
DELIVERED, CANCELLED = v1.DELIVERY_STATE_DELIVERED, v1.DELIVERY_STATE_CANCELLED
DISABLED = v1.CANCEL_REASON_ENDPOINT_DISABLED
SUSPENDED = v1.CANCEL_REASON_ACCOUNT_SUSPENDED


# ----------------------------------------------------------------------- the good course


def test_a_delivery_is_pending_then_sending_then_delivered(hook, released, clock):
    hook.on(in_turn(answer(500), slow(released, answer(200))))

    pending = hook.settled(hook.publish())
    assert pending.state == PENDING
    assert pending.HasField("next_attempt_time")

    clock.advance_to(seconds(pending.next_attempt_time))
    hook.wait_for(2)
    sending = hook.delivery(pending.event_id)
    assert (sending.state, sending.attempt_count) == (SENDING, 2)
    assert len(sending.attempts) == 1  # the second one has not come to its end
    assert not sending.HasField("next_attempt_time")
    assert not sending.HasField("end_time")

    released.set()
    delivered = hook.ended(pending.event_id)
    assert (delivered.state, delivered.attempt_count) == (DELIVERED, 2)
    assert delivered.cancel_reason == v1.CANCEL_REASON_UNSPECIFIED
    assert delivered.end_time.ToMicroseconds() > sending.attempts[0].start_time.ToMicroseconds()


@pytest.mark.parametrize("state", [PENDING, SENDING, DELIVERED, CANCELLED])
def test_deliveries_are_listed_by_where_they_stand(hook, new_hook, account, released, state):
    held, failing, fine, off = hook, *(new_hook(f"/{name}") for name in ("500", "fine", "off"))
    off.update(account, disabled=True)
    until(lambda: "endpoint.disabled" in types_at(failing))  # else that is its one try for now
    failing.on(answer(500))
    event_id = fine.publish()
    failing.settled(event_id)
    until(lambda: event_id in held.received)
    fine.ended(event_id)

    found = account.webhooks.ListDeliveries(app_id=fine.app_id, event_id=event_id, state=state)

    expected = {PENDING: failing, SENDING: held, DELIVERED: fine, CANCELLED: off}[state]
    assert [(one.endpoint_id, one.state) for one in found.deliveries] == [(expected.id, state)]


# --------------------------------------------------- disabled, because it does not answer


def assert_disabled(hook, other, account, reason):
    """The endpoint is disabled for this reason, and everybody concerned can see it."""
    shown = hook.endpoint()
    assert (shown.disabled, shown.disabled_reason) == (True, reason)
    assert shown.HasField("disable_time")
    listed = account.webhooks.ListEndpoints(app_id=hook.app_id).endpoints
    in_settings = account.settings.GetSettings(app_id=hook.app_id).settings.webhook_endpoints
    assert shown in listed
    assert shown in in_settings

    until(lambda: "endpoint.disabled" in types_at(other))
    told = bodies_at(other)[types_at(other).index("endpoint.disabled")]
    name = v1.DisabledReason.Name(reason).removeprefix("DISABLED_REASON_")
    assert told["data"] == {"endpoint_id": hook.id, "disabled_reason": name}
    assert "endpoint.disabled" not in {one.event_type for one in hook.deliveries()}

    [row] = account.accounts.ListAuditEvents(
        app_id=hook.app_id, types=["endpoint.disabled"], target_id=hook.id
    ).events
    assert row.actor.kind == v1.ACTOR_KIND_SERVER


def bodies_at(hook):
    return [json.loads(request.body) for request in hook.requests]


def types_at(hook):
    return [body["type"] for body in bodies_at(hook)]


def test_an_endpoint_that_says_it_is_gone_is_disabled_at_once(hook, new_hook, account, clock):
    other = new_hook("/other")
    hook.on(in_turn(answer(500), answer(410)))
    first = hook.publish()
    hook.settled(first)
    second = hook.publish()
    clock.advance(seconds=1)

    gone = hook.ended(second)

    waiting = hook.delivery(first)
    for cancelled in (gone, waiting):
        assert (cancelled.state, cancelled.cancel_reason) == (CANCELLED, DISABLED)
        assert not cancelled.HasField("next_attempt_time")
    assert [one.status for one in gone.attempts] == [410]
    assert_disabled(hook, other, account, v1.DISABLED_REASON_GONE)


def test_five_days_of_failures_over_all_events_disable_an_endpoint(
    hook, new_hook, account, probe, clock
):
    other = new_hook("/other")
    hook.on(answer(500))
    first = hook.publish()
    [attempt] = hook.settled(first).attempts
    assert hook.endpoint().failing_since_time == attempt.start_time

    clock.advance(days=4.99)
    hook.settled(first, 2)
    second = hook.publish()
    clock.advance(seconds=1)
    hook.settled(second)
    assert not hook.endpoint().disabled

    clock.advance(hours=1)
    hook.ended(first)
    assert hook.ended(second).cancel_reason == DISABLED
    assert_disabled(hook, other, account.sign_in(), v1.DISABLED_REASON_FAILING)


def test_one_success_in_between_forgets_the_failures(hook, account, clock):
    hook.on(answer(500))
    failing = hook.settled(hook.publish())
    clock.advance(days=4)
    hook.settled(failing.event_id, 2)
    since = hook.endpoint().failing_since_time

    hook.on(in_turn(answer(200), answer(500)))
    well = hook.publish()
    clock.advance(seconds=1)
    assert hook.ended(well).state == DELIVERED
    assert not hook.endpoint().HasField("failing_since_time")

    clock.advance(days=2)
    hook.settled(failing.event_id, 3)
    assert not hook.endpoint().disabled
    assert seconds(hook.endpoint().failing_since_time) > seconds(since) + 5 * 86_400


# -------------------------------------------------------- events while nothing may be sent


def test_what_happens_while_an_endpoint_is_disabled_is_cancelled_and_can_be_sent_later(
    hook, account, probe
):
    hook.update(account, disabled=True)

    event_id = hook.publish()

    cancelled = hook.ended(event_id)
    assert (cancelled.state, cancelled.cancel_reason) == (CANCELLED, DISABLED)
    assert cancelled.attempt_count == 0
    hook.update(account, disabled=False)
    probe.look()
    assert hook.received == []  # enabling sends nothing by itself

    account.webhooks.RedeliverEvents(endpoint_id=hook.id, event_id=event_id)
    assert hook.ended(event_id).state == DELIVERED
    assert hook.received == [event_id]


def test_enabling_again_forgets_the_failures(hook, account, clock):
    hook.on(answer(503, headers={"Retry-After": "86400"}))
    hook.settled(hook.publish())
    hook.update(account, disabled=True)
    hook.on(answer(200))

    hook.update(account, disabled=False)

    shown = hook.endpoint()
    assert not shown.HasField("failing_since_time")
    assert not shown.HasField("disable_time")
    assert shown.disabled_reason == v1.DISABLED_REASON_UNSPECIFIED
    assert hook.ended(hook.publish()).state == DELIVERED  # not held for a day


def test_a_suspended_account_is_sent_nothing_until_it_is_reinstated(hook, account, operator, clock):
    hook.on(answer(500))
    before = hook.settled(hook.publish()).event_id

    operator.admin.SuspendAccount(account_id=account.id)
    meanwhile = hook.publish()

    for event_id in (before, meanwhile):
        cancelled = hook.ended(event_id)
        assert (cancelled.state, cancelled.cancel_reason) == (CANCELLED, SUSPENDED)
    hook.on(answer(200))
    operator.admin.ReinstateAccount(account_id=account.id)
    clock.advance(seconds=1)
    after = hook.publish()
    assert hook.ended(after).state == DELIVERED
    assert hook.received == [before, after]

    account.sign_in().webhooks.RedeliverEvents(endpoint_id=hook.id, event_id=meanwhile)
    assert hook.ended(meanwhile).state == DELIVERED
