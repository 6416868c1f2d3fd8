"""Events: each is caused through the API, and arrives where it is wanted."""

import itertools
import json
from dataclasses import replace

import pytest
from grpc import StatusCode
from tests import canaries, people
from tests.errors import refused
from tests.gates import until
from tests.hooks import Platform
from tests.link_urls import open_link
from tests.own_events import CAUSES, Cause
from tests.receiver import answer

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import delivery_queue, journal
from finlink_server.domain.caller import Role

MEMBERS = ["type", "id", "timestamp", "app_id", "data"]
# What a sample shows or leaves null, as the descriptions say.
MAY_BE_NULL = {"expire_time", "ended_session_id", "link_token_id", "rolled_back_to"}


@pytest.fixture
def cause(account, app, nobody, link_front_end, clock, new_hook):
    return Cause(account, app, nobody, link_front_end, clock, new_hook)


@pytest.fixture
def samples(account):
    return {
        one.name: json.loads(one.sample_json)
        for one in account.webhooks.ListEventTypes().event_types
    }


def listed(operator, app, *types, **fields):
    """The events of an app, newest first."""
    return list(operator.webhooks.ListEvents(app_id=app.id, types=types, **fields).events)


def disable(account, hook):
    account.webhooks.UpdateEndpoint(
        endpoint={"id": hook.id, "disabled": True}, update_mask={"paths": ["disabled"]}
    )


def type_of(value):
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


# ------------------------------------------------------------------------- what they tell


@pytest.mark.parametrize("kind", CAUSES)
def test_what_happens_arrives_as_its_type_is_documented(cause, new_hook, samples, kind):
    hook = new_hook("/told", event_types=[kind])
    data = CAUSES[kind](cause)

    (request,) = hook.wait_for(1)

    told, sample = json.loads(request.body), samples[kind]
    assert told["data"] == data
    assert (told["type"], told["app_id"]) == (kind, cause.app.id)
    assert list(told) == list(sample) == MEMBERS
    assert list(told["data"]) == list(sample["data"])
    for name, value in told["data"].items():
        shown = sample["data"][name]
        nothing = name in MAY_BE_NULL and None in {value, shown}
        assert nothing or type_of(value) is type_of(shown)
    assert canaries.find(people.CANARIES, request.body) == []
    assert len(request.body) < 20_000


@pytest.mark.parametrize("kind", CAUSES)
def test_what_happens_is_listed_with_the_body_that_is_sent(cause, new_hook, operator, kind):
    hook = new_hook("/told", event_types=[kind])
    CAUSES[kind](cause)

    (request,) = hook.wait_for(1)

    (event,) = listed(operator, cause.app, kind)
    assert (event.id, event.type, event.app_id) == (
        request.headers["webhook-id"],
        kind,
        cause.app.id,
    )
    assert event.payload_json.encode() == request.body
    assert json.loads(request.body)["timestamp"] == (
        f"{event.event_time.ToDatetime():%Y-%m-%dT%H:%M:%S.%f}Z"
    )


def test_a_test_event_tells_for_which_endpoint_it_is(account, app, new_hook, samples):
    hook = new_hook("/told", event_types=["connection.*"])

    sent = account.webhooks.SendTestEvent(endpoint_id=hook.id)

    (request,) = hook.wait_for(1)
    told, sample = json.loads(request.body), samples["webhook.test"]
    assert (told["id"], told["type"], told["app_id"]) == (sent.event.id, "webhook.test", app.id)
    assert told["data"] == {"endpoint_id": hook.id}
    assert list(told) == list(sample) == MEMBERS
    assert list(sample["data"]) == ["endpoint_id"]
    assert sent.delivery.cause == v1.DELIVERY_CAUSE_TEST


def test_every_type_is_caused_above(samples):
    assert list(samples) == sorted([*CAUSES, "webhook.test"])


def test_a_rollback_tells_the_version_that_is_back(account, app, operator, cause):
    cause.settings_updated()

    account.settings.RollbackSettings(app_id=app.id, version=1)

    data = json.loads(listed(operator, app, "settings.updated")[0].payload_json)["data"]
    assert data == {
        "version": 3,
        "changed_paths": ["link.force_auth_token"],
        "rolled_back_to": 1,
    }


# ------------------------------------------------------------------------- who is told


@pytest.fixture
def filled(account, app, receiver, env):
    """Go on when the server has decided who is told of what happened by now, and sends it."""
    uri = receiver.uri("/watch")
    watch = account.webhooks.CreateEndpoint(app_id=app.id, uri=uri, event_types=["nothing.*"])

    def wait():
        sent = account.webhooks.SendTestEvent(endpoint_id=watch.endpoint.id)
        receiver.wait_until(
            lambda: sent.event.id in [one.headers["webhook-id"] for one in receiver.to("/watch")]
        )
        until(lambda: not delivery_queue.has_news(env))  # it has its delivery before all others

    return wait


def told_of(hook):
    """The types of which an endpoint is told, oldest first."""
    return [one.event_type for one in reversed(hook.deliveries())]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ([], ["secret.created", "connection.ready", "connection.lost.again", "connections.up"]),
        (["secret.created"], ["secret.created"]),
        (["secret.revoked"], []),
        (["connection.*"], ["connection.ready", "connection.lost.again"]),
        (["connection.lost.*"], ["connection.lost.again"]),
        (["connection.ready", "secret.*"], ["secret.created", "connection.ready"]),
    ],
    ids=lambda types: ",".join(types) or "all",
)
def test_an_endpoint_is_told_what_it_wants(
    account, app, operator, server, new_hook, filled, wanted, told
):
    hook = new_hook("/told", event_types=wanted)
    key = server.key(Role.PUBLISHER, prefixes=("connection.", "connections."))

    people.new_secret(account, app)
    for kind in ("connection.ready", "connection.lost.again", "connections.up"):
        Platform(operator, key).publish(app.id, type=kind)
    filled()

    assert told_of(hook) == told


def test_an_endpoint_is_told_what_happens_from_its_making_on(account, app, new_hook, filled):
    before = people.new_secret(account, app)
    hook = new_hook("/told")
    after = people.new_secret(account, app)
    filled()

    (request,) = hook.wait_for(1)
    assert json.loads(request.body)["data"]["secret_id"] == after.id != before.id
    assert len(hook.deliveries()) == 1


def test_changed_wants_hold_for_what_happens_from_then_on(account, app, new_hook, filled):
    hook = new_hook("/told", event_types=["link.*"])
    people.new_secret(account, app)
    filled()

    account.webhooks.UpdateEndpoint(
        endpoint={"id": hook.id, "event_types": ["secret.*"]},
        update_mask={"paths": ["event_types"]},
    )
    secret = people.new_secret(account, app)
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
    filled()

    assert told_of(hook) == ["secret.created", "secret.revoked"]


def test_another_app_hears_nothing_of_it(account, app, new_hook, filled):
    other = new_hook("/other", of=people.new_app(account))
    people.new_secret(account, app)
    filled()

    assert told_of(other) == []


def test_a_test_event_goes_to_its_endpoint_alone(account, new_hook, filled):
    hook, other = new_hook("/told", event_types=["link.*"]), new_hook("/other")

    account.webhooks.SendTestEvent(endpoint_id=hook.id)
    filled()

    assert told_of(hook) == ["webhook.test"]
    assert told_of(other) == []


@pytest.mark.parametrize("reason", ["REQUESTED", "GONE"])
def test_that_an_endpoint_was_disabled_is_told_to_the_others(account, new_hook, filled, reason):
    ended, other = new_hook("/ended"), new_hook("/other")

    if reason == "GONE":
        ended.on(answer(410))
        account.webhooks.SendTestEvent(endpoint_id=ended.id)
    else:
        disable(account, ended)

    (request,) = other.wait_for(1)
    data = {"endpoint_id": ended.id, "disabled_reason": reason}
    assert json.loads(request.body)["data"] == data
    filled()
    assert "endpoint.disabled" not in told_of(ended)


def test_disabling_twice_and_enabling_are_told_to_nobody(account, app, operator, new_hook):
    hook = new_hook("/told")
    for disabled in (True, True, False):
        account.webhooks.UpdateEndpoint(
            endpoint={"id": hook.id, "disabled": disabled}, update_mask={"paths": ["disabled"]}
        )

    assert [one.type for one in listed(operator, app)] == ["endpoint.disabled"]


# -------------------------------------------------------------------------- refused Links


def test_refused_links_are_told_once_for_each_reason_and_minute_when_it_is_over(
    redirect_id, app, operator, link_front_end, clock, new_hook, filled
):
    hook = new_hook("/told", event_types=["link.*"])
    minute = clock() // 60_000_000 + 1

    def refuse(times, reason, **parameters):
        for _ in range(times):
            with refused(StatusCode.FAILED_PRECONDITION, reason):
                open_link(link_front_end, id=redirect_id, **parameters)

    clock.advance_to(minute * 60)
    refuse(3, "LINK_PARAMETER_INVALID", product="NONE")
    refuse(2, "LINK_BANK_NOT_AVAILABLE", product="TRANSACTIONS", entity="xx-none")
    clock.advance_to(minute * 60 + 59)
    refuse(1, "LINK_PARAMETER_INVALID", product="NONE")
    filled()
    waiting = hook.deliveries()
    assert {one.state for one in waiting} == {v1.DELIVERY_STATE_PENDING}
    assert all(one.next_attempt_time.ToSeconds() >= (minute + 1) * 60 for one in waiting)

    clock.advance_to((minute + 1) * 60 + 1)
    refuse(1, "LINK_PARAMETER_INVALID", product="NONE")
    clock.advance_to((minute + 2) * 60 + 30)
    told = [json.loads(request.body)["data"] for request in hook.wait_for(3)]
    assert sorted((one["reason"], one["count"]) for one in told) == [
        ("LINK_BANK_NOT_AVAILABLE", 2),
        ("LINK_PARAMETER_INVALID", 1),
        ("LINK_PARAMETER_INVALID", 4),
    ]
    assert len(listed(operator, app, "link.refused")) == 3


def test_a_refusal_as_a_minute_ends_counts_in_the_minute_that_it_tells(env, account, app, operator):
    end, by = (env.now() // 60_000_000 + 1) * 60_000_000, bootstrap.command_line("tests")

    for begin in (end - 2, end + 1000):
        late = replace(env, now=itertools.count(begin).__next__)
        with env.transaction():
            journal.refuse_link(late, by, "REASON", account_id=account.id, app_id=app.id)

    told = [json.loads(one.payload_json)["data"] for one in listed(operator, app, "link.refused")]
    assert [one["count"] for one in told] == [1, 1]


def test_explaining_a_link_is_no_event(app, redirect_id, operator, link_front_end):
    for query in (f"id={redirect_id}&product=NONE", f"id={redirect_id}&product=TRANSACTIONS"):
        link_front_end.links.ExplainLink(query=query)

    assert listed(operator, app, "link.*") == []
