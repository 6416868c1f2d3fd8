"""Webhook endpoints: made, changed, disabled, deleted, and shown."""

import base64
import re
import uuid

import pytest
from grpc import StatusCode
from tests import people
from tests.app_settings import read
from tests.changes import journal
from tests.errors import refused
from tests.gates import until
from tests.races import Race
from tests.receiver import answer

from finlink.config import v1

# Nobody is there: what is sent to it fails at once.
URI = "https://127.0.0.1:9/hook"
MOST = 10


def create(caller, app, uri=URI, **fields):
    return caller.webhooks.CreateEndpoint(app_id=app.id, uri=uri, **fields)


def update(caller, endpoint, *paths, **values):
    wanted = v1.Endpoint(id=endpoint.id, **values)
    return caller.webhooks.UpdateEndpoint(endpoint=wanted, update_mask={"paths": paths}).endpoint


def get(caller, endpoint):
    return caller.webhooks.GetEndpoint(endpoint_id=endpoint.id).endpoint


def listed(caller, app, **fields):
    return list(caller.webhooks.ListEndpoints(app_id=app.id, **fields).endpoints)


@pytest.fixture
def endpoint(account, app):
    return create(account, app, event_types=["secret.*"], display_name="Shop").endpoint


# ------------------------------------------------------------------------------- making one


def test_a_new_endpoint_is_what_was_asked_for(account, app, receiver):
    uri = receiver.uri("/hook?shop=7")

    made = create(account, app, uri, event_types=["secret.*", "link.opened"], display_name="Shop")

    endpoint = made.endpoint
    assert re.fullmatch(r"whe_[0-9a-z]{26}", endpoint.id)
    assert (endpoint.app_id, endpoint.uri, endpoint.display_name) == (app.id, uri, "Shop")
    assert list(endpoint.event_types) == ["secret.*", "link.opened"]
    assert (endpoint.disabled, endpoint.disabled_reason) == (False, 0)
    assert not endpoint.HasField("disable_time")
    assert not endpoint.HasField("failing_since_time")
    assert endpoint.create_time == endpoint.update_time
    assert get(account, endpoint) == endpoint


def test_its_signing_secret_is_32_random_bytes_and_shown_once(account, app):
    made = [create(account, app) for _ in range(2)]

    keys = [base64.b64decode(one.signing_secret.removeprefix("whsec_")) for one in made]
    assert all(one.signing_secret.startswith("whsec_") for one in made)
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]
    for one in made:
        (shown,) = get(account, one.endpoint).signing_secrets
        assert shown.hint == one.signing_secret.rstrip("=")[-4:]
        assert not shown.HasField("expire_time")
    for text in (str(listed(account, app)), str(journal(account)), str(read(account, app))):
        assert not any(one.signing_secret.rstrip("=")[6:] in text for one in made)


def test_the_journal_tells_where_it_leads(account, app):
    endpoint = create(account, app, event_types=["connection.*"]).endpoint

    (row,) = journal(account, target_id=endpoint.id)
    assert (row.type, row.app_id) == ("endpoint.created", app.id)
    assert dict(row.facts) == {"uri": URI, "event_types": ["connection.*"]}


def test_of_many_endpoints_made_at_once_an_app_gets_10(account, app):
    race = Race(64, lambda _: create(account, app))

    assert len(race.answers) == len(listed(account, app)) == MOST
    assert race.reasons == {"ENDPOINT_LIMIT_REACHED"}
    assert len(race.refusals) == 64 - MOST


def test_the_limit_says_how_many_and_what_to_do_and_a_deleted_one_does_not_count(account, app):
    made = [create(account, app).endpoint for _ in range(MOST)]

    with refused(StatusCode.FAILED_PRECONDITION, "ENDPOINT_LIMIT_REACHED") as refusal:
        create(account, app)

    assert refusal.facts == {"app_id": app.id, "limit": "10"}
    assert "10 webhook endpoints" in refusal.message
    assert "Delete one first" in refusal.message
    account.webhooks.DeleteEndpoint(endpoint_id=made[0].id)
    assert create(account, app).endpoint.id
    assert create(account, people.new_app(account)).endpoint.id


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("secret.revokd", "is no type of events: the nearest is secret.revoked"),
        ("settings.update", "is no type of events: the nearest is settings.updated"),
        ("app.deleted", "is no type of events: see ListEventTypes"),
        ("secrets.*", "is no type of events"),
        ("webhook.test.*", "is no type of events: the nearest is webhook.test"),
        ("*", "must be a type such as secret.revoked, or a group such as connection.*"),
        ("secret", "must be a type such as secret.revoked, or a group such as connection.*"),
        ("Secret.revoked", "must be a type such as secret.revoked, or a group such as connection"),
    ],
)
def test_types_that_would_never_come_are_refused_with_a_hint(
    account, app, endpoint, entry, problem
):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as made:
        create(account, app, event_types=["secret.*", entry])
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as changed:
        update(account, endpoint, "event_types", event_types=[entry])

    assert made.fields["event_types[1]"].startswith(problem)
    assert changed.fields["endpoint.event_types[0]"].startswith(problem)
    assert list(get(account, endpoint).event_types) == ["secret.*"]


def test_types_of_other_services_need_not_be_known(account, app):
    wanted = ["connection.ready", "payout.bank.*", "secret.*"]

    assert list(create(account, app, event_types=wanted).endpoint.event_types) == wanted


# ------------------------------------------------------------------------------ request_id


def test_a_repeat_of_a_request_makes_nothing_and_names_the_endpoint(account, app):
    again = {"request_id": str(uuid.uuid4())}
    first = create(account, app, **again).endpoint

    with refused(StatusCode.ALREADY_EXISTS, "ENDPOINT_ALREADY_EXISTS") as refusal:
        create(account, app, **again)
    with refused(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        create(account, app, URI + "/other", **again)

    assert refusal.facts == {"endpoint_id": first.id}
    assert [one.id for one in listed(account, app)] == [first.id]


def test_of_the_same_request_sent_many_times_at_once_one_makes_an_endpoint(account, app):
    again = {"request_id": str(uuid.uuid4())}

    race = Race(16, lambda _: create(account, app, **again))

    assert len(race.answers) == len(listed(account, app)) == 1
    assert race.reasons == {"ENDPOINT_ALREADY_EXISTS"}


# -------------------------------------------------------------------------------- changing


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("uri", "https://127.0.0.1:9/other"),
        ("event_types", ["link.*", "connection.ready"]),
        ("event_types", []),
        ("display_name", "Till"),
        ("display_name", ""),
        ("disabled", True),
    ],
)
def test_an_update_changes_what_is_named_and_nothing_else(account, endpoint, path, value):
    everything = {"uri": URI + "/x", "event_types": ["a.b"], "display_name": "x", "disabled": True}

    changed = update(account, endpoint, path, **(everything | {path: value}))

    names = {"uri", "event_types", "display_name", "disabled"} - {path}
    assert all(getattr(changed, name) == getattr(endpoint, name) for name in names)
    assert getattr(changed, path) == value
    assert changed.etag != endpoint.etag
    assert changed.update_time.ToMicroseconds() > endpoint.update_time.ToMicroseconds()
    assert changed.signing_secrets == endpoint.signing_secrets
    assert get(account, endpoint) == changed


def test_a_star_takes_all_four(account, endpoint):
    wanted = {"uri": URI + "/x", "event_types": ["a.b"], "display_name": "x", "disabled": True}

    changed = update(account, endpoint, "*", **wanted)

    assert {name: getattr(changed, name) for name in wanted} == wanted


def test_an_update_to_what_is_there_changes_nothing(account, endpoint):
    before = journal(account, target_id=endpoint.id)

    same = account.webhooks.UpdateEndpoint(endpoint=endpoint, update_mask={"paths": ["*"]})

    assert same.endpoint == endpoint
    assert journal(account, target_id=endpoint.id) == before


@pytest.mark.parametrize("mask", [[], ["id"], ["signing_secrets"], ["disabled_reason"]], ids=str)
def test_a_mask_names_what_a_caller_can_change(account, endpoint, mask):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        update(account, endpoint, *mask, display_name="x")

    assert all(field.startswith("update_mask") for field in refusal.fields)
    assert get(account, endpoint) == endpoint


def test_an_update_with_an_outdated_etag_changes_nothing(account, endpoint):
    changed = update(account, endpoint, "display_name", display_name="Till", etag=endpoint.etag)

    with refused(StatusCode.ABORTED, "ETAG_MISMATCH"):
        update(account, endpoint, "display_name", display_name="Lost", etag=endpoint.etag)

    assert get(account, endpoint) == changed


def test_of_many_updates_with_one_etag_one_wins(account, endpoint):
    race = Race(
        16,
        lambda number: update(
            account, endpoint, "display_name", display_name=f"No. {number}", etag=endpoint.etag
        ),
    )

    assert len(race.answers) == 1
    assert race.reasons == {"ETAG_MISMATCH"}
    assert get(account, endpoint) == race.answers[0]


# --------------------------------------------------------------------- disabled and enabled


def test_a_disabled_endpoint_says_so_everywhere_until_it_is_enabled(account, app, endpoint):
    disabled = update(account, endpoint, "disabled", disabled=True)

    assert disabled.disabled
    assert disabled.disabled_reason == v1.DISABLED_REASON_REQUESTED
    assert disabled.HasField("disable_time")
    assert listed(account, app) == list(read(account, app).webhook_endpoints) == [disabled]
    with refused(StatusCode.FAILED_PRECONDITION, "ENDPOINT_DISABLED"):
        account.webhooks.SendTestEvent(endpoint_id=endpoint.id)

    enabled = update(account, endpoint, "disabled")
    assert (enabled.disabled, enabled.disabled_reason) == (False, 0)
    assert not enabled.HasField("disable_time")
    assert listed(account, app) == list(read(account, app).webhook_endpoints) == [enabled]


def test_one_that_answered_410_says_so_everywhere(account, app, receiver, clock):
    uri = receiver.on("/gone", answer(410))
    endpoint = create(account, app, uri).endpoint

    account.webhooks.SendTestEvent(endpoint_id=endpoint.id)
    until(lambda: get(account, endpoint).disabled)

    (in_list,), (in_settings,) = listed(account, app), read(account, app).webhook_endpoints
    assert in_list == in_settings == get(account, endpoint)
    assert in_list.disabled_reason == v1.DISABLED_REASON_GONE


# ------------------------------------------------------------------------------- its end


def test_a_deleted_endpoint_is_gone(account, app, endpoint):
    account.webhooks.DeleteEndpoint(endpoint_id=endpoint.id)

    assert listed(account, app) == list(read(account, app).webhook_endpoints) == []
    for call in (
        lambda: get(account, endpoint),
        lambda: update(account, endpoint, "disabled"),
        lambda: account.webhooks.DeleteEndpoint(endpoint_id=endpoint.id),
        lambda: account.webhooks.SendTestEvent(endpoint_id=endpoint.id),
        lambda: account.webhooks.RotateSigningSecret(endpoint_id=endpoint.id),
    ):
        with refused(StatusCode.NOT_FOUND, "ENDPOINT_NOT_FOUND"):
            call()
    assert journal(account, target_id=endpoint.id)[0].type == "endpoint.deleted"


def test_the_endpoints_of_a_deleted_app_are_gone_with_it(account, app, endpoint, operator):
    account.accounts.DeleteApp(app_id=app.id, password=account.password)

    with refused(StatusCode.NOT_FOUND, "ENDPOINT_NOT_FOUND"):
        get(operator, endpoint)
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        listed(operator, app)
