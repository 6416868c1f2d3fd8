"""Etags: they make a change conditional on nobody else having changed it (AIP-154)."""

from hashlib import sha256

from finlink_server.errors import EtagMismatch


def revision_etag(resource_id: str, revision: int) -> str:
    """The etag of a resource's revision."""
    return sha256(f"{resource_id}|{revision}".encode()).hexdigest()[:16]


def check_etag(sent: str, present: str) -> None:
    """Refuse a change made to something that has changed; an empty etag asks for nothing."""
    if sent and sent != present:
        raise EtagMismatch(etag=present)
