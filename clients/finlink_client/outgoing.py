"""What threads and tasks send alike: requests, and metadata."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from finlink_client.logins import Token
from finlink_client.messages import Method, build

Metadata = Mapping[str, str] | None
Entries = tuple[tuple[str, str], ...]


def request_of(method: Method[Any], fields: Mapping[str, object]) -> Message:
    """Make a request, with a request_id if it takes one and has none: so a repeat is harmless."""
    if "request_id" in fields and not fields["request_id"]:
        fields = {**fields, "request_id": str(uuid.uuid4())}
    return build(method.request, fields)


def entries_of(metadata: Metadata) -> Entries:
    """Check the metadata of one call. Raises ValueError for what the client itself sends."""
    entries = tuple((metadata or {}).items())
    if any(key.lower() == "authorization" for key, _ in entries):
        raise ValueError("A client has one credential: make another client for another one.")
    return entries


def with_token(token: Token | None, entries: Entries) -> Entries:
    """Add the credential."""
    return (*entries, token.entry) if token else entries
