"""How a client reaches the service: plaintext or TLS, keepalive, repeats by gRPC itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from errno import EINVAL
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict

import grpc
import grpc.aio

from finlink_client.channel import NO_PROXY, OPTIONS, check_target, is_loopback
from finlink_client.repeats import READS_AND_REQUEST_IDS, service_config

# A login whose answer was lost left a session, or an account token, that nobody uses: the
# session is ended by the next login. So these may be made again, which is not so for everybody.
LOGINS: Final = (
    "/finlink.config.v1.SessionService/StartSession",
    "/finlink.config.v1.AccountService/SignIn",
)

Pem = bytes | str | PathLike[str]


class Options(TypedDict, total=False):
    """What every client takes.

    `timeout`: for each call that is given none, in seconds or as a timedelta; 10 s by
    default. `plaintext`: without TLS to other machines too; loopback has none unless
    certificates are given. Certificates are PEM, as bytes or text, or the path of a file:
    `root_certificates` in place of the system's, `client_certificate` with its `client_key`
    for mutual TLS. `clock` is a monotonic one, in seconds, by which tokens are renewed; for
    tests.
    """

    timeout: float | timedelta
    plaintext: bool
    root_certificates: Pem | None
    client_certificate: Pem | None
    client_key: Pem | None
    clock: Callable[[], float]


class Transport(NamedTuple):
    """Where to, and with which certificates; None: in plaintext."""

    target: str
    credentials: grpc.ChannelCredentials | None

    @classmethod
    def of(cls, target: str, options: Options) -> Transport:
        """Read the certificates. Raises TypeError, ValueError for what cannot be meant, OSError."""
        check_target(target)
        _check_names(options)
        root = _read("root_certificates", options.get("root_certificates"))
        chain = _read("client_certificate", options.get("client_certificate"))
        key = _read("client_key", options.get("client_key"))
        has_certificates = root is not None or chain is not None or key is not None
        if (chain is None) != (key is None):
            raise ValueError("client_certificate and client_key belong together.")
        if options.get("plaintext") and has_certificates:
            raise ValueError("Certificates are for TLS: leave them out, or plaintext.")
        if options.get("plaintext") or (is_loopback(target) and not has_certificates):
            return cls(target, None)
        return cls(target, grpc.ssl_channel_credentials(root, key, chain))

    def open(self) -> grpc.Channel:
        """Open a channel. Nothing is sent before the first call."""
        if self.credentials is None:
            return grpc.insecure_channel(self.target, options=self._options)
        return grpc.secure_channel(self.target, self.credentials, options=self._options)

    def open_async(self) -> grpc.aio.Channel:
        """Open a channel for the event loop that runs."""
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.target, options=self._options)
        return grpc.aio.secure_channel(self.target, self.credentials, options=self._options)

    @property
    def _options(self) -> tuple[tuple[str, Any], ...]:
        options = (*OPTIONS, service_config(READS_AND_REQUEST_IDS, LOGINS))
        return options if self.credentials else (*options, NO_PROXY)


def _check_names(options: Options) -> None:
    """Refuse what is no option: a misspelt one would go without a word."""
    for name in options:
        if name not in Options.__annotations__:
            known = ", ".join(Options.__annotations__)
            raise TypeError(f"{name} is no option of a client; there are {known}.")


def _read(name: str, pem: Pem | None) -> bytes | None:
    """Give what is PEM as it is, and read a file of it.

    No complaint quotes the value, or has a cause that does: it may be a private key.
    """
    if pem is None or isinstance(pem, bytes):
        return pem
    if isinstance(pem, str) and pem.lstrip().startswith("-----BEGIN"):
        return pem.encode()
    try:
        return Path(pem).read_bytes()
    except OSError as error:
        code, told = error.errno, error.strerror
    except ValueError:
        code, told = EINVAL, "not the path of a file"
    raise OSError(code, f"{name} is neither PEM nor a file that can be read: {told}")
