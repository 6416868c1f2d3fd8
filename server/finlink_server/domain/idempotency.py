"""request_id: a repeat of a request is harmless for 24 hours (AIP-155).

Kept are an HMAC of the request without its passwords, and the id of what it
made: never the answer, which may hold a credential.
"""

import hmac
from dataclasses import dataclass

from finlink_server.domain.caller import Caller
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import RequestIdReused
from finlink_server.storage.models import Idempotency

_KEPT = 24 * 3600 * MICROSECONDS
_PURGED_AT_ONCE = 20
_OLD = "SELECT caller, method, request_id FROM idempotency WHERE create_time <= ? LIMIT ?"
_FORGET = "DELETE FROM idempotency WHERE caller = ? AND method = ? AND request_id = ?"


@dataclass(frozen=True)
class Once:
    """A request_id (empty: none was sent) and the request, without passwords, as bytes."""

    request_id: str
    body: bytes

    @property
    def lock(self) -> str:
        """What a transaction locks, so that of two at once one finds what the other made."""
        return f"request:{self.request_id}" if self.request_id else ""


def find(env: Env, caller: Caller, once: Once) -> str | None:
    """Give the id of what this request made before, inside its transaction."""
    if not once.request_id:
        return None
    row = Idempotency.get_or_none(
        (Idempotency.caller == caller.owner)
        & (Idempotency.method == caller.call.method)
        & (Idempotency.request_id == once.request_id)
        & (Idempotency.create_time > env.now() - _KEPT)
    )
    if row is None:
        return None
    if not hmac.compare_digest(bytes(row.body_mac), _mac(env, once)):
        raise RequestIdReused(request_id=once.request_id)
    return str(row.resource_id)


def remember(env: Env, caller: Caller, once: Once, resource_id: str) -> None:
    """Note what this request made, in the transaction that makes it."""
    if not once.request_id:
        return
    now = env.now()
    # A little more is cleared than is added, so the table follows the traffic.
    old = env.database.execute(_OLD + env.database.skip_locked, now - _KEPT, _PURGED_AT_ONCE)
    env.database.write_many(_FORGET, old.fetchall())
    Idempotency.insert(
        caller=caller.owner,
        method=caller.call.method,
        request_id=once.request_id,
        body_mac=_mac(env, once),
        resource_id=resource_id,
        create_time=now,
    ).on_conflict(
        conflict_target=[Idempotency.caller, Idempotency.method, Idempotency.request_id],
        preserve=[Idempotency.body_mac, Idempotency.resource_id, Idempotency.create_time],
    ).execute()


def _mac(env: Env, once: Once) -> bytes:
    return env.keyring.mac("request-id", once.body)
