"""Who sees and changes which webhooks. All methods alike: test_access.py, test_ownership.py."""

import pytest
from grpc import StatusCode
from tests import households, people
from tests.errors import refused
from tests.methods import METHODS, find

from finlink.config import v1
from finlink_server import ids
from finlink_server.storage.models import Journal
from finlink_server.storage.webhook_models import Endpoint, SigningSecret

OF_WEBHOOKS = [method for method in METHODS if method.service == "WebhookService"]
WRITES = [method for method in OF_WEBHOOKS if not method.name.startswith(("Get", "List"))]
# Those of an app, and what stands in the answer for what the household has.
LISTS = {"ListEndpoints": "endpoint", "ListEvents": "event", "ListDeliveries": "delivery"}


@pytest.fixture(scope="module")
def owner(operator, link_front_end):
    return households.settle(operator, link_front_end)


@pytest.fixture(scope="module")
def other(operator, link_front_end):
    return households.settle(operator, link_front_end)


@pytest.fixture(scope="module")
def sibling(operator, link_front_end, owner):
    """Another app of the owner's own account."""
    return households.settle(operator, link_front_end, owner.account)


@pytest.fixture(scope="module")
def deleted(operator, link_front_end, owner):
    gone = households.settle(operator, link_front_end, owner.account)
    owner.account.accounts.DeleteApp(app_id=gone.ids["app"], password=owner.account.password)
    return gone


def listed(caller, name, **fields):
    """The ids of what a list holds."""
    answer = getattr(caller.webhooks, name)(page_size=500, **fields)
    (items,) = (value for field, value in answer.ListFields() if field.name != "next_page_token")
    return [item.id for item in items]


def stored():
    """What a call could write about webhooks, but not what comes of sending meanwhile."""
    counts = [kind.select().count() for kind in (Journal, SigningSecret)]
    endpoints = Endpoint.select(Endpoint.id, Endpoint.revision, Endpoint.delete_time)
    return counts, list(endpoints.tuples())


def request_of(method, household):
    """A request that is good for whoever may send it."""
    own = household.ids
    fields = {
        "CreateEndpoint": {"app_id": own["app"], "uri": people.NO_RECEIVER},
        "UpdateEndpoint": {
            "endpoint": {"id": own["endpoint"], "display_name": "Renamed"},
            "update_mask": {"paths": ["display_name"]},
        },
        "PublishEvent": {
            "app_id": own["app"],
            "event_id": "conn-1",
            "type": "connection.ready",
            "payload_json": "{}",
        },
        "RedeliverEvents": {"endpoint_id": own["endpoint"], "event_id": own["event"]},
    }
    return method.new_request(**fields.get(method.name, {"endpoint_id": own["endpoint"]}))


# --------------------------------------------------------------------------- whose app it is


@pytest.mark.parametrize("name", LISTS)
def test_a_session_may_leave_out_which_app_it_means(owner, name):
    assert owner.ids[LISTS[name]] in listed(owner.session, name)
    assert listed(owner.session, name) == listed(owner.session, name, app_id=owner.ids["app"])


def test_an_endpoint_of_a_session_is_its_own_apps(sibling):
    made = sibling.session.webhooks.CreateEndpoint(uri=people.NO_RECEIVER).endpoint

    assert made.app_id == sibling.ids["app"]


def test_an_account_has_to_say_for_which_of_its_apps_an_endpoint_is(owner):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        owner.account.webhooks.CreateEndpoint(uri=people.NO_RECEIVER)

    assert set(refusal.fields) == {"app_id"}


def test_the_deliveries_of_an_endpoint_are_listed_without_naming_its_app(owner, operator):
    for caller in (owner.account, owner.session, operator):
        ids_ = listed(caller, "ListDeliveries", endpoint_id=owner.ids["endpoint"])
        assert ids_ == [owner.ids["delivery"]]


@pytest.mark.parametrize("whose", ["other", "sibling", "deleted"])
def test_but_not_those_of_others_or_of_a_deleted_app(env, owner, request, whose):
    theirs = request.getfixturevalue(whose).ids["endpoint"]
    caller = owner.account if whose == "deleted" else owner.session
    told = []

    for endpoint_id in (theirs, ids.new_id("whe", env.now())):
        with refused(StatusCode.NOT_FOUND, "ENDPOINT_NOT_FOUND") as refusal:
            caller.webhooks.ListDeliveries(endpoint_id=endpoint_id)
        told.append(str((refusal.message, refusal.facts)).replace(endpoint_id, "<id>"))

    assert told[0] == told[1]


@pytest.mark.parametrize("by", ["endpoint_id", "event_id"])
def test_an_apps_deliveries_are_not_those_of_a_sibling(owner, sibling, by):
    theirs = {by: sibling.ids[by.removesuffix("_id")]}

    with refused(StatusCode.NOT_FOUND):
        owner.session.webhooks.ListDeliveries(**theirs)
    with refused(StatusCode.NOT_FOUND):
        owner.session.webhooks.ListDeliveries(app_id=owner.ids["app"], **theirs)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_holds_nothing_of_another_app(owner, sibling, name):
    theirs = sibling.ids[LISTS[name]]

    assert theirs not in listed(owner.session, name)
    assert theirs not in listed(owner.account, name, app_id=owner.ids["app"])


def test_an_event_of_another_app_is_not_sent_to_an_endpoint_of_the_same_account(owner, sibling):
    mixed = {"endpoint_id": owner.ids["endpoint"], "event_id": sibling.ids["event"]}
    before = stored()

    with refused(StatusCode.NOT_FOUND, "EVENT_NOT_FOUND"):
        owner.account.webhooks.RedeliverEvents(**mixed)

    assert stored() == before


# --------------------------------------------------------------- the services of the platform


def test_an_operator_looks_at_every_apps_webhooks(operator, owner):
    own = owner.ids
    found = operator.webhooks

    assert found.GetEndpoint(endpoint_id=own["endpoint"]).endpoint.app_id == own["app"]
    assert found.GetDelivery(delivery_id=own["delivery"]).delivery.event_id == own["event"]
    for name, kind in LISTS.items():
        assert own[kind] in listed(operator, name, app_id=own["app"])
    assert found.ListEventTypes().event_types == owner.session.webhooks.ListEventTypes().event_types


@pytest.mark.parametrize("method", WRITES, ids=str)
def test_an_operator_changes_no_webhook(server, operator, owner, method):
    before = stored()

    outcome = method.outcome(server.channel, request_of(method, owner), operator.metadata)

    assert outcome.reason == "CALLER_NOT_ALLOWED"
    assert stored() == before


@pytest.mark.parametrize(
    "method", [one for one in OF_WEBHOOKS if one.name != "PublishEvent"], ids=str
)
def test_a_publisher_neither_looks_at_webhooks_nor_changes_them(server, publisher, owner, method):
    outcome = method.outcome(server.channel, b"", publisher.metadata)

    assert outcome.reason == "CALLER_NOT_ALLOWED"


def test_a_publisher_may_publish_for_any_app_and_look_at_any_link(publisher, owner):
    request = request_of(find("PublishEvent"), owner)

    assert publisher.webhooks.PublishEvent(request).event.app_id == owner.ids["app"]
    assert publisher.links.GetLink(link_id=owner.ids["link"]).link.app_id == owner.ids["app"]


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("read", set()),
        ("write", {"CreateEndpoint", "UpdateEndpoint", "SendTestEvent", "RedeliverEvents"}),
        ("delete", {"DeleteEndpoint"}),
    ],
)
def test_a_session_changes_what_its_scope_lets_it(server, operator, link_front_end, scope, may):
    household = households.settle(operator, link_front_end)
    secret = people.new_secret(household.account, v1.App(id=household.ids["app"]))
    session = secret.start((scope,))

    done = {
        method.name
        for method in WRITES
        if method.outcome(server.channel, request_of(method, household), session.metadata).code
        == "OK"
    }

    assert done == may
