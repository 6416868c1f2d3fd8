"""Whose word for a receiver's name is taken."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from tests.certificates import server_tls
from tests.receiver import Receiver
from tests.sending import sending


def test_only_what_the_system_trusts_is_trusted(receiver, ca_file, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with sending(None) as sender:
        problem = sender.send(receiver.uri()).problem
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with sending(None) as sender:
        trusted = sender.send(receiver.uri())

    assert problem == "certificate verify failed: unable to get local issuer certificate"
    assert trusted.status == 200
    assert len(receiver.requests) == 1


def test_an_expired_certificate_is_refused(sender, authority):
    past = [datetime.now(UTC) - timedelta(days=days) for days in (2, 1)]
    certificate = authority.issue_cert("localhost", not_before=past[0], not_after=past[1])

    with Receiver(server_tls(certificate)).running() as expired:
        answer = sender.send(expired.uri())

    assert answer.problem == "certificate verify failed: certificate has expired"
    assert expired.requests == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("wrong.example", "Hostname mismatch, certificate is not valid for 'wrong.example'"),
        ("127.0.0.2", "IP address mismatch, certificate is not valid for '127.0.0.2'"),
    ],
)
def test_a_certificate_for_another_name_is_refused(sender, receiver_tls, host, words):
    with Receiver(receiver_tls, "0.0.0.0").running() as receiver:  # noqa: S104 - for 127.0.0.2
        answer = sender.send(receiver.uri(host=host))

    assert answer.problem == f"certificate verify failed: {words}"
    assert receiver.requests == []


def test_what_does_not_speak_tls_is_told(sender):
    with Receiver(None, greeting=b"220 mail.example ESMTP\r\n").running() as plain:
        answer = sender.send(f"https://localhost:{plain.port}/")

    assert answer.problem == "TLS failed: wrong version number"


def test_old_versions_of_tls_are_refused(authority, ca_file, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    old = server_tls(authority.issue_cert("localhost"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    with Receiver(old).running() as receiver, sending(None) as sender:
        answer = sender.send(receiver.uri())

    assert answer.status is None
    assert receiver.requests == []
