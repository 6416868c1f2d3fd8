"""A refused or failed call, in words and in facts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

ERROR_DOMAIN = "config.finlink"

_A_DELAY = re.compile(r"\d s\b")


class FieldViolation(NamedTuple):
    """A field of the request that breaks its rule."""

    field: str
    expected: str


@dataclass(eq=False)
class FinlinkError(Exception):
    """A call that was refused or failed. As text: a sentence for a person.

    `reason` is the name of an ErrorReason without its prefix
    (`SECRET_NOT_FOUND`); empty when the answer is not the service's own, as when
    nothing listens at the target. `facts` belong to the reason and are listed
    with it in error_reason.proto. `retry_delay` is set where waiting helps.
    `call_id` finds the call in the service's log and journal.
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
        """Read everything that a failed call tells."""
        call: object = error  # grpc's own failures are calls too, which no type says
        if not isinstance(call, grpc.Call):
            return cls(grpc.StatusCode.UNKNOWN, str(error))
        trailers = dict(call.trailing_metadata() or ())
        found = cls(call.code(), call.details() or "")
        found.call_id = str(trailers.get("x-call-id", ""))
        # Metadata with names that end in -bin are bytes: google.rpc.Status, packed.
        packed = trailers.get("grpc-status-details-bin")
        if isinstance(packed, bytes):
            found._add_details(packed)
        return found

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
        """Say what was wrong, where, what to wait for, and how to find it."""
        text = self.message or "The call failed and the answer does not say why."
        # The service's sentences name fields and delays themselves; another server's may not.
        if not any(v.field in text for v in self.field_violations):
            text += "".join(f" {v.field}: {v.expected};" for v in self.field_violations).rstrip(";")
        if self.retry_delay is not None and not _A_DELAY.search(text):
            text += f" Try again in {self.retry_delay.total_seconds():g} s."
        marks = [self.code.name, self.reason, self.call_id and f"call {self.call_id}"]
        return f"{text} [{', '.join(mark for mark in marks if mark)}]"
