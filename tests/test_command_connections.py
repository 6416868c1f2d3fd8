"""How `finlink` reaches a server: TLS, time-outs, and what it says when it does not."""

from __future__ import annotations

import socket
from concurrent import futures

import grpc
import pytest
from google.rpc import error_details_pb2
from tests.scripted_server import SECRET_NOT_FOUND, ScriptedServer, refusal
from tests.shell import Shell

from finlink.config import v1

pytestmark = pytest.mark.either("about the client's end of a call alone")


@pytest.fixture
def nowhere(tmp_path):
    return Shell(tmp_path / "config", {})


@pytest.fixture
def secured(authority):
    """A server that speaks TLS alone."""
    handler = ScriptedServer()
    handler.answer = v1.GetBankResponse(bank=v1.Bank(id="es-bbva", display_name="BBVA"))
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    own = authority.issue_cert("localhost")
    pair = (own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())
    credentials = grpc.ssl_server_credentials([pair])
    handler.target = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
    server.start()
    yield handler
    server.stop(None).wait()


@pytest.mark.parametrize("by", ["option", "variable", "profile"])
def test_a_private_authority_is_trusted_when_it_is_named(nowhere, secured, ca_file, by):
    shell = nowhere.using(TARGET=secured.target)
    arguments = ["banks", "get", "es-bbva", "--json"]
    if by == "option":
        arguments += ["--tls-root", str(ca_file)]
    elif by == "variable":
        shell = shell.using(TLS_ROOT=str(ca_file))
    else:
        shell.run("profiles", "set", "private", "--tls-root", str(ca_file))
        arguments += ["--profile", "private"]

    done = shell.run(*arguments)

    assert done.code == 0, done.err
    assert done.json["display_name"] == "BBVA"


def test_a_tls_root_that_holds_no_certificate_is_named(nowhere, tmp_path):
    file = tmp_path / "empty.pem"
    file.write_text("nothing")

    done = nowhere.run("banks", "list", "--tls-root", str(file))

    assert done.code == 2
    assert f"{file} holds no certificate in PEM" in done.err


@pytest.mark.parametrize("target", ["https://a.example", "http://a.example:1", "a.example"])
def test_a_target_that_is_no_host_and_port_says_what_it_must_be(nowhere, target):
    done = nowhere.run("banks", "list", "--target", target)

    assert done.code == 2
    assert f"The target {target} must be HOST:PORT, without https://." in done.err


def test_a_server_that_does_not_answer_is_given_up_after_the_timeout(nowhere):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"127.0.0.1:{silent.getsockname()[1]}"

        done = nowhere.run("banks", "list", "--target", target, "--timeout", "300ms")

    assert done.code == 64 + grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert "longer" in done.err


def test_another_kind_of_server_is_told_from_ours(nowhere):
    server = grpc.server(futures.ThreadPoolExecutor(1))
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()

    done = nowhere.run("banks", "list", "--target", target)

    server.stop(None).wait()
    assert done.code == 64 + grpc.StatusCode.UNIMPLEMENTED.value[0]
    assert "Check that the target is a Finlink Config server" in done.err


def test_how_long_to_wait_and_which_fields_stand_in_the_error(nowhere, scripted):
    fields = error_details_pb2.BadRequest()
    fields.field_violations.add(field="secret_id", description="must be an id")
    wait = error_details_pb2.RetryInfo()
    wait.retry_delay.FromMilliseconds(1500)
    scripted.answer = refusal(SECRET_NOT_FOUND, fields, wait)
    arguments = ("secrets", "get", "sec_1", "--target", scripted.target)

    told, as_json = nowhere.run(*arguments), nowhere.run(*arguments, "--json")

    assert "\n  secret_id: must be an id\n" in told.err
    assert "\n  Try again in 1.5 s.\n" in told.err
    assert as_json.error["retry_delay_seconds"] == 1.5
    assert as_json.error["facts"] == {"secret_id": "sec_1"}
    assert as_json.error["field_violations"] == [
        {"field": "secret_id", "expected": "must be an id"}
    ]
