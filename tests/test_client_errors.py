"""The client's errors: a class for each kind, and a sentence that says what to do."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from tests.clients import of_kind
from tests.people import NO_RECEIVER
from tests.scripted_server import SECRET_NOT_FOUND, Refusal, refusal

from finlink.config import v1
from finlink_client import (
    FieldViolation,
    FinlinkError,
    NotFound,
    ScopeMissingError,
    SessionInactiveError,
    Unavailable,
    VerifierUnavailableError,
    remedies,
)
from finlink_client.errors import KINDS
from finlink_server.errors import REASONS

PUBLISHED = [
    name.removeprefix("ERROR_REASON_")
    for name in v1.ErrorReason.keys()  # noqa: SIM118 - an enum, not a mapping
    if name != "ERROR_REASON_UNSPECIFIED"
]
OF_THE_CLIENT = {"VERIFIER_UNAVAILABLE"}
NOBODY = re.sub(r"https?://|/", "", NO_RECEIVER)


@pytest.mark.parametrize("reason", PUBLISHED)
def test_every_published_reason_has_a_sentence_that_says_what_to_do(reason):
    remedy = FinlinkError(grpc.StatusCode.UNKNOWN, "It failed.", reason).remedy

    assert re.fullmatch(r"[A-Z].+\.", remedy)


def test_no_sentence_is_for_a_reason_that_is_not_published():
    assert set(remedies.REASONS) - OF_THE_CLIENT == set(PUBLISHED)


@pytest.mark.parametrize("code", [one for one in grpc.StatusCode if one is not grpc.StatusCode.OK])
def test_every_status_code_has_a_class(code):
    assert KINDS[code].__doc__


def test_every_code_of_the_service_has_a_class_of_its_own():
    codes = {grpc.StatusCode[one.code.name] for one in REASONS.values()}

    assert len({KINDS[code] for code in codes}) == len(codes)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_refusal_is_raised_with_all_that_it_tells(scripted, kind):
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="secret_id", description="must begin with sec_")
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=3))
    request = error_details_pb2.RequestInfo(request_id="call_2")
    scripted.answer = refusal(SECRET_NOT_FOUND, request, bad, retry)

    with of_kind(kind) as clients, pytest.raises(NotFound) as raised:
        clients.make(scripted.target, "anonymous").secrets.get("sec_1")

    error = raised.value
    assert (error.reason, error.facts) == ("SECRET_NOT_FOUND", {"secret_id": "sec_1"})
    assert error.field_violations == (("secret_id", "must begin with sec_"),)
    assert error.retry_delay
    assert (error.retry_delay.total_seconds(), error.call_id) == (3, "call_2")
    assert str(error) == (
        "There is no such secret. secret_id: must begin with sec_. Check the id, and that the"
        " credential is of the account or the app that it belongs to. Try again in 3 s."
        " [NOT_FOUND, SECRET_NOT_FOUND, call call_2]"
    )


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_where_nobody_answers_the_error_says_what_to_check(kind):
    with of_kind(kind) as clients, pytest.raises(Unavailable, match="Check the target") as raised:
        clients.make(NOBODY, "anonymous").signing_keys.list()

    assert raised.value.reason == ""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_details_that_cannot_be_read_leave_code_and_message(scripted, kind):
    garbage = ("grpc-status-details-bin", b"\xff\xff")
    scripted.answer = Refusal(grpc.StatusCode.NOT_FOUND, "No.", (garbage,))

    with of_kind(kind) as clients, pytest.raises(NotFound, match=r"No\. \[NOT_FOUND\]"):
        clients.make(scripted.target, "anonymous").secrets.get("sec_1")


def test_what_the_service_says_whole_is_said_once():
    error = FinlinkError(
        grpc.StatusCode.UNAUTHENTICATED,
        "The setup token is too old. Ask an operator for a new one.",
        "SETUP_TOKEN_INVALID",
    )

    assert str(error).count("operator") == 1


@pytest.mark.parametrize(
    "error",
    [
        NotFound(
            grpc.StatusCode.NOT_FOUND,
            "No.",
            "SECRET_NOT_FOUND",
            {"secret_id": "sec_1"},
            (FieldViolation("secret_id", "must be one"),),
            timedelta(seconds=3),
            "call_1",
        ),
        replace(NotFound(grpc.StatusCode.NOT_FOUND, "No."), call_id="call_2"),
        SessionInactiveError("REVOKED"),
        ScopeMissingError(["read", "write"]),
        VerifierUnavailableError(),
    ],
    ids=["whole", "a copy", "inactive", "scopes", "unavailable"],
)
def test_an_error_goes_to_another_process_and_back(error):
    pickled = pickle.dumps(error)

    for again in (pickle.loads(pickled), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))
