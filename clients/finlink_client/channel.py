"""Channels to the service, and the credential that calls on them carry."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

import grpc

from finlink_client.repeats import READS, READS_AND_REQUEST_IDS, RequestIds, service_config

# Long enough for a password behind a full hash queue, short enough that a
# person still waits for it. A stream has no default: watching never ends.
DEFAULT_TIMEOUT_SECONDS = 20.0

# The service takes pings each minute, but a proxy on the way may answer those that come
# more often than every 5 minutes (gRPC's own default) with GOAWAY, and common load balancers
# forget a connection after 350 s of silence: between the two lies this.
KEEPALIVE_MILLISECONDS = 330_000

OPTIONS: Final = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Back soon after the service is: gRPC would wait for a second, and for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

# A plaintext credential must not take the way over a proxy that some environment variable names.
NO_PROXY: Final = ("grpc.enable_http_proxy", 0)

_URL = re.compile(r"(https?|grpcs?|tcp)://", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~]+")

Request = TypeVar("Request")
# What grpc calls _CallFuture and _CallIterator, which cannot be imported.
Call = TypeVar("Call")


def open_channel(target: str, *, root_certificates: bytes | None = None) -> grpc.Channel:
    """Open a channel to `target`: plaintext on loopback, else TLS.

    `root_certificates` (PEM) replaces the system's certificate authorities and
    asks for TLS on loopback too. Unary calls end after 20 seconds unless they
    bring their own time-out. Until then calls that met UNAVAILABLE are made
    again, up to three times, if they change nothing or carry a request_id; one
    that takes a request_id and brings none gets one. Nothing is sent before the
    first call.
    """
    channel = connect(target, root_certificates, repeats=READS_AND_REQUEST_IDS)
    return grpc.intercept_channel(channel, _DefaultTimeout(), RequestIds())


def connect(
    target: str, root_certificates: bytes | None = None, *, repeats: str = READS
) -> grpc.Channel:
    """Open the same channel, whose calls get neither time-out nor request_id by themselves."""
    options: tuple[tuple[str, Any], ...] = (*OPTIONS, service_config(repeats))
    if root_certificates is None and is_loopback(target):
        options = (*options, NO_PROXY)
        return grpc.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials(root_certificates)
    return grpc.secure_channel(target, credentials, options=options)


def with_credential(channel: grpc.Channel, credential: str) -> grpc.Channel:
    """Give a view of `channel` whose calls carry `authorization: Bearer …`.

    The connection is shared, so several callers can stand on one channel. A
    call that brings its own `authorization` keeps it, as does a view of a view:
    the server refuses two. Raises ValueError for what cannot be a credential.

    An interceptor and not gRPC's call credentials, because those are forbidden
    on plaintext channels.
    """
    return grpc.intercept_channel(channel, _Bearer(credential))


def bearer(credential: str) -> tuple[str, str]:
    """Give the metadata that carries a credential. Raises ValueError for what cannot be one."""
    if not credential:
        raise ValueError("The credential is empty.")
    if not _PRINTABLE.fullmatch(credential):
        # grpc itself would quote the credential in its complaint.
        message = "A credential is printable ASCII without spaces; this one is not."
        raise ValueError(message)
    return ("authorization", f"Bearer {credential}")


def has_credential(metadata: Iterable[tuple[str, str | bytes]] | None) -> bool:
    """Tell whether a call brings a credential of its own: the server refuses two."""
    return any(key == "authorization" for key, _ in metadata or ())


def check_target(target: str) -> None:
    """Raise ValueError for what can be no target: gRPC's own complaint comes with a call."""
    if not target or _URL.match(target) or not target.isprintable() or " " in target:
        raise ValueError(
            f"A target is host:port, such as localhost:50051, without http://; not {target!r}."
        )


def is_loopback(target: str) -> bool:
    """Tell whether every address of a gRPC target lies on this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    for prefix in ("dns:///", "ipv4:", "ipv6:"):
        if target.startswith(prefix):
            target = target.removeprefix(prefix)
            break
    return all(_is_loopback_address(address) for address in target.split(","))


def _is_loopback_address(address: str) -> bool:
    bracketed = re.fullmatch(r"\[([^]]*)](?::\d+)?", address)
    if bracketed:
        host = bracketed[1]
    elif address.count(":") > 1:
        host = address
    else:
        host = address.partition(":")[0]
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class CallDetails(NamedTuple):
    """What grpc hands to interceptors, in a form that can be replaced."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None

    @classmethod
    def of(cls, details: grpc.ClientCallDetails) -> "CallDetails":
        """Copy them."""
        metadata = details.metadata
        return cls(
            details.method,
            details.timeout,
            None if metadata is None else tuple(metadata),
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )


# The API has no client streams, so two kinds of call are all.
class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, credential: str) -> None:
        self._entry = bearer(credential)

    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        return continuation(self._authorized(client_call_details), request)

    def intercept_unary_stream(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        return continuation(self._authorized(client_call_details), request)

    def _authorized(self, details: grpc.ClientCallDetails) -> CallDetails:
        copy = CallDetails.of(details)
        if has_credential(copy.metadata):
            return copy
        return copy._replace(metadata=(*(copy.metadata or ()), self._entry))


class _DefaultTimeout(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Call:
        details = CallDetails.of(client_call_details)
        if details.timeout is None:
            details = details._replace(timeout=DEFAULT_TIMEOUT_SECONDS)
        return continuation(details, request)
