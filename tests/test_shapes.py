"""Bad input: every field of every request with what it must not hold."""

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from tests.errors import refused
from tests.methods import FIELDS, Field, find, is_output_only

from finlink.config import v1
from finlink_server import rules, shapes

pytestmark = pytest.mark.either("refused before any database is asked")

JUDGED_BY_THE_DOMAIN = {
    "ValidateSessionRequest.access_token",  # a bad one is an answer
    "PublishEventRequest.payload_json",  # JSON has rules of its own
}
ANSWERED_ONE_BY_ONE = {"BatchValidateSessionsRequest.access_tokens"}  # and may be named twice
INPUTS = [one for one in FIELDS if not is_output_only(one) and one.key not in JUDGED_BY_THE_DOMAIN]
TEXTS = [one for one in INPUTS if one.is_text and one.key not in ANSWERED_ONE_BY_ONE]
NUMBERS = [one for one in INPUTS if one.is_number]
ENUMS = [one for one in INPUTS if one.last.enum_type is not None]
LISTS = [one for one in INPUTS if one.last.is_repeated]
TIMES = [one for one in INPUTS if one.is_a("Timestamp")]
DURATIONS = [one for one in INPUTS if one.is_a("Duration")]
MASKS = [one for one in INPUTS if one.is_a("FieldMask")]

BAD_TEXTS = {
    "control": "Sho\x07p name",
    "NUL": "Shop\x00name",
    "line feed": "Shop name\n",
    "bidi": "Shop \u202eeman",
    "zero width": "Shop\u200bname",
    "byte order mark": "\ufeffShop name",
    "a million": "x" * 1_000_000,
}
MAY_BE_UNSPECIFIED = {
    "BankSettings.mode",
    "LinkParameters.product",
    "LinkParameters.subproduct",
    "LinkParameters.theme",
    "ListAppBanksRequest.product",
    "ListLinkTokensRequest.state",
    "ListDeliveriesRequest.state",
}


@pytest.fixture
def problem_with(outcome_of):
    """Put a value into a field: what the refusal says of that field."""

    def run(field: Field, value: object) -> str:
        outcome = outcome_of(field.method, field.put(field.method.new_request(), value))
        assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
        assert field.path in outcome.fields
        return str(outcome.fields[field.path])

    return run


def test_every_field_has_a_rule():
    assert [str(one) for one in FIELDS if shapes.rule_of(one.last) is None] == []


def test_no_rule_is_without_its_field():
    keys = {one.key for one in FIELDS}
    named_alike = {one.last.name for one in FIELDS if one.key not in shapes.SPECIFIC}

    assert set(shapes.SPECIFIC) - keys == set()
    assert set(shapes.COMMON) - named_alike == set()
    assert shapes._MAY_BE_UNSPECIFIED - keys == set()


def test_only_what_nobody_looks_at_goes_without_a_check():
    unchecked = {one.key for one in FIELDS if shapes.rule_of(one.last) is rules.anything}
    looked_at = {
        one.key
        for one in INPUTS
        if one.last.type != FieldDescriptor.TYPE_BOOL  # both of its values are good
    }

    assert unchecked & looked_at == set()


@pytest.mark.parametrize("field", TEXTS, ids=str)
def test_text_that_is_no_text_is_refused_by_its_fields_name(problem_with, field):
    for text in BAD_TEXTS.values():
        assert problem_with(field, text).startswith("must ")


@pytest.mark.parametrize("name", ["🙂", "Åsa Ñandú", "株式会社", "a", "x" * 100, "O'Brien & Søn"])
def test_a_name_may_be_what_people_write(account, name):
    request = {"display_name": name, "public_name": name, "environment": v1.ENVIRONMENT_SANDBOX}

    app = account.accounts.CreateApp(**request).app

    assert (app.display_name, app.public_name) == (name, name)


@pytest.mark.parametrize("field", ENUMS, ids=str)
def test_an_unknown_number_of_an_enum_is_refused(problem_with, field):
    for number in (99, -1, 2**31 - 1):
        assert problem_with(field, number).startswith("must be one of ")
    if field.key not in MAY_BE_UNSPECIFIED:
        assert problem_with(field, 0).startswith("must be one of ")


@pytest.mark.parametrize("field", NUMBERS, ids=str)
def test_a_negative_number_is_refused(problem_with, field):
    for number in (-1, -(2**31)):
        assert problem_with(field, number).startswith("must be at least ")


@pytest.mark.parametrize("field", LISTS, ids=str)
def test_a_list_that_is_too_long_is_refused_as_a_whole(outcome_of, field):
    entry = {FieldDescriptor.TYPE_STRING: "read", FieldDescriptor.TYPE_ENUM: 1}
    kind = field.last.message_type
    value = GetMessageClass(kind)() if kind else entry[field.last.type]
    request = field.put(field.method.new_request(), [value] * 10_000)

    outcome = outcome_of(field.method, request)

    problem = outcome.fields[field.path.removesuffix("[0]")]
    assert problem.startswith("must have ")
    assert problem.endswith(("entries", "entries, not 10000"))


@pytest.mark.parametrize(
    "field",
    [one for one in LISTS if not (one.last.message_type or one.key in ANSWERED_ONE_BY_ONE)],
    ids=str,
)
def test_a_list_names_nothing_twice(outcome_of, field):
    entry = 1 if field.last.enum_type else "read"
    request = field.put(field.method.new_request(), [entry, entry])

    outcome = outcome_of(field.method, request)

    assert outcome.fields[field.path.removesuffix("[0]")] == "must not name anything twice"


def test_every_bad_field_is_named_with_its_place(problems):
    request = v1.UpdateSettingsRequest()
    request.settings.link.redirects.add(display_name="Shop", uri="https://shop.example/")
    request.settings.link.redirects.add(id="rdr_1", display_name=" Shop", uri="")

    assert set(problems("UpdateSettings", request)) == {
        "settings.link.redirects[1].id",
        "settings.link.redirects[1].display_name",
        "settings.link.redirects[1].uri",
        "update_mask",
    }


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        (
            "UpdateSettings",
            {
                "settings": {"link": {"redirects": [{"id": "x" * 50}] * 100}},
                "update_mask": {"paths": ["*"]},
            },
        ),
        ("ListAuditEvents", {"types": [f"type {number}" for number in range(50)]}),
        ("CreateSecret", {"allowed_cidrs": [f"{number}" for number in range(20)]}),
    ],
)
def test_a_request_with_many_faults_is_still_answered_with_a_reason(problems, name, request_):
    """What names the fields travels as trailing metadata, of which clients take 8 kB."""
    assert problems(name, find(name).new_request(**request_))


@pytest.mark.parametrize("field", TIMES, ids=str)
def test_a_time_outside_the_calendar_is_refused(problem_with, field):
    for time in (
        Timestamp(seconds=253_402_300_800),
        Timestamp(seconds=-62_135_596_801),
        Timestamp(seconds=2**63 - 1),
        Timestamp(seconds=-(2**63)),
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
    ):
        assert problem_with(field, time).startswith("must be a time")


@pytest.mark.parametrize("field", DURATIONS, ids=str)
def test_a_duration_out_of_range_is_refused(problem_with, field):
    for duration in (
        Duration(seconds=-1),
        Duration(seconds=2**63 - 1),
        Duration(seconds=-(2**63)),
        Duration(seconds=8 * 24 * 3600),
        Duration(seconds=60, nanos=1),
        Duration(seconds=60, nanos=-1),
    ):
        assert "whole seconds" in problem_with(field, duration)


@pytest.mark.parametrize("field", MASKS, ids=str)
def test_a_mask_must_name_what_can_change(problem_with, field):
    for paths in ([], [""], ["id"], ["no_such"], ["*", "no_such"], ["x" * 1_000_000]):
        assert "`" in problem_with(field, FieldMask(paths=paths))


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2009", " "])
def test_a_password_may_hold_any_kind_of_space(nobody, space):
    with refused(reason="SIGN_IN_FAILED"):
        nobody.accounts.SignIn(email=f"{ord(space)}@example.com", password=f"correct{space}horse")
