"""What becomes of a delivery when an attempt has come to its end."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from finlink_server.domain import deliveries, delivery_schedule, endpoints
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.env import Env
from finlink_server.storage.webhook_models import Endpoint

_GONE: Final = 410
_BY: Final = Caller(CallerKind.SERVER, Call(method="webhooks"), id="finlink-server")
_LOST: Final = "The process that sent it ended before it could tell what came of it."
# After so many lost attempts each counts: what ends processes must not do so for ever.
_MOST_LOST: Final = 20

_ATTEMPT: Final = """
INSERT INTO attempt (
    delivery_id, number, start_time, latency, status, problem, sealed_response, truncated
) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_HELD: Final = "SELECT failures FROM delivery WHERE id = ? AND state = 'SENDING' AND lease = ?"
_DELIVERED: Final = """
UPDATE delivery SET state = 'DELIVERED', end_time = ?, lease = NULL, lease_until = NULL
WHERE id = ? AND state = 'SENDING' AND lease = ?
"""
_WELL: Final = """
UPDATE endpoint SET failing_since_time = NULL, hold_until = 0
WHERE id = ? AND failing_since_time IS NOT NULL
"""
_FAILED: Final = """
UPDATE delivery SET
    state = ?, cancel_reason = ?, failures = ?, next_attempt_time = ?, end_time = ?,
    lease = NULL, lease_until = NULL
WHERE id = ?
"""
_SHORTEN: Final = """
UPDATE delivery SET lease_until = ? WHERE state = 'SENDING' AND lease_until > ?
"""
_OVERDUE: Final = """
SELECT id, endpoint_id, attempt_count, failures, lease_until FROM delivery
WHERE state = 'SENDING' AND lease_until <= ?
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt. Without an answer `status` is None and `problem` says why."""

    delivery_id: str
    lease: str
    number: int
    endpoint_id: str
    uri: str
    start_time: int
    latency: int  # microseconds
    status: int | None
    problem: str
    response: str
    truncated: bool
    retry_after: int | None  # seconds
    is_ours: bool = False  # the fault, and not the endpoint's

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


def settle(env: Env, results: Iterable[Result]) -> None:
    """Note attempts and their consequences, except those whose lease was lost meanwhile."""
    noted = [result for result in results if _settle(env, result)]
    env.database.write_many(_ATTEMPT, [_row(env, result) for result in noted])


def take_back(env: Env, now: int, lease: int, endpoint_ids: Collection[str]) -> None:
    """Make due again what was claimed by a process that has ended: its lease has run out.

    That the attempt was made shows; it does not count against the schedule. Where a lease
    ends later than one that is given now, the clock was set back: it runs from now on, for
    its attempt may be under way.
    """
    env.database.execute(_SHORTEN, now + lease, now + lease)
    for row in env.database.execute(_OVERDUE, now).fetchall():
        delivery_id, endpoint_id, number, failures, lease_until = row
        if endpoint_id not in endpoint_ids:  # which may be ending now: next time
            continue
        began = lease_until - lease
        env.database.execute(_ATTEMPT, delivery_id, number, began, 0, None, _LOST, None, 0)
        again: int | None = now
        if number - failures > _MOST_LOST:
            failures += 1
            again = delivery_schedule.next_time(now, failures, None, None)
        _put_back(env, delivery_id, _refusal_of(endpoint_id), failures, again)


def _settle(env: Env, result: Result) -> bool:
    """Take over what came of an attempt, if its lease is still held; whether it is."""
    if result.is_success:
        now = env.now()
        if not env.database.execute(_DELIVERED, now, result.delivery_id, result.lease).rowcount:
            return False
        env.database.execute(_WELL, result.endpoint_id)
        return True
    held = env.database.execute(_HELD, result.delivery_id, result.lease).fetchone()
    if held is None:
        return False
    _fail(env, result, failures=held[0] + 1)
    return True


def _row(env: Env, result: Result) -> tuple[object, ...]:
    sealed = None
    if result.response:
        place = deliveries.response_place(result.delivery_id, result.number)
        sealed = env.keyring.seal(result.response.encode(), place)
    return (
        result.delivery_id,
        result.number,
        result.start_time,
        result.latency,
        result.status,
        result.problem,
        sealed,
        int(result.truncated),
    )


def _fail(env: Env, result: Result, failures: int) -> None:
    now = env.now()
    endpoint = _endpoint(result.endpoint_id)
    refused = deliveries.refusal_of(endpoint)
    again = delivery_schedule.next_time(now, failures, result.status, result.retry_after)
    _put_back(env, result.delivery_id, refused, failures, again)
    # What an address said from which the endpoint was moved since says nothing of it now.
    if refused or result.is_ours or endpoint.uri != result.uri:
        return
    if endpoint.failing_since_time is None:
        endpoint.failing_since_time = result.start_time
    hold = delivery_schedule.hold_until(now, result.status, result.retry_after)
    endpoint.hold_until = max(endpoint.hold_until, hold)
    endpoint.save(only=[Endpoint.failing_since_time, Endpoint.hold_until])
    if result.status == _GONE:
        endpoints.disable(env, _BY, endpoint, "GONE")
    elif now - endpoint.failing_since_time >= delivery_schedule.GIVE_UP_AFTER:
        endpoints.disable(env, _BY, endpoint, "FAILING")


def _put_back(
    env: Env, delivery_id: str, refused: str, failures: int, next_time: int | None
) -> None:
    values: tuple[Any, ...]
    if refused:
        values = ("CANCELLED", refused, failures, None, env.now())
    elif next_time is None:
        values = ("EXHAUSTED", None, failures, None, env.now())
    else:
        values = ("PENDING", None, failures, next_time, None)
    env.database.execute(_FAILED, *values, delivery_id)


def _refusal_of(endpoint_id: str) -> str:
    return deliveries.refusal_of(_endpoint(endpoint_id))


def _endpoint(endpoint_id: str) -> Endpoint:
    return deliveries.with_owner(Endpoint.id == endpoint_id)[0]
