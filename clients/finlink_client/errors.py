"""A refused or failed call, in words and in facts: one class for each status code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Final, NamedTuple

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from finlink_client import remedies

ERROR_DOMAIN = "config.finlink"

_A_DELAY = re.compile(r"\d s\b")
_TWO_SENTENCES = re.compile(r"[.!?] \S")


class FieldViolation(NamedTuple):
    """A field of the request that breaks its rule."""

    field: str
    expected: str


@dataclass(eq=False)
class FinlinkError(Exception):
    """A call that was refused or failed. As text: what was wrong, and what to do.

    Which of the classes below it is follows from `code`. `reason` is the name of
    an ErrorReason without its prefix (`SECRET_NOT_FOUND`); empty when the answer
    is not the service's own, as when nothing listens at the target. `facts`
    belong to the reason and are listed with it in error_reason.proto.
    `retry_delay` is set where waiting helps. `call_id` finds the call in the
    service's log and journal.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    field_violations: tuple[FieldViolation, ...] = ()
    retry_delay: timedelta | None = None
    call_id: str = ""

    @classmethod
    def of(cls, error: grpc.RpcError) -> "FinlinkError":
        """Read everything that a failed call tells, into the class for its code."""
        call: object = error  # grpc's own failures are calls too, which no type says
        if not isinstance(call, grpc.Call | grpc.aio.AioRpcError):
            return cls(grpc.StatusCode.UNKNOWN, str(error))
        trailers = dict(call.trailing_metadata() or ())
        code = call.code()
        found = KINDS.get(code, cls)(code, call.details() or "")
        found.call_id = str(trailers.get("x-call-id", ""))
        # Metadata with names that end in -bin are bytes: google.rpc.Status, packed.
        packed = trailers.get("grpc-status-details-bin")
        if isinstance(packed, bytes):
            found._add_details(packed)  # noqa: SLF001 - its own
        return found

    def __reduce__(self) -> tuple[type["FinlinkError"], tuple[object, ...]]:
        """Pickle the fields: an exception pickles what it was called with by position."""
        return type(self), tuple(getattr(self, one.name) for one in fields(self))

    @property
    def remedy(self) -> str:
        """What to do, as a sentence; empty when only the message can tell."""
        return remedies.of(self.reason, self.code.name)

    def _add_details(self, packed: bytes) -> None:
        try:
            details = status_pb2.Status.FromString(packed).details
            for detail in details:
                self._add_detail(detail)
        except DecodeError:
            # Something between here and the server wrote that; code and
            # message still stand.
            return

    def _add_detail(self, detail: any_pb2.Any) -> None:
        info = error_details_pb2.ErrorInfo()
        request = error_details_pb2.RequestInfo()
        bad = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            if info.domain == ERROR_DOMAIN:  # a proxy may speak of its own reasons
                self.reason = info.reason
                self.facts = dict(info.metadata)
        elif detail.Unpack(request):
            self.call_id = request.request_id
        elif detail.Unpack(bad):
            self.field_violations = tuple(
                FieldViolation(violation.field, violation.description)
                for violation in bad.field_violations
            )
        elif detail.Unpack(retry):
            self.retry_delay = retry.retry_delay.ToTimedelta()

    def __str__(self) -> str:
        """Say what was wrong, where, what to do or to wait for, and how to find it."""
        text = self.message or "The call failed and the answer does not say why."
        # The service's sentences name fields and delays themselves; another server's may not.
        if self.field_violations and not any(v.field in text for v in self.field_violations):
            told = "; ".join(f"{v.field}: {v.expected}" for v in self.field_violations)
            text += f" {told.removesuffix('.')}."
        # The service's own sentences mostly end with what to do.
        if self.remedy and not (self.reason and tells_what_to_do(self.message)):
            text = f"{text.removesuffix('.')}. {self.remedy}"
        if self.retry_delay is not None and not _A_DELAY.search(text):
            text += f" Try again in {self.retry_delay.total_seconds():g} s."
        marks = [self.code.name, self.reason, self.call_id and f"call {self.call_id}"]
        return f"{text} [{', '.join(mark for mark in marks if mark)}]"


def tells_what_to_do(message: str) -> bool:
    """Tell whether one of the service's own messages has a sentence more than what was wrong."""
    return _TWO_SENTENCES.search(message) is not None


class InvalidArgument(FinlinkError):
    """The request breaks a rule: `field_violations` names the fields."""


class Unauthenticated(FinlinkError):
    """The credential is missing, wrong, or has ended."""


class SessionTakenOver(Unauthenticated):
    """Another process logged in with the same client secret, which ended this session.

    A secret has one session at a time. The client that raises this does not log in again:
    the two would end each other's sessions for ever. Give each replica a secret of its own.
    """


class PermissionDenied(FinlinkError):
    """The credential is good, but may not do this."""


class NotFound(FinlinkError):
    """It does not exist, or belongs to somebody else."""


class AlreadyExists(FinlinkError):
    """It exists already; `facts` names it."""


class FailedPrecondition(FinlinkError):
    """Not in this state: a limit is reached, a thing has ended, a Link does not open."""


class Aborted(FinlinkError):
    """Somebody else was faster, or the outcome is unknown: read, and decide again."""


class OutOfRange(FinlinkError):
    """The cursor is too old."""


class RateLimited(FinlinkError):
    """Too much at once: wait for `retry_delay`."""


class Unavailable(FinlinkError):
    """The service cannot be reached or does not work at the moment: try again."""


class DeadlineExceeded(FinlinkError):
    """No answer came within the time-out. What was asked for may have happened."""


class Cancelled(FinlinkError):
    """The call was cancelled."""


class Unimplemented(FinlinkError):
    """The server does not know this method: it is older than this client."""


class Internal(FinlinkError):
    """A fault of the service: quote `call_id` to whoever runs it."""


KINDS: Final[Mapping[grpc.StatusCode, type[FinlinkError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RateLimited,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNKNOWN: Internal,
    grpc.StatusCode.DATA_LOSS: Internal,
}
