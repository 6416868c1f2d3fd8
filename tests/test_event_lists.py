"""ListEvents: what happened to an app in the last 30 days, wanted by an endpoint or not."""

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused

DAY = 24 * 3600


@pytest.fixture
def listed(operator, app):
    """The ids of the app's events."""

    def ask(**fields):
        answer = operator.webhooks.ListEvents(app_id=app.id, **fields)
        return [event.id for event in answer.events]

    return ask


@pytest.fixture
def publish(platform, app):
    return lambda event_id, **fields: platform.publish(app.id, event_id, **fields)


def test_events_are_listed_newest_first_though_nobody_wants_them(listed, publish):
    ids = [publish(f"e{number}") for number in range(5)]

    assert listed() == ids[::-1]


def test_only_the_apps_own_are_listed(account, app, listed, platform, publish):
    people.new_secret(account, people.new_app(account))
    platform.publish(people.new_app(account).id, "theirs")
    publish("ours")

    assert listed() == ["ours"]


@pytest.mark.parametrize(
    ("types", "ids"),
    [
        ([], ["e4", "e3", "e2", "e1"]),
        (["connection.ready"], ["e1"]),
        (["connection.*"], ["e4", "e3", "e2", "e1"]),
        (["connection.lost.*"], ["e3", "e2"]),
        (["connection.ready", "connection.lost.*"], ["e3", "e2", "e1"]),
        (["connection.read"], []),
        (["secret.*"], []),
    ],
    ids=",".join,
)
def test_a_filter_takes_types_and_groups(listed, publish, types, ids):
    kinds = ["connection.ready", "connection.lost.once", "connection.lost.twice", "connection.lost"]
    for number, kind in enumerate(kinds, start=1):
        publish(f"e{number}", type=kind)

    assert listed(types=types) == ids


def test_a_filter_by_a_type_that_there_is_not_is_refused_with_a_hint(listed):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        listed(types=["connection.ready", "secret.revokd"])

    assert refusal.fields == {"types[1]": "is no type of events: the nearest is secret.revoked"}


def test_a_window_begins_with_its_start_and_ends_before_its_end(operator, app, listed, publish):
    ids = [publish(f"e{number}") for number in range(4)]
    events = operator.webhooks.ListEvents(app_id=app.id).events
    times = {event.id: event.event_time for event in events}

    assert listed(start_time=times["e1"], end_time=times["e3"]) == ["e2", "e1"]
    assert listed(start_time=times["e2"]) == ["e3", "e2"]
    assert listed(end_time=times["e1"]) == ["e0"]
    assert listed(start_time=times["e1"], end_time=times["e1"]) == []
    assert len(times) == len(ids)


def in_pages(operator, app, **fields):
    """Every page's ids."""
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        answer = operator.webhooks.ListEvents(app_id=app.id, page_token=token, **fields)
        pages.append([event.id for event in answer.events])
        token = answer.next_page_token
    return pages


def test_pages_hold_every_event_once_while_new_ones_come(operator, app, publish):
    ids = [publish(f"e{number}") for number in range(5)]
    first = operator.webhooks.ListEvents(app_id=app.id, page_size=2)
    publish("newer")

    rest = operator.webhooks.ListEvents(
        app_id=app.id, page_size=500, page_token=first.next_page_token
    )

    assert [event.id for event in (*first.events, *rest.events)] == ids[::-1]
    assert [len(page) for page in in_pages(operator, app, page_size=2)] == [2, 2, 2]


def test_a_page_of_large_events_is_one_that_a_client_can_take(operator, app, publish):
    payload = '{"x":"' + "é" * 8000 + '"}'
    ids = [publish(f"e{number}", payload_json=payload) for number in range(70)]

    pages = in_pages(operator, app, page_size=500)

    assert len(pages) == 2
    assert [one for page in pages for one in page] == ids[::-1]


def test_a_token_is_for_its_filter(operator, app, listed, publish):
    for number in range(3):
        publish(f"e{number}")
    token = operator.webhooks.ListEvents(app_id=app.id, page_size=1).next_page_token

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        listed(page_token=token, types=["connection.*"])


def test_events_are_listed_for_30_days(listed, publish, clock):
    publish("old")
    clock.advance(seconds=30 * DAY - 60)
    publish("young")
    assert listed() == ["young", "old"]

    clock.advance(seconds=61)

    assert listed() == ["young"]
    assert listed(start_time={"seconds": 0}) == ["young"]
