"""Certificates of receivers, by an authority that lives as long as the test run."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

NAMES = ("localhost", "127.0.0.1", "hooks.example", "other.example")  # of a good receiver


def server_tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    return tls


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For SSL_CERT_FILE of servers in processes of their own."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def trust(ca_file: Path) -> ssl.SSLContext:
    """What a sender in this process trusts."""
    return ssl.create_default_context(cafile=ca_file)


@pytest.fixture(scope="session")
def receiver_tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_tls(authority.issue_cert(*NAMES))
