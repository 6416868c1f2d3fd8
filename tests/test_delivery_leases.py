"""Who may make an attempt: leases, raced and lost, and how many at one endpoint."""

from dataclasses import dataclass

import peewee
import pysqlite3
import pytest
from tests.gates import until
from tests.hooks import seconds, stopped
from tests.races import Race
from tests.receiver import answer, slow

from finlink.config import v1
from finlink_server import dispatcher
from finlink_server.domain import delivery_queue
from finlink_server.domain.delivery_results import Result
from finlink_server.env import Env
from finlink_server.storage.webhook_models import SigningSecret

PENDING, SENDING = v1.DELIVERY_STATE_PENDING, v1.DELIVERY_STATE_SENDING
DELIVERED = v1.DELIVERY_STATE_DELIVERED
LEASE = 60  # seconds
MANY = 1000  # more than there is: of other tests too


@dataclass
class Queue:
    """The queue, worked on by hand."""

    env: Env

    def claim(self, hook):
        claimed = delivery_queue.step(self.env, [], MANY)
        return [job for job in claimed if job.endpoint_id == hook.id]

    def settle(self, job, status):
        """Say what came of an attempt."""
        result = Result(
            job.delivery_id,
            job.lease,
            job.number,
            job.endpoint_id,
            job.uri,
            start_time=self.env.now(),
            latency=1,
            status=status,
            problem="" if status == 200 else f"answered {status}",
            response="",
            truncated=False,
            retry_after=None,
        )
        delivery_queue.step(self.env, [result], 0)


@pytest.fixture
def queue(server):
    with stopped(server):
        yield Queue(server.env)


# --------------------------------------------------------------------------- claimed once


def test_raced_claims_never_give_one_attempt_to_two(queue, new_hook):
    hooks = [new_hook(f"/{number}") for number in range(5)]
    for _ in range(20):
        hooks[0].publish()  # each of them wants it

    race = Race(8, lambda _: [delivery_queue.step(queue.env, [], 9) for _ in range(8)])

    jobs = [job for claimed in race.answers for some in claimed for job in some]
    assert len({job.delivery_id for job in jobs}) == len(jobs)
    assert len({job.lease for job in jobs}) == len(jobs)
    for hook in hooks:
        assert len(hook.deliveries()) == 20
        assert len(hook.deliveries(state=SENDING)) == 8


def test_what_two_settle_at_once_is_settled_once(queue, hook):
    event_id = hook.publish()
    [job] = queue.claim(hook)

    Race(8, lambda number: queue.settle(job, 200 if number % 2 else 500))

    delivery = hook.delivery(event_id)
    assert len(delivery.attempts) == 1
    assert (delivery.state == DELIVERED) == (delivery.attempts[0].status == 200)


def test_a_result_whose_lease_was_lost_settles_nothing(queue, hook, clock):
    event_id = hook.publish()
    [lost] = queue.claim(hook)
    clock.advance(seconds=LEASE)
    [held] = queue.claim(hook)
    assert (lost.delivery_id, lost.number, held.number) == (held.delivery_id, 1, 2)
    before = hook.delivery(event_id)

    queue.settle(lost, 200)
    assert hook.delivery(event_id) == before
    queue.settle(lost, 410)
    assert hook.delivery(event_id) == before
    assert not hook.endpoint().disabled

    queue.settle(held, 200)
    assert hook.delivery(event_id).state == DELIVERED


def test_a_lease_that_ran_out_shows_as_an_attempt_and_does_not_count(queue, hook, clock):
    event_id, published = hook.publish(), clock() / 1_000_000
    for _ in range(12):  # more often than the schedule has attempts
        assert queue.claim(hook)
        clock.advance(seconds=LEASE)
    [job] = queue.claim(hook)

    queue.settle(job, 500)

    delivery = hook.delivery(event_id)
    assert (delivery.state, delivery.attempt_count) == (PENDING, 13)
    assert [one.number for one in delivery.attempts] == list(range(1, 14))
    assert {one.status for one in delivery.attempts[:-1]} == {0}
    assert published <= seconds(delivery.attempts[0].start_time) < published + 1
    assert all("ended before it could tell" in one.problem for one in delivery.attempts[:-1])
    wait = seconds(delivery.next_attempt_time) - seconds(delivery.attempts[-1].start_time)
    assert 5 <= wait < 6  # as after the first failure


def test_a_lease_is_not_taken_back_before_its_end(queue, hook, clock):
    hook.publish()
    assert queue.claim(hook)

    clock.advance(seconds=LEASE - 1)

    assert queue.claim(hook) == []
    assert hook.deliveries()[0].state == SENDING


def test_a_clock_that_is_set_back_neither_ends_nor_prolongs_a_lease(queue, hook, clock):
    event_id = hook.publish()
    [lost] = queue.claim(hook)
    clock.advance(hours=-1)
    try:
        assert delivery_queue.next_time(queue.env) <= queue.env.now()
        assert queue.claim(hook) == []  # its attempt may be under way

        clock.advance(seconds=LEASE)
        assert delivery_queue.next_time(queue.env) <= queue.env.now()
        [held] = queue.claim(hook)

        assert (lost.number, held.number) == (1, 2)
        queue.settle(held, 200)
        assert hook.delivery(event_id).state == DELIVERED
    finally:
        clock.advance(hours=1)


def test_a_lease_lost_by_a_disabled_endpoint_is_not_tried_again(queue, hook, account, clock):
    event_id = hook.publish()
    assert queue.claim(hook)
    hook.update(account, disabled=True)

    clock.advance(seconds=LEASE)

    assert queue.claim(hook) == []
    assert hook.delivery(event_id).cancel_reason == v1.CANCEL_REASON_ENDPOINT_DISABLED


# --------------------------------------------------------------- how many at one endpoint


def test_an_endpoint_gets_8_attempts_at_one_time(queue, hook):
    for _ in range(12):
        hook.publish()

    first = queue.claim(hook)
    assert len(first) == 8
    assert queue.claim(hook) == []

    for job in first[:3]:
        queue.settle(job, 200)
    assert len(queue.claim(hook)) == 3


def test_an_endpoint_that_fails_gets_one_at_a_time_and_at_most_one_a_second(queue, hook, clock):
    for _ in range(6):
        hook.publish()
    for job in queue.claim(hook):
        queue.settle(job, 500)
    clock.advance(seconds=0.9)
    assert queue.claim(hook) == []

    clock.advance(days=1)  # all of them are due
    [one] = queue.claim(hook)
    clock.advance(seconds=2)
    assert queue.claim(hook) == []  # it is still under way

    queue.settle(one, 500)
    assert queue.claim(hook) == []
    clock.advance(seconds=1)
    [one] = queue.claim(hook)

    queue.settle(one, 200)
    assert len(queue.claim(hook)) == 4  # one success is enough


def test_slow_and_dead_endpoints_hold_up_no_other(new_hook, released, hook):
    slow_one, fine = hook, new_hook("/fine")
    dead = new_hook("/dead", uri=slow_one.receiver.uri("/dead").replace("localhost", "127.0.0.2"))
    ids = [fine.publish() for _ in range(40)]  # each of them wants it

    fine.wait_for(40)

    assert sorted(fine.received) == sorted(ids)
    assert len(slow_one.requests) == 8
    assert dead.requests == []
    released.set()
    slow_one.wait_for(40)
    assert sorted(slow_one.received) == sorted(ids)


# --------------------------------------------------------------- faults of the database


@pytest.mark.sqlite("it has one lock")
def test_a_result_waits_for_a_locked_database(hook, released, server):
    event_id = hook.publish()
    hook.wait_for(1)
    other = pysqlite3.connect(str(server.config.database_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    released.set()
    until(lambda: len(server.app.dispatcher._results) == 1)
    assert hook.delivery(event_id).state == SENDING
    other.execute("ROLLBACK")
    other.close()

    assert hook.ended(event_id).state == DELIVERED
    assert hook.received == [event_id]


@pytest.fixture
def fail(monkeypatch):
    """Let a function of the queue fail now and then, before or after its work."""
    monkeypatch.setattr(dispatcher, "_AFTER_A_FAULT", 0.01)

    def arrange(name, when):
        function = getattr(delivery_queue, name)

        def run(*arguments, **named):
            if when():
                raise peewee.OperationalError("database is locked")
            return function(*arguments, **named)

        monkeypatch.setattr(delivery_queue, name, run)

    return arrange


@pytest.mark.parametrize("name", ["step", "next_time"])
def test_a_busy_database_loses_nothing_and_sends_nothing_twice(hook, server, fail, name):
    calls = iter(range(10**9))
    fail(name, lambda: next(calls) % 2 == 0)

    ids = [hook.publish() for _ in range(20)]
    delivered = [hook.ended(event_id) for event_id in ids]

    assert {one.state for one in delivered} == {DELIVERED}
    assert {one.attempt_count for one in delivered} == {1}
    assert sorted(hook.received) == sorted(ids)
    until(lambda: server.app.dispatcher._at_work == 0)


def test_what_cannot_be_signed_holds_up_no_other(new_hook):
    broken, fine = new_hook("/broken"), new_hook("/fine")
    with_a_flaw = SigningSecret.endpoint == broken.id
    SigningSecret.update(sealed_secret=b"not sealed").where(with_a_flaw).execute()
    event_id = fine.publish()

    waiting = broken.settled(event_id)

    assert fine.ended(event_id).state == DELIVERED
    assert waiting.state == PENDING
    assert waiting.attempts[0].problem.startswith("An unexpected fault of the sender")


def test_a_receiver_that_takes_its_15_seconds_does_not_cost_the_lease(hook, released, probe, clock):
    hook.on(slow(released, answer(200)))
    event_id = hook.publish()
    hook.wait_for(1)

    clock.advance(seconds=15)
    probe.look()
    released.set()

    assert hook.ended(event_id).attempt_count == 1
    assert hook.received == [event_id]
