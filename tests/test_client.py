"""The client's channels and errors."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from tests.scripted_server import SECRET_NOT_FOUND, Refusal, refusal

from finlink.config import v1
from finlink_client import FinlinkError, with_credential
from finlink_client.channel import (
    DEFAULT_TIMEOUT_SECONDS,
    KEEPALIVE_MILLISECONDS,
    is_loopback,
)

KEY = "fsk_" + 37 * "0" + "Z"


def failure(channel):
    with pytest.raises(grpc.RpcError) as raised:
        v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest(secret_id="sec_1"))
    return FinlinkError.of(raised.value)


# ------------------------------------------------------------------------------ errors


def test_an_error_carries_reason_facts_and_call_id(scripted, channel):
    scripted.answer = refusal(SECRET_NOT_FOUND, error_details_pb2.RequestInfo(request_id="call_2"))

    error = failure(channel)

    assert error.code is grpc.StatusCode.NOT_FOUND
    assert error.reason == "SECRET_NOT_FOUND"
    assert error.facts == {"secret_id": "sec_1"}
    assert error.call_id == "call_2"


def test_an_error_names_the_fields_that_break_their_rule(scripted, channel):
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="secret_id", description="must begin with sec_")
    scripted.answer = refusal(bad)

    error = failure(channel)

    assert error.field_violations == (("secret_id", "must begin with sec_"),)
    assert "secret_id: must begin with sec_" in str(error)


def test_an_error_tells_how_long_to_wait(scripted, channel):
    scripted.answer = refusal(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=3)))

    error = failure(channel)

    assert error.retry_delay == timedelta(seconds=3)
    assert "Try again in 3 s." in str(error)


def test_an_error_prints_as_a_sentence_that_can_be_looked_up(scripted, channel):
    scripted.answer = refusal(SECRET_NOT_FOUND)

    error = failure(channel)

    assert str(error) == (
        "There is no such secret. Check the id, and that the credential is of the account or the"
        " app that it belongs to. [NOT_FOUND, SECRET_NOT_FOUND, call call_1]"
    )


def test_details_that_cannot_be_read_leave_code_and_message(scripted, channel):
    garbage = ("grpc-status-details-bin", b"\xff\xff")
    scripted.answer = Refusal(grpc.StatusCode.NOT_FOUND, "No.", (garbage,))

    error = failure(channel)

    assert (error.code, error.message, error.reason) == (grpc.StatusCode.NOT_FOUND, "No.", "")


def test_the_reason_of_another_domain_is_not_taken_for_ours(scripted, channel):
    scripted.answer = refusal(error_details_pb2.ErrorInfo(domain="a.proxy", reason="BLOCKED"))

    assert failure(channel).reason == ""


# ----------------------------------------------------------------------------- channel


def test_a_call_carries_its_credential_once(scripted, channel):
    stub = v1.SecretServiceStub(with_credential(channel, KEY))

    stub.GetSecret(v1.GetSecretRequest())

    assert scripted.authorizations() == [f"Bearer {KEY}"]


def test_a_view_of_a_view_carries_the_newer_credential_alone(scripted, channel):
    stub = v1.SecretServiceStub(with_credential(with_credential(channel, "old"), "new"))

    stub.GetSecret(v1.GetSecretRequest())

    assert scripted.authorizations() == ["Bearer new"]


def test_a_view_leaves_its_channel_without_credential(scripted, channel):
    with_credential(channel, KEY)

    v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest())

    assert scripted.authorizations() == []


def test_a_call_keeps_its_other_metadata(scripted, channel):
    stub = v1.SecretServiceStub(with_credential(channel, KEY))

    stub.GetSecret(v1.GetSecretRequest(), metadata=(("x-client-trace-id", "trace"),))

    assert ("x-client-trace-id", "trace") in scripted.metadata
    assert scripted.authorizations() == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("credential", "told"),
    [
        ("", "empty"),
        ("fsk key", "printable ASCII"),
        ("fsk_key\n", "printable ASCII"),
        ("fsk_ключ", "printable ASCII"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_and_not_quoted(channel, credential, told):
    with pytest.raises(ValueError, match=told) as refused:
        with_credential(channel, credential)

    assert "fsk" not in str(refused.value)


def test_a_call_has_a_time_out_of_its_own(scripted, channel):
    v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest())

    assert scripted.time_remaining < 10 * DEFAULT_TIMEOUT_SECONDS  # gRPC rounds up on the way


def test_a_callers_time_out_counts(scripted, channel):
    v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest(), timeout=1000)

    assert scripted.time_remaining > 10 * DEFAULT_TIMEOUT_SECONDS


def test_keepalive_pings_are_rarer_than_servers_forbid():
    five_minutes = timedelta(minutes=5)

    assert timedelta(milliseconds=KEEPALIVE_MILLISECONDS) > five_minutes


@pytest.mark.parametrize(
    ("target", "loopback"),
    [
        ("127.0.0.1:50051", True),
        ("localhost:50051", True),
        ("[::1]:50051", True),
        ("dns:///localhost:50051", True),
        ("ipv4:127.0.0.1:50051,127.0.0.2:50051", True),
        ("ipv6:[::1]:50051", True),
        ("unix:/run/finlink.sock", True),
        ("config.finlink.example:443", False),
        ("localhost.evil.example:443", False),
        ("10.0.0.1:50051", False),
        ("0.0.0.0:50051", False),
        ("[2001:db8::1]:443", False),
        ("ipv4:127.0.0.1:50051,10.0.0.1:50051", False),
        ("dns://10.0.0.1/localhost:50051", False),
        ("", False),
    ],
)
def test_plaintext_is_for_loopback_alone(target, loopback):
    assert is_loopback(target) is loopback
