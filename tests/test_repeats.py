"""Calls that are made again by themselves: those that may be, and nothing is made twice."""

from __future__ import annotations

import json
import uuid
from importlib.resources import files
from pathlib import Path

import grpc
import pytest
from tests.gates import until
from tests.methods import METHODS
from tests.processes import Process
from tests.scripted_server import Refusal

from finlink.config import v1
from finlink_client import open_channel
from finlink_client.channel import connect
from finlink_client.repeats import READS, READS_AND_REQUEST_IDS
from finlink_server import status
from finlink_server.errors import RateLimited, ShuttingDown

# At once, so that tests need not wait: as the service says with how long to wait.
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", (("grpc-retry-pushback-ms", "1"),))
READING = ("Get", "List", "Validate", "BatchValidate", "Explain", "Verify")
BUSY = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", (("grpc-retry-pushback-ms", "1"),))


def published(name: str) -> list[dict[str, list[dict[str, str]]]]:
    config = json.loads((files("finlink.config.v1") / name).read_text(encoding="utf-8"))
    entries: list[dict[str, list[dict[str, str]]]] = config["methodConfig"]
    return entries


def repeated(name: str) -> set[str]:
    """The methods that a published service config lets gRPC call again."""
    return {
        path(one) for entry in published(name) if "retryPolicy" in entry for one in entry["name"]
    }


def path(name: dict[str, str]) -> str:
    return f"/{name['service']}/{name.get('method', '')}"


# ------------------------------------------------------------------------- what is published


def test_what_changes_nothing_may_be_repeated_and_with_a_request_id_what_takes_one():
    unary = [method for method in METHODS if not method.streams]
    reads = {one.path for one in unary if one.name.startswith(READING)}
    with_id = {one.path for one in unary if "request_id" in one.request.fields_by_name}

    assert repeated(READS) == reads
    assert repeated(READS_AND_REQUEST_IDS) == reads | with_id


@pytest.mark.parametrize("name", [READS, READS_AND_REQUEST_IDS])
def test_each_service_has_a_time_out_and_what_is_watched_has_none(name):
    timeouts = {
        path(one): entry.get("timeout") for entry in published(name) for one in entry["name"]
    }

    for method in METHODS:
        of_service = timeouts[f"{method.path.rpartition('/')[0]}/"]
        assert (timeouts.get(method.path, of_service) is None) == method.streams


# ---------------------------------------------------------------------------- what a client does


def test_a_read_that_met_unavailable_is_made_again(scripted, channel):
    scripted.first = [AWAY, AWAY]

    assert v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest()) == scripted.answer
    assert len(scripted.requests) == 3


def test_no_call_is_made_more_than_four_times(scripted, channel):
    scripted.answer = AWAY

    with pytest.raises(grpc.RpcError, match="away"):
        v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest())
    assert len(scripted.requests) == 4


def test_only_unavailable_invites_a_repeat(scripted, channel):
    scripted.answer = BUSY

    with pytest.raises(grpc.RpcError, match="busy"):
        v1.SecretServiceStub(channel).GetSecret(v1.GetSecretRequest())
    assert len(scripted.requests) == 1


def test_a_write_is_repeated_with_the_same_request_id(scripted, channel):
    scripted.first = [AWAY]
    request = v1.CreateSecretRequest(app_id="app_1", display_name="x")

    v1.SecretServiceStub(channel).CreateSecret(request)
    v1.SecretServiceStub(channel).CreateSecret(request)

    sent = [v1.CreateSecretRequest.FromString(one) for one in scripted.requests]
    first, again, another = [one.request_id for one in sent]
    assert str(uuid.UUID(first)) == first
    assert (again == first, another == first) == (True, False)
    assert {one.app_id for one in sent} == {"app_1"}
    assert request == v1.CreateSecretRequest(app_id="app_1", display_name="x")  # the caller's own


def test_a_callers_request_id_counts(scripted, channel):
    mine = str(uuid.uuid4())

    v1.SecretServiceStub(channel).CreateSecret(v1.CreateSecretRequest(request_id=mine))

    assert v1.CreateSecretRequest.FromString(scripted.requests[0]).request_id == mine


@pytest.mark.parametrize("opened", [open_channel, connect])
def test_a_write_that_takes_no_request_id_is_made_once(scripted, opened):
    scripted.answer = AWAY

    with opened(scripted.target) as channel, pytest.raises(grpc.RpcError, match="away"):
        v1.SecretServiceStub(channel).RevokeSecret(v1.RevokeSecretRequest())
    assert len(scripted.requests) == 1


def test_a_channel_that_adds_no_request_ids_repeats_no_writes(scripted):
    scripted.answer = AWAY

    with connect(scripted.target) as channel, pytest.raises(grpc.RpcError, match="away"):
        v1.SecretServiceStub(channel).CreateSecret(v1.CreateSecretRequest())
    assert len(scripted.requests) == 1


# ---------------------------------------------------------------------------- what the server does


@pytest.mark.parametrize(
    ("refusal", "pushback"), [(ShuttingDown(), "1000"), (RateLimited(7), None)]
)
def test_a_server_that_is_away_tells_grpc_too_how_long_to_wait(refusal, pushback):
    trailing = dict(status.of(refusal, "call_1").trailing_metadata)

    assert trailing.get("grpc-retry-pushback-ms") == pushback


def test_a_connection_is_made_anew_and_no_call_notices(home):
    with home.serving(LIMIT_CONNECTION_AGE="1") as server:
        operator, seen = server.caller(home.operator_key), set()

        def see() -> bool:
            assert operator.admin.ListAccounts() is not None
            seen.update(peers(server))
            return len(seen) >= 3

        until(see)


def peers(server: Process) -> set[str]:
    """The ports of those who are connected to a server: /proc/net/tcp6, proc(5)."""
    port = f"{int(server.target.rpartition(':')[2]):04X}"
    lines = [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {
        there.rpartition(":")[2]
        for _, here, there, state, *_ in lines
        if here.endswith(f":{port}") and state == "01"  # established
    }
