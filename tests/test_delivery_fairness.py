"""Nobody's deliveries are held up, ended or spoiled by what is not theirs."""

import threading

import pytest
from tests.hooks import stopped
from tests.receiver import answer, slow

from finlink.config import v1
from finlink_server.domain import delivery_queue, delivery_results
from finlink_server.domain.delivery_results import Result
from finlink_server.resolver import AddressRefused, Resolver

ENDPOINT_DELETED = v1.CANCEL_REASON_ENDPOINT_DELETED


@pytest.fixture
def stopped_dispatcher(server):
    with stopped(server):
        yield


def result_of(job, env, status, *, problem="", is_ours=False):
    return Result(
        job.delivery_id,
        job.lease,
        job.number,
        job.endpoint_id,
        job.uri,
        start_time=env.now(),
        latency=1,
        status=status,
        problem=problem,
        response="",
        truncated=False,
        retry_after=86_400 if status == 503 else None,
        is_ours=is_ours,
    )


def claim(env, hook, **how):
    return [one for one in delivery_queue.step(env, [], 512, **how) if one.endpoint_id == hook.id]


def change_uri(account, hook, uri):
    account.webhooks.UpdateEndpoint(
        endpoint={"id": hook.id, "uri": uri}, update_mask={"paths": ["uri"]}
    )


def endpoint(account, hook):
    return account.webhooks.GetEndpoint(endpoint_id=hook.id).endpoint


@pytest.mark.parametrize("status", [410, 503])
def test_what_an_address_said_does_not_count_for_the_one_that_took_its_place(
    account, app, hook, status
):
    released = threading.Event()
    hook.on(slow(released, answer(status, headers={"Retry-After": "86400"})))
    event_id = hook.publish()
    hook.wait_for(1)

    change_uri(account, hook, hook.receiver.uri("/elsewhere"))
    released.set()
    hook.settled(event_id)

    now = endpoint(account, hook)
    assert not now.disabled
    assert not now.HasField("failing_since_time")


def test_an_endpoint_that_is_moved_is_tried_at_once(account, hook, env):
    hook.on(answer(503, headers={"Retry-After": "86400"}))
    hook.settled(hook.publish())
    assert endpoint(account, hook).HasField("failing_since_time")

    change_uri(account, hook, hook.receiver.uri("/elsewhere"))
    hook.publish()

    hook.receiver.wait_for(1, "/elsewhere")
    assert not endpoint(account, hook).HasField("failing_since_time")


def test_our_own_fault_is_not_the_endpoints(account, hook, server, stopped_dispatcher):
    hook.publish()
    [job] = claim(server.env, hook)

    fault = result_of(job, server.env, None, problem="ours", is_ours=True)
    delivery_queue.step(server.env, [fault], 0)

    assert not endpoint(account, hook).HasField("failing_since_time")


def test_when_it_is_crowded_an_endpoint_gets_one_attempt_at_a_time(
    hook, server, stopped_dispatcher
):
    for _ in range(5):
        hook.publish()

    assert len(claim(server.env, hook, crowded=True)) == 1
    assert claim(server.env, hook, crowded=True) == []
    assert len(claim(server.env, hook)) == 4


def test_an_event_from_before_an_endpoints_end_shows_as_cancelled(
    account, app, hook, server, stopped_dispatcher
):
    hook.publish()
    account.webhooks.DeleteEndpoint(endpoint_id=hook.id)
    hook.publish()  # too late: nobody wants it

    delivery_queue.step(server.env, [], 0)

    answered = account.webhooks.ListDeliveries(app_id=app.id, endpoint_id=hook.id)
    assert [one.cancel_reason for one in answered.deliveries] == [ENDPOINT_DELETED]


def test_what_ends_the_process_again_and_again_is_exhausted_at_last(
    hook, server, clock, stopped_dispatcher
):
    event_id = hook.publish()

    for lost in range(delivery_results._MOST_LOST + 24):
        claim(server.env, hook)
        clock.advance(hours=0.1 if lost < delivery_results._MOST_LOST else 27)
        delivery_queue.step(server.env, [], 0)

    assert hook.delivery(event_id).state == v1.DELIVERY_STATE_EXHAUSTED


def test_names_that_never_answer_share_a_few_threads():
    answering = threading.Event()

    def lookup(host):
        if host.startswith("hanging"):
            answering.wait(30)
        return ["8.8.8.8"]

    resolver = Resolver((), lookup, longest=0.05)
    hanging = [f"hanging{number}.example" for number in range(32)]
    for name in hanging:
        with pytest.raises(AddressRefused):
            resolver.addresses(name, plain=False)
    answering.set()
    for name in hanging:  # each has answered by now, too late
        resolver.addresses(name, plain=False)
    answering.clear()
    resolver._slow = dict.fromkeys(hanging)

    for name in hanging:
        with pytest.raises(AddressRefused):
            resolver.addresses(name, plain=False)

    assert resolver.addresses("good.example", plain=False) == ["8.8.8.8"]
    answering.set()


def test_who_waits_for_a_dns_that_does_not_answer_holds_up_nobody(
    account, app, stranger, server, monkeypatch
):
    answering = threading.Event()

    def lookup(_):
        answering.wait(100)
        return []

    hanging = Resolver((), lookup, longest=100)
    monkeypatch.setattr(server.env.resolver, "_find", hanging._find)
    waiting = [
        threading.Thread(
            target=lambda number=number: create(account, app, f"https://hanging{number}.example/")
        )
        for number in range(24)
    ]
    for thread in waiting:
        thread.start()

    stranger.accounts.GetAccount()

    answering.set()
    for thread in waiting:
        thread.join()


def test_what_is_due_is_sent_while_something_is_committed_at_every_moment(
    hook, server, monkeypatch
):
    look = server.env.feed.look
    monkeypatch.setattr(server.env.feed, "look", lambda: look()._replace(version=object()))

    assert hook.settled(hook.publish()).state == v1.DELIVERY_STATE_DELIVERED


def create(account, app, uri):
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        account.webhooks.CreateEndpoint(app_id=app.id, uri=uri)
