"""What threads and tasks send alike: requests, metadata, and until when."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import Message

from finlink_client.logins import Token
from finlink_client.messages import Method, build

Metadata = Mapping[str, str] | None
Entries = tuple[tuple[str, str], ...]

CLOSED: Final = "This client is closed: make another."
_FORKED: Final = (
    "This client was made before the process forked, which gRPC does not survive:"
    " make a client in each process."
)


class Open:
    """What can be called while the client is open, in the process that made it."""

    def __init__(self) -> None:
        """Begin open."""
        self._callables: dict[str, Any] = {}
        self._is_closed = False
        self._process = os.getpid()

    def check(self) -> None:
        """Raise RuntimeError where nothing can be called any more."""
        if self._is_closed:
            raise RuntimeError(CLOSED)
        if self._process != os.getpid():
            raise RuntimeError(_FORKED)

    def callable(self, method: Method[Any], make: Any) -> Any:  # noqa: ANN401 - grpc types neither
        """Give what calls a method, made by the channel once."""
        self.check()
        found = self._callables.get(method.path)
        if found is None:
            found = self._callables[method.path] = make(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.answer.FromString,
            )
        return found

    def close(self) -> None:
        """End that."""
        self._is_closed = True


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
