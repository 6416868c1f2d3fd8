"""The client of Finlink Config: what other services and people import.

Needs grpcio, protobuf, googleapis-common-protos, PyJWT and standardwebhooks
only; the command line `finlink` needs the extra `[cli]` beside them.

What is imported from here is loaded when it is first asked for (PEP 562): `finlink --help`, and
a shell that completes a command, need not wait for gRPC.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finlink_client.channel import open_channel, with_credential
    from finlink_client.client import AsyncFinlink, Finlink
    from finlink_client.errors import (
        Aborted,
        AlreadyExists,
        Cancelled,
        DeadlineExceeded,
        FailedPrecondition,
        FieldViolation,
        FinlinkError,
        Internal,
        InvalidArgument,
        NotFound,
        OutOfRange,
        PermissionDenied,
        RateLimited,
        SessionTakenOver,
        Unauthenticated,
        Unavailable,
        Unimplemented,
    )
    from finlink_client.interceptors import OPEN, current_session
    from finlink_client.verifier import SessionVerifier
    from finlink_client.verifier_errors import (
        ScopeMissingError,
        SessionInactiveError,
        VerifierError,
        VerifierUnavailableError,
    )
    from finlink_client.verifier_tokens import VerifiedSession
    from finlink_client.webhooks import WebhookError, WebhookEvent, verify_webhook

    __version__: str

__all__ = [
    "OPEN",
    "Aborted",
    "AlreadyExists",
    "AsyncFinlink",
    "Cancelled",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FieldViolation",
    "Finlink",
    "FinlinkError",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "RateLimited",
    "ScopeMissingError",
    "SessionInactiveError",
    "SessionTakenOver",
    "SessionVerifier",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "VerifiedSession",
    "VerifierError",
    "VerifierUnavailableError",
    "WebhookError",
    "WebhookEvent",
    "__version__",
    "current_session",
    "open_channel",
    "verify_webhook",
    "with_credential",
]

_PLACES = {
    "channel": ("open_channel", "with_credential"),
    "client": ("AsyncFinlink", "Finlink"),
    "errors": (
        "Aborted",
        "AlreadyExists",
        "Cancelled",
        "DeadlineExceeded",
        "FailedPrecondition",
        "FieldViolation",
        "FinlinkError",
        "Internal",
        "InvalidArgument",
        "NotFound",
        "OutOfRange",
        "PermissionDenied",
        "RateLimited",
        "SessionTakenOver",
        "Unauthenticated",
        "Unavailable",
        "Unimplemented",
    ),
    "interceptors": ("OPEN", "current_session"),
    "verifier": ("SessionVerifier",),
    "verifier_errors": (
        "ScopeMissingError",
        "SessionInactiveError",
        "VerifierError",
        "VerifierUnavailableError",
    ),
    "verifier_tokens": ("VerifiedSession",),
    "webhooks": ("WebhookError", "WebhookEvent", "verify_webhook"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load what is asked for, and keep it."""
    if name == "__version__":
        value: object = _version()
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    elif name in _PLACES:
        value = import_module(f"{__name__}.{name}")  # so that finlink_client.errors.NotFound works
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what can be asked for."""
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - as late as the rest

    try:
        return metadata.version("finlink-config")
    except metadata.PackageNotFoundError:  # a checkout on the path, not installed
        return "0+checkout"
