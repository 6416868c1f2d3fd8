"""Deliveries: each endpoint's copy of an event, until it is delivered or given up."""

from __future__ import annotations  # Peewee's classes take no parameters at run time

from collections.abc import Iterable, Sequence
from typing import Final

from peewee import SQL, Expression

from finlink_server.domain import event_types, events, journal, paging, visible
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import EndpointDisabled
from finlink_server.storage.models import Account, App, Journal
from finlink_server.storage.webhook_models import Attempt, Delivery, Endpoint

_MOST_SHOWN: Final = 50  # attempts, each with up to 48 kB of an answer
_INSERT: Final = (
    "INSERT INTO delivery (id, endpoint_id, app_id, event_seq, event_id, event_type, cause, state,"
    " cancel_reason, attempt_count, failures, next_attempt_time, create_time, end_time)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)"
)


def wants(endpoint: Endpoint, row: Journal) -> bool:
    """Whether an endpoint is to be told of an event of its app."""
    if row.type == "webhook.test":
        return bool(row.target_id == endpoint.id)
    if row.event == "endpoint.disabled" and row.target_id == endpoint.id:
        return False
    return event_types.matches(endpoint.event_types.split(), row.event)


def refusal_of(endpoint: Endpoint) -> str:
    """Why nothing is sent to an endpoint: a CancelReason; empty if it is."""
    if endpoint.app.delete_time is not None:
        return "APP_DELETED"
    if endpoint.delete_time is not None:
        return "ENDPOINT_DELETED"
    if endpoint.app.account.suspend_time is not None:
        return "ACCOUNT_SUSPENDED"
    return "ENDPOINT_DISABLED" if endpoint.disable_time is not None else ""


def with_owner(*conditions: Expression) -> list[Endpoint]:
    """Endpoints with what `refusal_of` looks at."""
    return list(Endpoint.select(Endpoint, App, Account).join(App).join(Account).where(*conditions))


def insert(env: Env, wanted: Iterable[tuple[Endpoint, Journal]], cause: str) -> list[str]:
    """Make deliveries, in the caller's transaction; their ids."""
    now = env.now()
    rows = []
    for endpoint, row in wanted:
        refused = refusal_of(endpoint)
        rows.append(
            (
                env.new_id("dlv"),
                endpoint.id,
                endpoint.app_id,
                row.seq,
                events.public_id(row),
                row.event,
                cause,
                "CANCELLED" if refused else "PENDING",
                refused or None,
                None if refused else max(now, events.due_time(row)),
                now,
                now if refused else None,
            )
        )
    env.database.write_many(_INSERT, rows)
    return [row[0] for row in rows]


def cancel(env: Env, reason: str, *conditions: Expression) -> int:
    """Give up what waits, in the caller's transaction; how many.

    What is being sent at this moment is settled as it comes out, and not tried again.
    """
    count: int = (
        Delivery.update(
            state="CANCELLED", cancel_reason=reason, next_attempt_time=None, end_time=env.now()
        )
        .where(SQL("state = 'PENDING'"), *conditions)  # as the index of what waits has it
        .execute()
    )
    return count


def send_test(env: Env, caller: Caller, endpoint_id: str) -> tuple[Journal, Delivery]:
    """Send a `webhook.test` to one endpoint; the event and its delivery."""
    app = visible.endpoint(caller, endpoint_id).app
    app_id = app.id
    with env.transaction(app_id, under=[app.account_id]):
        endpoint = visible.endpoint(caller, endpoint_id)
        if refusal_of(endpoint):
            raise EndpointDisabled(endpoint_id=endpoint_id)
        row = journal.write_now(
            env,
            caller,
            "webhook.test",
            endpoint_id,
            account_id=endpoint.app.account_id,
            app_id=app_id,
        )
        (delivery_id,) = insert(env, [(endpoint, row)], "TEST")
        return row, Delivery.get_by_id(delivery_id)


def page(
    env: Env,
    caller: Caller,
    app_id: str,
    endpoint_id: str,
    event_id: str,
    state: str,
    size: int,
    token: str,
) -> paging.Page[Delivery]:
    """List deliveries of an app, newest first; of one endpoint or event, in one state."""
    if endpoint_id and not app_id:
        app_id = visible.endpoint(caller, endpoint_id, deleted=True).app_id
    app = visible.app(caller, app_id)
    query = Delivery.select()
    if endpoint_id:
        endpoint = visible.endpoint(caller, endpoint_id, deleted=True)
        query = query.where(Delivery.endpoint == endpoint.id)
    query = query.where(Delivery.app_id == app.id)
    if event_id:
        query = query.where(Delivery.event_seq == events.find(env, app, event_id).seq)
    if state:
        query = query.where(Delivery.state == state)
    return paging.page(
        env,
        caller,
        query,
        Delivery.id,
        size=size,
        token=token,
        filters=(app.id, endpoint_id, event_id, state),
        newest_first=True,
    )


def attempts(delivery_id: str) -> Sequence[Attempt]:
    """The attempts of a delivery, oldest first; of very many the newest."""
    newest = Attempt.select().where(Attempt.delivery == delivery_id).order_by(Attempt.number.desc())
    return list(newest.limit(_MOST_SHOWN))[::-1]


def response_place(delivery_id: str, number: int) -> str:
    """Where what an attempt was answered is sealed for."""
    return f"attempt.response:{delivery_id}:{number}"


def response(env: Env, attempt: Attempt) -> str:
    """What an attempt was answered."""
    if attempt.sealed_response is None:
        return ""
    place = response_place(attempt.delivery_id, attempt.number)
    return env.keyring.open(attempt.sealed_response, place).decode()
