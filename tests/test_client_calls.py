"""The client's calls: time-outs, repeats, credentials, and a server that is started again."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from tests import people
from tests.clients import of_kind
from tests.gates import until
from tests.proxy import proxied
from tests.scripted_server import Refusal

from finlink.config import v1
from finlink_client import (
    DeadlineExceeded,
    FinlinkError,
    InvalidArgument,
    SessionVerifier,
    Unauthenticated,
    Unavailable,
)

KEY = "fsk_" + 37 * "0" + "Z"
EITHER = pytest.mark.either("about the client's end of a call alone")
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", (("grpc-retry-pushback-ms", "1"),))


# ----------------------------------------------------------------------- time and repeats


@EITHER
@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, 10), (60, 60), (timedelta(minutes=2), 120)]
)
def test_a_call_has_a_time_out(scripted, anonymous, timeout, seconds):
    anonymous.secrets.get("sec_1", timeout=timeout)

    assert seconds - 5 < scripted.time_remaining <= seconds + 1  # gRPC rounds up on the way


@EITHER
@pytest.mark.parametrize("timeout", [100, timedelta(seconds=100)])
def test_a_client_may_have_another_one(clients, scripted, timeout):
    clients.make(scripted.target, "anonymous", timeout=timeout).secrets.get("sec_1")

    assert 60 < scripted.time_remaining <= 101


@EITHER
@pytest.mark.parametrize("timeout", [0, -1, timedelta(), float("inf"), float("nan"), 1e10])
def test_a_time_out_of_nothing_or_for_ever_is_refused(clients, scripted, anonymous, timeout):
    with pytest.raises(ValueError, match="above zero seconds, and a year at most"):
        anonymous.secrets.get("sec_1", timeout=timeout)
    with pytest.raises(ValueError, match="above zero seconds, and a year at most"):
        clients.make(scripted.target, "anonymous", timeout=timeout)


@EITHER
def test_a_time_out_may_be_a_year(anonymous):
    assert anonymous.secrets.get("sec_1", timeout=timedelta(days=365)) is not None


@EITHER
def test_a_time_out_counts_for_the_login_too(clients, server, secret):
    with proxied(server.app.port) as proxy:
        client = clients.make(proxy.target, client_id=secret.app_id, client_secret=secret.plaintext)
        proxy.stall()

        with pytest.raises(DeadlineExceeded, match="longer time-out"):
            client.settings.get(timeout=0.2)
        proxy.flow()
        assert client.settings.get(timeout=60).app_id == secret.app_id


@EITHER
def test_a_repeat_carries_the_request_id_that_the_client_made(scripted, anonymous):
    scripted.first = [AWAY]

    anonymous.secrets.create("app_1", display_name="x")
    anonymous.secrets.create("app_1", display_name="x")

    first, again, another = (
        v1.CreateSecretRequest.FromString(one).request_id for one in scripted.requests
    )
    assert first
    assert (again == first, another == first) == (True, False)


@EITHER
def test_a_request_id_of_ones_own_counts(scripted, anonymous):
    mine = "9b2b1d3c-8d5e-4a58-9f0a-0d5f0c1f8a11"

    anonymous.secrets.create("app_1", display_name="x", request_id=mine)

    assert v1.CreateSecretRequest.FromString(scripted.requests[0]).request_id == mine


@EITHER
@pytest.mark.parametrize(("reads", "tries"), [(True, 4), (False, 1)])
def test_what_changes_nothing_is_tried_again_and_what_might_is_not(
    scripted, anonymous, reads, tries
):
    scripted.answer = AWAY

    call = anonymous.secrets.get if reads else anonymous.secrets.report_leaked
    named = {"secret_id" if reads else "client_secret": "x"}

    with pytest.raises(Unavailable):
        call(**named)
    assert len(scripted.requests) == tries


@EITHER
def test_a_login_is_tried_again(clients, scripted):
    scripted.answer = AWAY

    with pytest.raises(Unavailable):
        clients.make(scripted.target, client_id="app_1", client_secret="x").settings.get()
    assert len(scripted.requests) == 4


# ------------------------------------------------------------------------------- metadata


@EITHER
def test_a_call_carries_its_metadata_and_one_credential(clients, scripted):
    client = clients.make(scripted.target, "with_service_key", service_key=KEY)

    client.secrets.get("sec_1", metadata={"x-client-trace-id": "trace"})

    assert ("x-client-trace-id", "trace") in scripted.metadata
    assert scripted.authorizations() == [f"Bearer {KEY}"]


@EITHER
def test_many_customers_stand_on_one_connection(clients, server, account, stranger):
    client = clients.make(server.target, "anonymous")

    seen = [client.using(token=one.token).accounts.get().id for one in (account, stranger)]

    assert seen == [account.id, stranger.id]
    assert client.signing_keys.list().keys


@EITHER
def test_to_close_a_view_changes_nothing(clients, scripted, anonymous):
    view = anonymous.using(token="token")

    view.close()

    assert view.secrets.get("sec_1") is not None
    assert anonymous.secrets.get("sec_1") is not None


@EITHER
def test_a_call_brings_no_credential_of_its_own(anonymous):
    with pytest.raises(ValueError, match="another client"):
        anonymous.secrets.get("sec_1", metadata={"Authorization": "Bearer x"})


@EITHER
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("X-Client-Trace-Id", "trace"),
        ("x client", "trace"),
        ("", "trace"),
        ("grpc-timeout", "1S"),
        ("x-name", "é"),
        ("x-name", "two\nlines"),
        ("x-name", b"bytes"),
        ("x-name-bin", "text"),
        ("x-name", None),
    ],
)
def test_metadata_that_cannot_be_sent_is_told_by_its_key(scripted, anonymous, key, value):
    with pytest.raises((TypeError, ValueError), match=f"^metadata {key!r}"):
        anonymous.secrets.get("sec_1", metadata={key: value})
    with pytest.raises((TypeError, ValueError), match=f"^metadata {key!r}"):
        anonymous.settings.watch(metadata={key: value})

    assert scripted.requests == []


@EITHER
def test_metadata_is_text_or_bytes(scripted, anonymous):
    anonymous.secrets.get("sec_1", metadata={"x-note_1.a": "a ~ note", "x-note-bin": b"\xff\0"})

    assert {("x-note_1.a", "a ~ note"), ("x-note-bin", b"\xff\0")} <= set(scripted.metadata)


@EITHER
def test_methods_that_are_open_to_everybody_get_no_credential(clients, scripted):
    client = clients.make(scripted.target, "with_token", token="token")

    client.secrets.report_leaked(client_secret="x")

    assert scripted.authorizations() == []


@EITHER
@pytest.mark.parametrize("credential", ["fsk key", "fsk_key\n", "fsk_ключ"])
def test_what_cannot_be_a_credential_is_refused_and_not_quoted(clients, credential):
    with pytest.raises(ValueError, match="printable ASCII") as refused:
        clients.make("localhost:1", "with_token", token=credential)

    assert "fsk" not in str(refused.value)


@EITHER
@pytest.mark.parametrize("empty", [None, "", b"x"], ids=["None", "empty", "bytes"])
@pytest.mark.parametrize(
    ("credential", "fields"),
    [
        ("", ["client_id", "client_secret"]),
        ("with_password", ["email", "password"]),
        ("with_service_key", ["service_key"]),
        ("with_token", ["token"]),
    ],
)
def test_who_gives_no_credential_is_not_taken_for_nobody(clients, credential, fields, empty):
    for field in fields:
        with pytest.raises((TypeError, ValueError), match=f"^{field} (is empty|must be a str)"):
            clients.make("localhost:1", credential, **{**dict.fromkeys(fields, "x"), field: empty})


@EITHER
@pytest.mark.parametrize("token", [None, ""])
def test_a_view_with_no_token_is_not_one_of_nobody(anonymous, token):
    with pytest.raises((TypeError, ValueError), match=r"^token "):
        anonymous.using(token=token)


# -------------------------------------------------------------------- targets and options


@EITHER
@pytest.mark.parametrize(
    "target", ["", " ", "http://127.0.0.1:50051", "HTTPS://a.example", "grpc://a.example", "a b:1"]
)
def test_what_is_no_target_is_told_when_the_client_is_made(clients, target):
    with pytest.raises(ValueError, match="A target is host:port"):
        clients.make(target, "anonymous")
    with pytest.raises(ValueError, match="A target is host:port"):
        SessionVerifier(target, KEY)


@EITHER
@pytest.mark.parametrize(
    "target", ["localhost", "dns:///localhost:1", "ipv4:127.0.0.1:1", "unix:///run/x", "[::1]:1"]
)
def test_what_grpc_takes_as_a_target_is_one(clients, target):
    assert clients.make(target, "anonymous")


@EITHER
@pytest.mark.parametrize(
    ("credential", "fields"),
    [
        ("", {"client_id": "x", "client_secret": "x"}),
        ("anonymous", {}),
        ("with_token", {"token": "x"}),
    ],
)
@pytest.mark.parametrize("misspelt", ["timout", "plaintex", "root_cert"])
def test_an_option_that_is_misspelt_is_told(clients, credential, fields, misspelt):
    with pytest.raises(TypeError, match=f"{misspelt} is no option.* timeout, plaintext"):
        clients.make("localhost:1", credential, **fields, **{misspelt: True})


# ------------------------------------------------------------------------------ a restart


def test_a_client_outlives_a_restart_of_the_server(clients, home):
    with home.serving() as before, proxied(before.port) as proxy:
        account = people.new_account(before.caller(home.operator_key))
        secret = people.new_secret(account, people.new_app(account))
        client = clients.make(proxy.target, client_id=secret.app_id, client_secret=secret.plaintext)
        session_id = client.sessions.get().id
        before.kill()
        proxy.cut()
        with pytest.raises((Unavailable, DeadlineExceeded)):
            client.settings.get()

        with home.serving() as after:
            proxy.mend(after.port)
            until(lambda: answers(client))

            assert client.sessions.get().id == session_id  # a restart ends no session


def answers(client) -> bool:
    try:
        client.settings.get()
    except (Unavailable, DeadlineExceeded):
        return False
    return True


@EITHER
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_service_names_the_field_that_is_wrong(server, account, kind):
    with of_kind(kind) as clients, pytest.raises(InvalidArgument) as refused:
        clients.signed_in(server, account).secrets.get("nothing")

    assert [one.field for one in refused.value.field_violations] == ["secret_id"]


@EITHER
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_wrong_password_is_unauthenticated(server, account, kind):
    with of_kind(kind) as clients:
        client = clients.make(
            server.target, "with_password", email=account.email, password="not the password"
        )
        with pytest.raises(Unauthenticated) as refused:
            client.accounts.get()

    assert isinstance(refused.value, FinlinkError)
    assert refused.value.reason == "SIGN_IN_FAILED"
