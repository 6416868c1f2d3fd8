"""The client of Finlink Config: what other services and people import.

Needs grpcio, protobuf, googleapis-common-protos, PyJWT and standardwebhooks
only; the command line `finlink` needs the extra `[cli]` beside them.
"""

from importlib import metadata

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

try:
    __version__ = metadata.version("finlink-config")
except metadata.PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0+checkout"
