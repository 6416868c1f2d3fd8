"""The queue of deliveries: filled from the journal, claimed by lease, settled by result.

New events become deliveries; what came back is settled, and what is due is claimed. Nothing
is sent inside a transaction. Several processes may do so on one database: a lease says whose
attempt it is, and only who still holds it settles it.

The statements are written out because they run hundreds of times a second.
"""

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, Final

from finlink_server import tracing
from finlink_server.domain import (
    deliveries,
    delivery_results,
    events,
    hierarchy,
    signing_secrets,
)
from finlink_server.domain.delivery_results import Result
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.models import Journal, Property
from finlink_server.storage.webhook_models import Endpoint

LEASE: Final = 60 * MICROSECONDS  # far longer than an attempt may take
# Attempts at one endpoint at one time, of all processes together.
PER_ENDPOINT: Final = 8
_CURSOR: Final = "webhook_cursor"
_LOCK: Final = "webhooks"
_EVENTS_AT_ONCE: Final = 100
_FOREVER: Final = 2**62

# Goes from endpoint to endpoint through the index of what waits, however much that is.
_WAITING: Final = """
WITH RECURSIVE waiting (id) AS (
    SELECT (SELECT min(endpoint_id) FROM delivery WHERE state = 'PENDING')
    UNION ALL
    SELECT (
        SELECT min(endpoint_id) FROM delivery
        WHERE state = 'PENDING' AND endpoint_id > waiting.id
    ) FROM waiting WHERE waiting.id IS NOT NULL
)
SELECT
    endpoint.id, endpoint.uri, endpoint.hold_until, endpoint.failing_since_time,
    (
        SELECT min(next_attempt_time) FROM delivery
        WHERE state = 'PENDING' AND endpoint_id = waiting.id
    )
FROM waiting JOIN endpoint ON endpoint.id = waiting.id
"""
_HAS_NEWS: Final = """
SELECT EXISTS (
    SELECT 1 FROM journal WHERE event <> '' AND seq > coalesce(
        (SELECT CAST(value AS BIGINT) FROM property WHERE key = ?), 0
    )
)
"""
_SENDING: Final = """
SELECT endpoint_id, count(*), min(lease_until), max(lease_until)
FROM delivery WHERE state = 'SENDING' GROUP BY endpoint_id
"""
# What is due is chosen once, before it is claimed: in place, PostgreSQL may choose again and
# again while it claims, and so more than the limit.
_CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE state = 'PENDING' AND endpoint_id = ? AND next_attempt_time <= ?
    ORDER BY next_attempt_time LIMIT ?{skip_locked}
)
UPDATE delivery SET
    state = 'SENDING', lease = ? || id, lease_until = ?, attempt_count = attempt_count + 1,
    next_attempt_time = NULL
WHERE state = 'PENDING' AND id IN (SELECT id FROM due)
RETURNING id, lease, attempt_count, event_seq
"""


@dataclass(frozen=True, slots=True)
class Job:
    """An attempt that was claimed."""

    delivery_id: str
    lease: str
    lease_until: int
    number: int
    endpoint_id: str
    uri: str
    event_seq: int


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent for a job."""

    job: Job
    headers: dict[str, str]
    body: bytes
    traceparent: str = ""  # of the call of which it tells; empty: of none that is traced


def step(env: Env, results: Sequence[Result], room: int, *, crowded: bool = False) -> list[Job]:
    """Settle results, fill the queue, and claim up to `room` attempts.

    `crowded`: an endpoint that is being sent something gets no more, so that slow ones
    cannot take all the room.
    """
    if has_news(env):
        _fill(env)
    overdue = _overdue(env, env.now())
    endpoints = {result.endpoint_id for result in results} | overdue
    parents = partial(hierarchy.above_deliveries, env, endpoints)
    with env.transaction(_LOCK, *endpoints, under=parents):
        delivery_results.settle(env, results)
        now = env.now()
        if overdue:
            delivery_results.take_back(env, now, LEASE, overdue)
        return _claim(env, now, room, _sending(env), crowded=crowded)


def next_time(env: Env) -> int:
    """When there is something to do, unless something is committed before that."""
    now = env.now()
    if has_news(env):
        return now
    sending = _sending(env)
    times = [now if _is_overdue(lease, now) else lease.earliest_end for lease in sending.values()]
    times += [start for _, _, start, free in _waiting(env, sending) if free > 0]
    return min(times, default=_FOREVER)


def prepare(env: Env, jobs: Sequence[Job]) -> list[Message]:
    """Sign what is to be sent, at this time."""
    rows = events.told(env, {job.event_seq for job in jobs})
    bodies = events.bodies(env, rows.values())
    traces = events.traces(env, rows.values()) if tracing.is_on() else {}
    keys = signing_secrets.keys_of(env, {job.endpoint_id for job in jobs})
    timestamp = env.now() // MICROSECONDS
    messages = []
    for job in jobs:
        body = bodies[job.event_seq]
        row = rows[job.event_seq]
        message_id = events.public_id(row)
        signed = signing_secrets.headers(keys.get(job.endpoint_id, []), message_id, timestamp, body)
        messages.append(Message(job, signed, body, traces.get(row.id, "")))
    return messages


def has_news(env: Env) -> bool:
    """Whether there are events whose deliveries are not made yet."""
    return bool(env.database.execute(_HAS_NEWS, _CURSOR).fetchone()[0])


def last_seq() -> int:
    """The last row of the journal whose deliveries are made."""
    row = Property.get_or_none(Property.key == _CURSOR)
    return int(row.value) if row else 0


def _fill(env: Env) -> None:
    """Make the deliveries of events that came since.

    None with a lower number comes later: see there how the database appends to the journal.
    """
    found = _new_events()
    parents = partial(hierarchy.above_endpoints, env, {row.app_id for row in found})
    with env.transaction(_CURSOR, under=parents):
        # As it is now; of those whose apps cannot end meanwhile.
        known = {row.app_id for row in found}
        rows = list(takewhile(lambda row: row.app_id in known, _new_events()))
        if rows:
            _make_deliveries(env, rows)


def _new_events() -> list[Journal]:
    new = Journal.select().where(events.IS_EVENT, Journal.seq > last_seq())
    return list(new.order_by(Journal.seq).limit(_EVENTS_AT_ONCE))


def _make_deliveries(env: Env, rows: Sequence[Journal]) -> None:
    endpoints: dict[str, list[Endpoint]] = {}
    earliest = min(row.time for row in rows)
    was_there = Endpoint.delete_time.is_null() | (Endpoint.delete_time >= earliest)
    for endpoint in deliveries.with_owner(
        Endpoint.app.in_({row.app_id for row in rows}), was_there
    ):
        endpoints.setdefault(endpoint.app_id, []).append(endpoint)
    wanted = [
        (endpoint, row)
        for row in rows
        if row.type != "webhook.test"  # has its delivery already
        for endpoint in endpoints.get(row.app_id, [])
        if endpoint.from_seq < row.seq
        and (endpoint.delete_time is None or endpoint.delete_time >= row.time)
        and deliveries.wants(endpoint, row)
    ]
    deliveries.insert(env, wanted, "EVENT")
    (
        Property.insert(key=_CURSOR, value=str(rows[-1].seq))
        .on_conflict(conflict_target=[Property.key], preserve=[Property.value])
        .execute()
    )


def _claim(
    env: Env, now: int, room: int, sending: Mapping[str, "_Sending"], *, crowded: bool
) -> list[Job]:
    if not room:
        return []
    due = [
        (endpoint_id, uri, 1 if crowded else free)
        for endpoint_id, uri, start, free in _waiting(env, sending)
        if free > 0 and start <= now and not (crowded and endpoint_id in sending)
    ]
    random.shuffle(due)  # so that nobody is always the last
    share = -(-room // len(due)) if due else 0
    jobs: list[Job] = []
    for endpoint_id, uri, free in due:
        limit = min(free, share, room - len(jobs))
        if limit > 0:
            jobs += _take(env, endpoint_id, uri, now, limit)
    return jobs


def _take(env: Env, endpoint_id: str, uri: str, now: int, limit: int) -> list[Job]:
    once = secrets.token_hex(8)
    until = now + LEASE
    claim = _CLAIM.format(skip_locked=env.database.skip_locked)
    claimed = _rows(env, claim, endpoint_id, now, limit, once, until)
    return [
        Job(delivery_id, lease, until, number, endpoint_id, uri, event_seq)
        for delivery_id, lease, number, event_seq in claimed
    ]


def _waiting(env: Env, sending: Mapping[str, "_Sending"]) -> Iterator[tuple[str, str, int, int]]:
    """Who waits: the endpoint, its URI, from when on, and how many attempts it may have more."""
    for endpoint_id, uri, hold_until, failing, next_attempt_time in _rows(env, _WAITING):
        busy = sending[endpoint_id].count if endpoint_id in sending else 0
        free = (1 if failing is not None else PER_ENDPOINT) - busy
        yield endpoint_id, uri, max(next_attempt_time, hold_until), free


@dataclass(frozen=True, slots=True)
class _Sending:
    """How much is being sent to an endpoint, and when the leases on it end."""

    count: int
    earliest_end: int
    latest_end: int


def _sending(env: Env) -> dict[str, _Sending]:
    return {row[0]: _Sending(*row[1:]) for row in _rows(env, _SENDING)}


def _overdue(env: Env, now: int) -> set[str]:
    """Endpoints to which something was being sent by a process that has ended."""
    return {one for one, lease in _sending(env).items() if _is_overdue(lease, now)}


def _is_overdue(sending: _Sending, now: int) -> bool:
    """Whether a lease has run out, or ends later than one given now: the clock was set back."""
    return sending.earliest_end <= now or sending.latest_end > now + LEASE


def _rows(env: Env, sql: str, *parameters: object) -> list[Any]:
    return list(env.database.execute(sql, *parameters).fetchall())
