"""The protos say what a field of a request must be: their reader needs no second page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from tests.methods import FIELDS, Field, comments, is_output_only

from finlink_server import shapes
from finlink_server.rules import Inside, Many

SAID = comments("fields")
INPUTS = {one.key: one for one in FIELDS if not is_output_only(one)}
LISTS = [key for key, one in INPUTS.items() if one.last.is_repeated]
# Values that are refused, so that the rule says what it expects. A Timestamp's range is its own
# proto's to tell.
ODD_VALUES: dict[int, list[object]] = {
    FieldDescriptor.TYPE_STRING: ["", "~", "\0", "x" * 1_000_000],
    FieldDescriptor.TYPE_INT32: [-1, 2**31 - 1],
    FieldDescriptor.TYPE_INT64: [-1, 2**31 - 1],
}
ODD_MESSAGES: dict[str, list[object]] = {
    "Duration": [Duration(seconds=-1)],
    "FieldMask": [FieldMask(paths=["x"] * 10_000)],
}
# Durations as a comment says them, in place of seconds.
IN_WORDS = {"60": "1 minute", "86400": "24 hours", "604800": "7 days"}
NUMBER = re.compile(r"(?<!\w)[1-9]\d*(?!\w)")
NO_LIMIT = re.compile(r", not \d+|such as .*|`[^`]*`(?: and \d+)?|ISO [\d-]+|alpha-2")


def expectations(field: Field) -> Iterator[str]:
    """What refusals of the field say that it must be."""
    rule = shapes.rule_of(field.last)
    if isinstance(rule, Many):
        choices = rule.rule("?").removeprefix("must be one of ").split(", ")
        if len(choices) != rule.most:  # else the choices themselves are the limit
            yield rule.check(["?"] * 10_000)
        rule = rule.rule
    if isinstance(rule, Inside):
        yield f"must have at most {rule.most}" if field.last.is_repeated else ""
    elif field.last.message_type is not None:
        yield from (rule(odd) for odd in ODD_MESSAGES.get(field.last.message_type.name, []))
    else:
        yield from (rule(odd) for odd in ODD_VALUES.get(field.last.type, []))


def limits(field: Field) -> set[str]:
    """The numbers in those expectations, as a comment writes them."""
    numbers = {
        number for one in expectations(field) for number in NUMBER.findall(NO_LIMIT.sub("", one))
    }
    if field.is_a("Duration"):
        return {IN_WORDS[number] for number in numbers}
    return {f"{int(number):,}" for number in numbers}


def said_of(key: str) -> str:
    """The comment of a field, and of the fields to which it points: "as App.display_name"."""
    message = key.partition(".")[0]
    pointers = re.findall(r"\b[Aa]s ([A-Z]\w+\.\w+|[a-z]+_\w+)\b", SAID[key])
    others = {one if "." in one else f"{message}.{one}" for one in pointers}
    return " ".join([SAID[key], *(said_of(one) for one in sorted(others & SAID.keys() - {key}))])


def test_every_field_has_a_comment():
    assert INPUTS.keys() <= SAID.keys()
    assert [key for key, said in SAID.items() if not said] == []


@pytest.mark.parametrize("key", INPUTS)
def test_a_fields_comment_names_its_limits(key):
    said = said_of(key)

    missing = [limit for limit in limits(INPUTS[key]) if not re.search(rf"\b{limit}\b", said)]
    assert missing == []


@pytest.mark.parametrize(
    "key", [key for key in LISTS if isinstance(shapes.rule_of(INPUTS[key].last), Many)]
)
def test_a_lists_comment_says_whether_something_may_stand_twice(key):
    assert ("each once" in said_of(key)) == shapes.rule_of(INPUTS[key].last).once


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("CreateAppRequest.display_name", {"1", "100"}),
        ("CreateAppRequest.request_id", set()),
        ("UpdateAppRequest.update_mask", {"100"}),
        ("UpdateSettingsRequest.comment", {"500"}),
        ("ListAppsRequest.page_token", {"1,024"}),
        ("BankSettings.bank_ids", {"1,000"}),
        ("CreateSecretRequest.scopes", set()),
        ("CreateLinkTokenRequest.ttl", {"1 minute", "24 hours"}),
        ("CreateLinkTokenRequest.max_opens", {"100"}),
        ("SignInRequest.email", {"254"}),
    ],
)
def test_limits_are_found_where_there_are_some(key, found):
    assert limits(INPUTS[key]) == found
