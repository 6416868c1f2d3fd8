"""Requests of plain Python: what arguments may be, and how wrong ones are told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from finlink.config import v1
from finlink_client.messages import build

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "fls_test_" + 45 * "7"


@pytest.mark.parametrize("value", ["LIVE", "ENVIRONMENT_LIVE", v1.ENVIRONMENT_LIVE])
def test_an_enum_is_a_name_or_a_number(value):
    request = build(v1.CreateAppRequest, {"environment": value})

    assert request.environment == v1.ENVIRONMENT_LIVE


@pytest.mark.parametrize(
    "value", [NOON, NOON.astimezone(timezone(timedelta(hours=2))), Timestamp(seconds=1777636800)]
)
def test_a_time_is_a_datetime_of_any_zone(value):
    request = build(v1.CreateSecretRequest, {"expire_time": value})

    assert request.expire_time.ToDatetime(UTC) == NOON


@pytest.mark.parametrize("value", [timedelta(minutes=5), Duration(seconds=300)])
def test_a_length_of_time_is_a_timedelta(value):
    assert build(v1.RotateSecretRequest, {"overlap": value}).overlap.seconds == 300


def test_a_length_of_time_of_zero_is_not_the_same_as_none():
    assert build(v1.RotateSecretRequest, {"overlap": timedelta()}).HasField("overlap")
    assert not build(v1.RotateSecretRequest, {"overlap": None}).HasField("overlap")


@pytest.mark.parametrize("value", [["link"], ("link",), FieldMask(paths=["link"])])
def test_a_field_mask_is_a_list_of_paths(value):
    assert build(v1.UpdateSettingsRequest, {"update_mask": value}).update_mask.paths == ["link"]


def test_a_message_is_a_mapping_however_deep():
    settings = {
        "app_id": "app_1",
        "link": {"redirects": [{"uri": "https://a.example"}, v1.Redirect(id="rdr_1")]},
        "banks": {"mode": "ONLY", "country_codes": ("ES",)},
    }

    request = build(v1.UpdateSettingsRequest, {"settings": settings})

    assert [one.uri or one.id for one in request.settings.link.redirects] == [
        "https://a.example",
        "rdr_1",
    ]
    assert request.settings.banks.mode == v1.BANK_LIST_MODE_ONLY


def test_a_message_may_be_one_of_the_stubs_and_is_copied():
    present = v1.Settings(app_id="app_1")

    request = build(v1.UpdateSettingsRequest, {"settings": present})
    request.settings.app_id = "app_2"

    assert present.app_id == "app_1"


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        (v1.GetSecretRequest, {"secret_id": 7}, "secret_id must be a str, not an int"),
        (v1.GetSecretRequest, {"secret_id": b"x"}, "secret_id must be a str, not a bytes"),
        (v1.RevokeSecretRequest, {"validate_only": 1}, "validate_only must be a bool"),
        (v1.ListSecretsRequest, {"page_size": True}, "page_size must be an int, not a bool"),
        (v1.ListSecretsRequest, {"page_size": 2**31}, "a number of 32 bits"),
        (v1.StartSessionRequest, {"scopes": "read"}, "scopes must be a list, not a str"),
        (v1.StartSessionRequest, {"scopes": ["read", 1]}, r"scopes\[1\] must be a str"),
        (v1.CreateAppRequest, {"environment": "PROD"}, "one of SANDBOX, LIVE"),
        (v1.CreateSecretRequest, {"expire_time": 5}, "expire_time must be a datetime"),
        (v1.CreateSecretRequest, {"expire_time": NOON.replace(tzinfo=None)}, "a time zone"),
        (v1.RotateSecretRequest, {"overlap": 60}, "overlap must be a timedelta, not an int"),
        (v1.UpdateAppRequest, {"update_mask": "app"}, "update_mask must be a list"),
        (v1.UpdateAppRequest, {"app": ["x"]}, "app must be a mapping or a App, not a list"),
        (v1.UpdateAppRequest, {"app": {"nmae": "x"}}, "app has no field nmae; it has id"),
        (v1.UpdateAppRequest, {"ap": {}}, "The request has no field ap; it has app"),
        (v1.UpdateAppRequest, {"app": {"no name": 1}}, "app has no field of that name; it has"),
        (v1.GetSecretRequest, {"secret_id": "\ud800"}, "must be Unicode"),
        (
            v1.UpdateSettingsRequest,
            {"settings": {"banks": {"mode": "SOME"}}},
            "settings.banks.mode must be one of ALL, ONLY, EXCEPT",
        ),
    ],
)
def test_a_wrong_value_is_told_by_its_field(kind, fields, told):
    with pytest.raises((TypeError, ValueError), match=told):
        build(kind, fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"validate_only": SECRET},
        {"secret_id": SECRET.encode()},
        {"secret_id": SECRET + "\ud800"},
        {"secret_id": [SECRET]},
        {SECRET: "x"},
    ],
)
def test_no_complaint_quotes_what_may_be_a_secret(fields):
    with pytest.raises((TypeError, ValueError)) as refused:
        build(v1.RevokeSecretRequest, fields)

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
