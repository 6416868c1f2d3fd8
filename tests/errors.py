"""What every refusal must look like."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from finlink.config import v1

_RETRY_HELPS = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
# Text of every error that the tests got, for the canary search.
TEXTS: list[str] = []


class Refused:
    """A refusal that a test expected, taken apart."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.OK
        self.message = ""
        self.reason = ""
        self.facts: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.retry_seconds: float | None = None
        self.call_id = ""

    def read(self, error: Any) -> None:
        """Take the error apart, and hold it to the error model of the contract."""
        self.code, self.message = error.code(), error.details() or ""
        trailing = dict(error.trailing_metadata() or ())
        TEXTS.append(f"{self.message}\n{trailing}")
        raw = trailing.get("grpc-status-details-bin")
        assert raw, f"a bare error: {self.code} {self.message}"
        # Clients take 8 kB of trailing metadata, where bytes travel as base64.
        assert len(self.message.encode()) + len(raw) * 4 / 3 < 7500, "too long to arrive"
        status = status_pb2.Status.FromString(raw)
        assert (status.code, status.message) == (self.code.value[0], self.message)

        by_type: dict[str, list[Any]] = {}
        for detail in status.details:
            kind = getattr(error_details_pb2, detail.type_url.rpartition(".")[2])
            message = kind()
            detail.Unpack(message)
            by_type.setdefault(kind.__name__, []).append(message)
        (info,) = by_type.pop("ErrorInfo")
        (request,) = by_type.pop("RequestInfo")
        assert info.domain == "config.finlink"
        assert v1.ErrorReason.Value(f"ERROR_REASON_{info.reason}")
        assert request.request_id == trailing["x-call-id"]
        self.reason, self.facts, self.call_id = info.reason, dict(info.metadata), request.request_id
        for bad in by_type.pop("BadRequest", []):
            self.fields = {one.field: one.description for one in bad.field_violations}
        for retry in by_type.pop("RetryInfo", []):
            self.retry_seconds = retry.retry_delay.ToTimedelta().total_seconds()
        assert not by_type
        assert (self.retry_seconds is not None) == (self.code in _RETRY_HELPS)
        assert self.reason != "FIELD_INVALID" or self.fields


@contextmanager
def refused(code: grpc.StatusCode | None = None, reason: str = "") -> Iterator[Refused]:
    """Expect a refusal, with this code and reason where they are given."""
    refusal = Refused()
    try:
        yield refusal
    except grpc.RpcError as error:
        refusal.read(error)
    else:
        raise AssertionError(f"not refused with {reason or code}")
    assert (code or refusal.code, reason or refusal.reason) == (refusal.code, refusal.reason), (
        refusal.message
    )
