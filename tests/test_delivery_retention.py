"""What is kept for 30 days, and what for longer."""

import pytest
from grpc import StatusCode
from tests.errors import refused
from tests.gates import until
from tests.hooks import stopped
from tests.receiver import answer

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import deliveries, delivery_queue, housekeeping, journal
from finlink_server.storage.models import Journal
from finlink_server.storage.webhook_models import (
    Attempt,
    Delivery,
    Endpoint,
    EventPayload,
    SigningSecret,
)

ALMOST, MORE = 29.99, 30.01  # days


@pytest.fixture
def quiet(server):
    """Nothing is sent or purged meanwhile but by the test."""
    with stopped(server):
        yield server.env


def purge_all(env):
    while housekeeping.purge(env):
        pass


def rows_of(delivery):
    attempts = Attempt.select().where(Attempt.delivery == delivery.id).count()
    row = Delivery.get_or_none(Delivery.id == delivery.id)
    return row is not None, attempts


def payloads(app_id):
    """How many payloads are kept of an app's events."""
    rows = Delivery.select(Delivery.event_seq).where(Delivery.app_id == app_id)
    return EventPayload.select().where(EventPayload.event_seq.in_(rows)).count()


def test_after_30_days_the_server_forgets_what_is_finished(hook, account, operator, clock):
    delivery = hook.ended(hook.publish())
    payloads_before = EventPayload.select().count()

    clock.advance(days=MORE)

    until(lambda: rows_of(delivery) == (False, 0))
    until(lambda: EventPayload.select().count() < payloads_before)
    with refused(StatusCode.NOT_FOUND, "DELIVERY_NOT_FOUND"):
        operator.webhooks.GetDelivery(delivery_id=delivery.id)
    with refused(StatusCode.NOT_FOUND, "EVENT_NOT_FOUND"):
        account.sign_in().webhooks.RedeliverEvents(endpoint_id=hook.id, event_id=delivery.event_id)


def test_before_30_days_are_over_all_of_it_is_there(hook, env, clock):
    hook.on(answer(200, b"thanks"))
    event_id = hook.publish()
    delivery = hook.ended(event_id)

    clock.advance(days=ALMOST)
    purge_all(env)

    assert rows_of(delivery) == (True, 1)
    assert payloads(hook.app_id) == 1
    assert hook.delivery(event_id) == delivery


def test_events_are_listed_for_30_days_and_stand_in_the_journal_for_good(
    hook, operator, env, clock
):
    old = hook.publish()
    clock.advance(days=20)
    new = hook.publish()

    clock.advance(days=MORE - 20)
    purge_all(env)

    listed = operator.webhooks.ListEvents(app_id=hook.app_id).events
    assert [event.id for event in listed] == [new]
    rows = operator.accounts.ListAuditEvents(app_id=hook.app_id, types=["event.published"]).events
    assert [row.target_id for row in rows] == [new, old]


@pytest.mark.parametrize("known", [True, False], ids=["waiting", "not-yet-a-delivery"])
def test_what_is_not_finished_is_kept_however_old_it_is(hook, server, clock, known):
    with stopped(server):
        event_id = hook.publish(payload_json='{"number":7}')
        if known:
            delivery_queue.step(server.env, [], 0)
            assert hook.delivery(event_id).state == v1.DELIVERY_STATE_PENDING
        clock.advance(days=60)
        purge_all(server.env)

    [request] = hook.wait_for(1)
    assert request.headers["webhook-id"] == event_id
    assert request.body.endswith(b'"data":{"number":7}}')


def test_what_is_sent_again_while_it_is_purged_keeps_its_data(
    server, hook, env, clock, monkeypatch
):
    look = housekeeping._ids

    def look_and_lose_the_race(*arguments):
        found = look(*arguments)
        if (seq,) in found and not Delivery.select().where(waits).exists():
            endpoint, row = deliveries.with_owner(Endpoint.id == hook.id)[0], Journal.get_by_id(seq)
            with env.transaction():
                deliveries.insert(env, [(endpoint, row)], "REDELIVERY")
        return found

    event_id = hook.ended(hook.publish(payload_json='{"number":7}')).event_id
    with stopped(server):
        seq = Delivery.get(Delivery.event_id == event_id).event_seq
        waits = (Delivery.event_seq == seq) & (Delivery.state == "PENDING")
        monkeypatch.setattr(housekeeping, "_ids", look_and_lose_the_race)
        clock.advance(days=MORE)
        purge_all(env)

    assert {request.body[-20:] for request in hook.wait_for(2)} == {b'"data":{"number":7}}'}


def test_much_is_purged_in_small_pieces(quiet, hook, account, clock):
    hook.update(account, disabled=True)
    by = bootstrap.command_line("tests")
    with quiet.transaction():
        for number in range(1200):
            journal.write(
                quiet,
                by,
                "session.revoked",
                f"ses_{number}",
                account_id=account.id,
                app_id=hook.app_id,
                secret_id="sec_1",
            )
    for _ in range(4):
        delivery_queue.step(quiet, [], 0)
    mine = Delivery.select().where(Delivery.endpoint == hook.id)
    assert {row.state for row in mine} == {"CANCELLED"}
    clock.advance(days=MORE)

    left, more = Delivery.select().count(), True
    while more:
        before = left
        more = housekeeping.purge(quiet)
        left = Delivery.select().count()
        assert before - left <= 500

    assert mine.count() == 0


def test_signing_secrets_that_ended_30_days_ago_are_forgotten(quiet, hook, account, clock):
    account.webhooks.RotateSigningSecret(endpoint_id=hook.id, overlap={"seconds": 3600})
    of_hook = SigningSecret.select().where(SigningSecret.endpoint == hook.id)

    clock.advance(days=ALMOST)
    purge_all(quiet)
    assert of_hook.count() == 2

    clock.advance(days=0.1)
    purge_all(quiet)
    [kept] = of_hook
    assert kept.expire_time is None
