"""The client's connections: TLS, plaintext, and how they are kept."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from tests.scripted_server import ScriptedServer

from finlink_client import (
    Unavailable,
)
from finlink_client.channel import KEEPALIVE_MILLISECONDS
from finlink_client.transport import Transport

pytestmark = pytest.mark.either("about the client's end of a call alone")


@pytest.fixture(scope="module")
def clients_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(authority, clients_ca) -> Iterator[ScriptedServer]:
    """A server that lets in who has a certificate."""
    handler = ScriptedServer()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    own = authority.issue_cert("localhost")
    pair = (own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())
    trusted = clients_ca.cert_pem.bytes()
    credentials = grpc.ssl_server_credentials([pair], trusted, require_client_auth=True)
    handler.target = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
    server.start()
    yield handler
    server.stop(None).wait()


@pytest.mark.parametrize("given_as", ["bytes", "text", "files"])
def test_certificates_are_pem_or_files(clients, secured, authority, clients_ca, tmp_path, given_as):
    mine = clients_ca.issue_cert("gateway.internal")
    given: dict[str, Any] = {
        "root_certificates": authority.cert_pem.bytes(),
        "client_certificate": mine.cert_chain_pems[0].bytes(),
        "client_key": mine.private_key_pem.bytes(),
    }
    if given_as == "files":
        given = {name: written(tmp_path / name, pem) for name, pem in given.items()}
    if given_as == "text":  # as from the environment
        given = {name: f"\n{pem.decode()}" for name, pem in given.items()}

    assert clients.make(secured.target, "anonymous", **given).links.get("lnk_1") is not None


def written(path: Path, pem: bytes) -> Path:
    path.write_bytes(pem)
    return path


@pytest.mark.parametrize(
    "key",
    ["MC4CAQAwBQYDK2VwBCIEIA", 9999 * "MC4CAQAwBQ", "MC4CAQAwBQ\0", "MC4CAQAwBQ\n="],
    ids=["no file", "too long", "not a path", "several lines"],
)
def test_no_complaint_quotes_what_may_be_a_private_key(key):
    with pytest.raises(OSError, match="client_key is neither PEM nor a file") as refused:
        Transport.of("localhost:1", {"client_certificate": b"x", "client_key": key})

    assert "MC4CAQAwBQ" not in "".join(traceback.format_exception(refused.value))


def test_without_its_certificate_nobody_is_let_in(clients, secured, authority):
    client = clients.make(secured.target, "anonymous", root_certificates=authority.cert_pem.bytes())

    with pytest.raises(Unavailable):
        client.links.get("lnk_1")


@pytest.mark.parametrize(
    ("target", "options", "is_plain"),
    [
        ("localhost:1", {}, True),
        ("127.0.0.1:1", {"root_certificates": None}, True),
        ("config.example:443", {}, False),
        ("10.0.0.1:1", {}, False),
        ("10.0.0.1:1", {"plaintext": True}, True),
    ],
    ids=["localhost", "loopback", "name", "private", "asked for"],
)
def test_plaintext_is_for_loopback_or_when_asked_for(target, options, is_plain):
    assert (Transport.of(target, options).credentials is None) is is_plain


@pytest.mark.parametrize(
    "options",
    [{"client_key": b"x"}, {"client_certificate": b"x"}, {"plaintext": True, "client_key": b"x"}],
    ids=["key alone", "certificate alone", "both kinds"],
)
def test_certificates_that_cannot_be_meant_are_refused(options):
    with pytest.raises(ValueError, match=r"belong together|for TLS"):
        Transport.of("localhost:1", options)


def test_connections_are_kept_as_published():
    options = dict(Transport.of("10.0.0.1:1", {})._options)

    assert options["grpc.keepalive_time_ms"] == KEEPALIVE_MILLISECONDS
    assert '"retryPolicy"' in options["grpc.service_config"]
