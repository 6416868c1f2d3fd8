"""TLS: what the server shows, whom it lets in, and what a client's certificate stands for.

The files are looked at whenever somebody connects, and read again when they have changed:
a new certificate is shown from the next connection on, and no call is dropped. Files that
do not go together (one of two was replaced so far) change nothing; the log says so.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import structlog

_log = structlog.get_logger("tls")
# Names of subjects in what gRPC tells of a verified certificate (RFC 5280 §4.2.1.6).
_NAMES: Final = "x509_subject_alternative_name"


class TlsError(Exception):
    """The files cannot be used; the text says why."""


class Certificates:
    """The server's certificate and key, and the authority of its clients', as files."""

    def __init__(self, certificate: Path, key: Path, client_authority: Path | None) -> None:
        """Read them; raises TlsError if they cannot be used."""
        self._files = (certificate, key, *((client_authority,) if client_authority else ()))
        self._stamp = self._look()
        self._contents = self._read()
        self._is_mutual = client_authority is not None
        self._problem = ""  # that the log has told of

    def credentials(self) -> grpc.ServerCredentials:
        """What to serve with. With an authority for clients, nobody is let in without one."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            self._renew,  # type: ignore[arg-type] # None: no change, which the types lack
            require_client_authentication=self._is_mutual,
        )

    def _renew(self) -> grpc.ServerCertificateConfiguration | None:
        """Give what has changed, and None if nothing has, or nothing that can be used."""
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return None
            contents = self._read()
        except TlsError as error:
            if str(error) != self._problem:  # not for everybody who connects meanwhile
                _log.error("certificate", error=error)
            self._problem = str(error)
            return None
        self._stamp, self._contents, self._problem = stamp, contents, ""
        _log.info("certificate", file=str(self._files[0]))
        return self._configuration()

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        try:
            found = [file.stat() for file in self._files]  # of what a link points to
        except OSError as error:
            message = f"{error.filename} cannot be read: {error.strerror}."
            raise TlsError(message) from error
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in found)

    def _read(self) -> list[bytes]:
        check(self._files[0], self._files[1], self._files[2] if self._files[2:] else None)
        try:
            return [file.read_bytes() for file in self._files]
        except OSError as error:
            message = f"{error.filename} cannot be read: {error.strerror}."
            raise TlsError(message) from error

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, *authority = self._contents
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], authority[0] if authority else None
        )


def check(certificate: Path, key: Path, client_authority: Path | None) -> None:
    """Refuse files that do not go together."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_authority)
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        files = ", ".join(str(file) for file in (certificate, key, client_authority) if file)
        message = f"{files} cannot be used: {error}."
        raise TlsError(message) from error


def names_of(context: grpc.ServicerContext) -> Sequence[str]:
    """The names in the certificate that a client has proved to hold; none without one."""
    told: Mapping[str, Any] = context.auth_context()
    return [name.decode(errors="replace") for name in told.get(_NAMES, ())]
