"""Events of other services: taken once, sent as given, and never as one of our own."""

import json
import re
from pathlib import Path

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.races import Race

import finlink_server
from finlink_server.domain import event_types
from finlink_server.domain.caller import Role
from finlink_server.storage.models import ServiceKey

MOST_BYTES = 16_384
# Every word that types of our own begin with, or may come to begin with.
OWN_WORDS = sorted(event_types._OWN_WORDS)
DEEPLY = 8000  # brackets: as many as fit


def publish(caller, app, event_id="ready-1", **fields):
    asked = {"type": "connection.ready", "payload_json": '{"connection_id":"c1"}', **fields}
    return caller.webhooks.PublishEvent(app_id=app.id, event_id=event_id, **asked).event


def events_of(operator, app):
    return list(operator.webhooks.ListEvents(app_id=app.id, types=["connection.*"]).events)


@pytest.fixture
def publisher(platform):
    return platform.publisher


@pytest.fixture
def refusal_of(publisher, operator, app):
    """Publish what must be refused and leave nothing: field → what was expected."""

    def ask(**fields):
        with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
            publish(publisher, app, **fields)
        assert events_of(operator, app) == []
        return refusal.fields

    return ask


def test_a_published_event_is_told_under_its_publishers_id(hook, publisher, app):
    event = publish(publisher, app, "conn:7.ready_2-x")

    (request,) = hook.wait_for(1)
    assert (event.id, event.app_id, event.type) == ("conn:7.ready_2-x", app.id, "connection.ready")
    assert request.body == event.payload_json.encode()
    assert request.headers["webhook-id"] == event.id
    told = json.loads(request.body)
    assert list(told) == ["type", "id", "timestamp", "app_id", "data"]
    assert (told["type"], told["id"], told["app_id"]) == (event.type, event.id, app.id)
    assert told["timestamp"].startswith(event.event_time.ToDatetime().isoformat()[:19])
    assert told["data"] == {"connection_id": "c1"}


# ------------------------------------------------------------------------------- event_id


def test_the_same_event_sent_many_times_at_once_is_one(hook, publisher, operator, app):
    race = Race(32, lambda _: publish(publisher, app))
    hook.look()

    assert race.refusals == []
    (event,) = [one for one in events_of(operator, app) if one.id == "ready-1"]
    assert race.answers == [event] * 32
    assert hook.received.count("ready-1") == 1
    assert len(hook.deliveries(event_id="ready-1")) == 1


def test_of_different_events_with_one_id_the_first_stays(publisher, operator, app):
    race = Race(16, lambda number: publish(publisher, app, payload_json=f'{{"n":{number}}}'))

    assert len(race.answers) == 1
    assert race.reasons == {"FIELD_INVALID"}
    assert events_of(operator, app) == race.answers


@pytest.mark.parametrize(
    "other",
    [
        {"type": "connection.failed"},
        {"payload_json": '{"connection_id":"c2"}'},
        {"payload_json": '{"connection_id": "c1"}'},
    ],
    ids=["type", "payload", "spaces"],
)
def test_an_id_is_not_for_another_event(publisher, operator, app, other):
    first = publish(publisher, app)

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        publish(publisher, app, **other)

    assert refusal.fields == {
        "event_id": "was used for another event of this app: use a new one",
    }
    assert events_of(operator, app) == [first]


def test_in_another_app_the_id_is_free(publisher, account, app):
    other = people.new_app(account)

    events = [publish(publisher, one, payload_json=f'{{"of":"{one.id}"}}') for one in (app, other)]

    assert [event.id for event in events] == ["ready-1"] * 2
    assert [event.app_id for event in events] == [app.id, other.id]


def test_an_id_of_one_of_our_own_events_is_taken(publisher, operator, account, app):
    people.new_secret(account, app)
    (own,) = operator.webhooks.ListEvents(app_id=app.id, types=["secret.created"]).events

    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        publish(publisher, app, own.id)

    assert refusal.fields == {"event_id": "is the id of an event of this service"}


@pytest.mark.parametrize("event_id", ["", "a b", "a/b", "é", "x" * 101, "a\n"])
def test_an_id_has_the_characters_of_ids(refusal_of, event_id):
    assert list(refusal_of(event_id=event_id)) == ["event_id"]


def test_a_deleted_app_and_one_that_never_was_look_alike(publisher, account, app):
    account.accounts.DeleteApp(app_id=app.id, password=account.password)

    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        publish(publisher, app)


# ----------------------------------------------------------------------------------- type


@pytest.fixture(scope="module")
def forger(server):
    """A publisher whose key has got every prefix there is, past CreateServiceKey."""
    caller = server.key(Role.PUBLISHER, prefixes=("forger.",))
    everything = " ".join(f"{word}." for word in OWN_WORDS)
    ServiceKey.update(event_prefixes=everything).where(
        ServiceKey.event_prefixes == "forger."
    ).execute()
    return caller


@pytest.mark.parametrize("word", OWN_WORDS)
def test_nobody_publishes_an_event_of_our_own(forger, operator, app, word):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        publish(forger, app, type=f"{word}.revoked")
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as no_key:
        operator.admin.CreateServiceKey(
            display_name="Forger", roles=["ROLE_PUBLISHER"], event_prefixes=["fine.", f"{word}."]
        )

    assert refusal.fields == {
        "type": f"must not begin with `{word}.`: those are this service's own events"
    }
    assert list(no_key.fields) == ["event_prefixes[1]"]


def test_every_word_that_begins_a_row_of_the_journal_is_our_own():
    sources = Path(finlink_server.__file__).parent.rglob("*.py")
    row = re.compile(r'journal(?:\.\w+)?\(\s*env,\s*\w+,\s*"([a-z_]+)\.')

    words = {word for source in sources for word in row.findall(source.read_text())}

    assert {"secret", "session", "endpoint", "service_key", "link", "webhook"} <= words
    assert words <= set(OWN_WORDS)


@pytest.mark.parametrize("kind", ["connectionx.ready", "payout.sent", "connections.ready"])
def test_a_type_is_under_one_of_the_keys_prefixes(publisher, app, kind):
    with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED") as refusal:
        publish(publisher, app, type=kind)

    assert "types that begin with `connection.`" in refusal.message


@pytest.mark.parametrize(
    "kind", ["", "connection", "connection.", "connection..a", "Connection.a", "connection.*"]
)
def test_a_type_is_lower_case_words_joined_by_dots(refusal_of, kind):
    assert list(refusal_of(type=kind)) == ["type"]


# -------------------------------------------------------------------------------- payload

AS_GIVEN = {
    "empty": "{}",
    "odd spaces": ' \t{ "a" :\r\n1 ,"b": [ ] } \n',
    "unicode": '{"ключ":"日本語 é 🦆 \u2028"}',
    "escapes": r'{"a":"\u00e9\/\ud83e\udd86\u0000\"\\","\u0061\u0062":1}',
    "order": '{"b":1,"a":2}',
    "large integer": '{"n":' + "9" * 5000 + "}",
    "large number": '{"n":1e400,"m":-0.0,"k":1E+2,"tiny":1e-999}',
    "same member in two objects": '{"a":{"x":1},"b":{"x":1}}',
    "deep": '{"a":' + "[" * 63 + "]" * 63 + "}",
    "largest": '{"a":"' + "é" * ((MOST_BYTES - 8) // 2) + '"}',
}
NO_OBJECT = "must be a JSON object, such as {}"
REFUSED = {
    "array": ('[{"a":1}]', NO_OBJECT),
    "string": ('"a"', NO_OBJECT),
    "number": ("1", NO_OBJECT),
    "null": ("null", NO_OBJECT),
    "true": ("true", NO_OBJECT),
    "nothing": ("", "must be JSON (RFC 8259): expecting value at character 1"),
    "NaN": ('{"a":NaN}', "must be JSON (RFC 8259): NaN is no JSON number"),
    "Infinity": ('{"a":Infinity}', "must be JSON (RFC 8259): Infinity is no JSON number"),
    "-Infinity": ('{"a":[-Infinity]}', "must be JSON (RFC 8259): -Infinity is no JSON number"),
    "twice": ('{"a":1,"a":1}', "must be JSON (RFC 8259): a member stands twice"),
    "twice inside": ('{"a":[{"b":1,"b":2}]}', "must be JSON (RFC 8259): a member stands twice"),
    "twice, escaped": (r'{"a":1,"\u0061":2}', "must be JSON (RFC 8259): a member stands twice"),
    "cut off": ('{"a":', "must be JSON (RFC 8259): expecting value at character 6"),
    "two": ("{} {}", "must be JSON (RFC 8259): extra data at character 4"),
    "comma": ('{"a":1,}', "must be JSON (RFC 8259): "),
    "single quotes": ("{'a':1}", "must be JSON (RFC 8259): "),
    "comment": ("{/*a*/}", "must be JSON (RFC 8259): "),
    "leading zero": ('{"a":01}', "must be JSON (RFC 8259): "),
    "plus": ('{"a":+1}', "must be JSON (RFC 8259): "),
    "digits of another script": ('{"a":\u0661}', "must be JSON (RFC 8259): "),
    "control character": ('{"a":"\n"}', "must be JSON (RFC 8259): "),
    "zero byte": ('{"a":1}\0', "must be JSON (RFC 8259): "),
    "byte order mark": ("\ufeff{}", "must be JSON (RFC 8259): "),
    "one level too deep": (
        '{"a":' + "[" * 64 + "]" * 64 + "}",
        "must be nested at most 64 levels deep",
    ),
    "far too deep": (
        '{"a":' + "[" * DEEPLY + "]" * DEEPLY + "}",
        "must be JSON (RFC 8259): it is nested deeper than 64 levels",
    ),
    "too large": (
        '{"a":"' + "é" * ((MOST_BYTES - 8) // 2) + '"} ',
        f"must have at most {MOST_BYTES} bytes, not {MOST_BYTES + 1}",
    ),
}


@pytest.mark.parametrize("name", AS_GIVEN)
def test_a_payload_is_sent_byte_for_byte_as_it_was_given(hook, publisher, operator, app, name):
    payload = AS_GIVEN[name]

    event = publish(publisher, app, payload_json=payload)

    (request,) = hook.wait_for(1)
    assert request.body.endswith(b',"data":' + payload.encode() + b"}")
    assert event.payload_json.encode() == request.body
    assert events_of(operator, app) == [event]
    assert json.loads(request.body, parse_int=str)["data"] == json.loads(payload, parse_int=str)


@pytest.mark.parametrize("name", REFUSED)
def test_a_payload_that_is_no_json_object_is_refused_with_what_is_wrong(refusal_of, name):
    payload, problem = REFUSED[name]

    fields = refusal_of(payload_json=payload)

    assert list(fields) == ["payload_json"]
    assert fields["payload_json"].startswith(problem)
