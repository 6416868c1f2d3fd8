"""From a refusal to what travels: a google.rpc.Status with its details."""

from collections import namedtuple
from collections.abc import Iterable
from math import ceil

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from finlink_server.errors import Refusal

DOMAIN = "config.finlink"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Status(
    namedtuple("Status", ("code", "details", "trailing_metadata")),  # noqa: PYI024 - grpc.Status is no NamedTuple
    grpc.Status,
):
    """What `context.abort_with_status` takes."""


def of(refusal: Refusal, call_id: str) -> Status:
    """Make the status of a refusal. `abort_with_status` replaces all trailing metadata."""
    code = _CODES[refusal.code.value]
    message = printable(refusal.message())
    status = status_pb2.Status(code=refusal.code.value, message=message)
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(
            reason=refusal.reason,
            domain=DOMAIN,
            metadata={name: printable(fact) for name, fact in refusal.facts().items()},
        )
    )
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=call_id))
    if refusal.violations_named:
        bad_request = error_details_pb2.BadRequest()
        for violation in refusal.violations_named:
            bad_request.field_violations.add(
                field=violation.field, description=printable(violation.expected)
            )
        status.details.add().Pack(bad_request)
    if refusal.retry_seconds is not None:
        delay = Duration()
        delay.FromNanoseconds(int(refusal.retry_seconds * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    metadata = [("x-call-id", call_id), ("grpc-status-details-bin", status.SerializeToString())]
    if refusal.retry_seconds is not None and code is grpc.StatusCode.UNAVAILABLE:
        # RetryInfo for gRPC's own retries (grpc.io/docs/guides/retry).
        metadata.append(("grpc-retry-pushback-ms", str(ceil(refusal.retry_seconds * 1000))))
    return Status(code, message, tuple(metadata))


def reason_in(trailing_metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The reason of the refusal with which something ended; empty if there was none."""
    raw = dict(trailing_metadata or ()).get("grpc-status-details-bin")
    if not isinstance(raw, bytes):
        return ""
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(raw).details[0].Unpack(info)
    return info.reason


def printable(message: str) -> str:
    """Escape what would play tricks on a terminal: a message may quote a request."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in message)
