"""What threads and tasks send alike: requests, and metadata."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import Message

from finlink_client.logins import Token
from finlink_client.messages import Method, build

Metadata = Mapping[str, str | bytes] | None
Entries = tuple[tuple[str, str | bytes], ...]

# gRPC over HTTP/2: names in lower case, text in printable ASCII, bytes under names in -bin.
_NAME: Final = re.compile(r"(?!grpc-)[0-9a-z_.-]+")
_TEXT: Final = re.compile(r"[ -~]*")


def request_of(method: Method[Any], fields: Mapping[str, object]) -> Message:
    """Make a request, with a request_id if it takes one and has none: so a repeat is harmless."""
    if "request_id" in fields and not fields["request_id"]:
        fields = {**fields, "request_id": str(uuid.uuid4())}
    return build(method.request, fields)


def entries_of(metadata: Metadata) -> Entries:
    """Check the metadata of one call. Raises TypeError and ValueError, which name the key."""
    entries = tuple((metadata or {}).items())
    for key, value in entries:
        _check_entry(key, value)
    return entries


def _check_entry(key: str, value: str | bytes) -> None:
    if key.lower() == "authorization":
        raise ValueError("A client has one credential: make another client for another one.")
    if not _NAME.fullmatch(key):
        raise ValueError(
            f"metadata {key!r}: a name is of a to z, digits, _, - and ., in lower case, and does"
            " not begin with grpc-."
        )
    wanted = bytes if key.endswith("-bin") else str
    if not isinstance(value, wanted):
        raise TypeError(f"metadata {key!r} must be {wanted.__name__}, not {type(value).__name__}.")
    if isinstance(value, str) and not _TEXT.fullmatch(value):
        raise ValueError(f"metadata {key!r} must be printable ASCII; bytes need a name in -bin.")


def with_token(token: Token | None, entries: Entries) -> Entries:
    """Add the credential."""
    return (*entries, token.entry) if token else entries
