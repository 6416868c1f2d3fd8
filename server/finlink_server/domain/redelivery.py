"""Sending events again: one, or those of a window that an endpoint has not got."""

from __future__ import annotations  # Peewee's classes take no parameters at run time

from contextlib import nullcontext
from typing import Final

from peewee import SQL, ModelSelect, fn

from finlink_server import deadline
from finlink_server.domain import deliveries, events, journal, visible
from finlink_server.domain.caller import Caller
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import EndpointDisabled, FieldInvalid
from finlink_server.storage.models import Journal
from finlink_server.storage.webhook_models import Delivery, Endpoint

_AT_ONCE: Final = 500
_MARGIN: Final = 2 * 3600 * MICROSECONDS


def redeliver(
    env: Env,
    caller: Caller,
    endpoint_id: str,
    event_id: str,
    start_time: int | None,
    end_time: int | None,
    *,
    validate_only: bool,
) -> int:
    """Send one event to an endpoint again, or those of a window; how many."""
    if event_id and (start_time is not None or end_time is not None):
        raise FieldInvalid.of("event_id", "goes without a window: send it or start_time, not both")
    if event_id:
        return _redeliver_event(env, caller, endpoint_id, event_id, validate_only=validate_only)
    if start_time is None:
        raise FieldInvalid.of("start_time", "is required where event_id is empty")
    return _redeliver_window(
        env, caller, endpoint_id, start_time, end_time, validate_only=validate_only
    )


def _redeliver_event(
    env: Env, caller: Caller, endpoint_id: str, event_id: str, *, validate_only: bool
) -> int:
    """Send one event again, delivered or not, wanted or not."""
    app = _find(caller, endpoint_id).app
    with env.transaction(app.id, under=[app.account_id]):
        endpoint = _find(caller, endpoint_id)
        row = events.find(env, endpoint.app, event_id)
        if not validate_only:
            _take_up(env, caller, endpoint, [row])
        return 1


def _redeliver_window(
    env: Env,
    caller: Caller,
    endpoint_id: str,
    start_time: int,
    end_time: int | None,
    *,
    validate_only: bool,
) -> int:
    """Send what an endpoint wants and has not got of a window; piece by piece."""
    now = env.now()
    start = max(start_time, now - events.RETENTION)
    end = min(now, end_time) if end_time is not None else now
    if end_time is not None and end_time <= start_time:
        raise FieldInvalid.of("end_time", "must be after start_time")
    # A clock that was set may have put rows a little out of the order of time.
    after, count = journal.seq_before(env, start - _MARGIN), 0
    while True:
        deadline.check()
        endpoint = _find(caller, endpoint_id)
        locked = env.transaction(endpoint.app_id, under=[endpoint.app.account_id])
        with nullcontext() if validate_only else locked:
            endpoint = _find(caller, endpoint_id)
            rows = list(_missing(endpoint, start, end, after).limit(_AT_ONCE))
            chosen = [
                row
                for row in rows
                if events.due_time(row) <= now and deliveries.wants(endpoint, row)
            ]
            if chosen and not validate_only:
                _take_up(env, caller, endpoint, chosen)
        count += len(chosen)
        if len(rows) < _AT_ONCE:
            return count
        after = rows[-1].seq


def _find(caller: Caller, endpoint_id: str) -> Endpoint:
    endpoint = visible.endpoint(caller, endpoint_id)
    if deliveries.refusal_of(endpoint):
        raise EndpointDisabled(endpoint_id=endpoint_id)
    return endpoint


def _missing(endpoint: Endpoint, start: int, end: int, after: int) -> ModelSelect[Journal]:
    """Events of a window of which an endpoint has got none and is not being sent any."""
    got = Delivery.select(SQL("1")).where(
        Delivery.event_seq == Journal.seq,
        Delivery.endpoint == endpoint.id,
        Delivery.state.in_(("DELIVERED", "SENDING")),
    )
    return (
        Journal.select()
        .where(
            Journal.app_id == endpoint.app_id,
            events.IS_EVENT,
            Journal.seq > after,
            Journal.time >= start,
            Journal.time < end,
            ~fn.EXISTS(got),
        )
        .order_by(Journal.seq)
    )


def _take_up(env: Env, caller: Caller, endpoint: Endpoint, rows: list[Journal]) -> None:
    now = env.now()
    new = []
    for row in rows:
        waiting = (
            Delivery.update(next_attempt_time=max(now, events.due_time(row)), failures=0)
            .where(
                Delivery.event_seq == row.seq,
                Delivery.endpoint == endpoint.id,
                Delivery.state == "PENDING",
            )
            .execute()
        )
        if not waiting:
            new.append((endpoint, row))
    deliveries.insert(env, new, "REDELIVERY")
    # Whoever asks for it knows that the endpoint is there again.
    Endpoint.update(hold_until=0).where(Endpoint.id == endpoint.id).execute()
    journal.write(
        env,
        caller,
        "endpoint.redelivered",
        endpoint.id,
        account_id=endpoint.app.account_id,
        app_id=endpoint.app_id,
        events=len(rows),
        first_event_id=events.public_id(rows[0]),
        last_event_id=events.public_id(rows[-1]),
    )
