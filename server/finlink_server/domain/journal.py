"""The journal: one row for every change, written in the change's own transaction.

The audit log is a reader of it, webhooks are another, and so is everything else that
wants to know what happened. Refused credentials have rows too, one for each
credential, client address, reason and minute, with a count, and refused Links one for
each app, reason and minute: an attack cannot grow it without bound. Each row is chained
to the one before it: see `audit_chain`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finlink_server import tracing
from finlink_server.domain import event_types, paging
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage import rows
from finlink_server.storage.database import Entry
from finlink_server.storage.models import Journal
from finlink_server.storage.webhook_models import EventTrace

MINUTE = 60 * MICROSECONDS
_FIRST_FROM = "SELECT time FROM journal WHERE seq >= ? ORDER BY seq LIMIT 1"


@dataclass(frozen=True)
class Filter:
    """Which rows a reader wants; empty means any."""

    account_id: str = ""
    app_id: str = ""
    types: Sequence[str] = ()
    actor_id: str = ""
    target_id: str = ""
    call_id: str = ""
    start_time: int | None = None
    end_time: int | None = None


def write(
    env: Env,
    caller: Caller,
    event: str,
    target_id: str,
    *,
    account_id: str = "",
    app_id: str = "",
    **facts: Any,  # noqa: ANN401 - whatever JSON holds
) -> None:
    """Write the row of a change. Call it inside the change's transaction.

    Nobody sees it before that has ended, the transaction itself included.
    """
    env.note_change()
    row = _row(env, caller, event, target_id, account_id, app_id, facts)
    env.database.append(Entry(row))
    _keep_trace(row)


def write_now(
    env: Env,
    caller: Caller,
    event: str,
    target_id: str,
    *,
    account_id: str = "",
    app_id: str = "",
    **facts: Any,  # noqa: ANN401 - whatever JSON holds
) -> Journal:
    """Write the row of a change and give it, for whom needs its seq in the transaction.

    Others wait until that has ended, so it comes late, and little comes after it.
    """
    return _write_now(env, _row(env, caller, event, target_id, account_id, app_id, facts))


def write_once(
    env: Env,
    caller: Caller,
    event: str,
    target_id: str,
    *,
    once: str,
    account_id: str = "",
    app_id: str = "",
    **facts: Any,  # noqa: ANN401 - whatever JSON holds
) -> None:
    """Write a row unless there was one of the same `once` before this transaction."""
    if find_once(env, once) is None:
        row = _row(env, caller, event, target_id, account_id, app_id, facts)
        env.database.append(Entry(row | {"once": once_key(env, once)}))


def write_first(
    env: Env,
    caller: Caller,
    event: str,
    target_id: str,
    *,
    once: str,
    account_id: str = "",
    app_id: str = "",
    **facts: Any,  # noqa: ANN401 - whatever JSON holds
) -> Journal:
    """As `write_now`, the one row of its `once`, of which there is none yet."""
    row = _row(env, caller, event, target_id, account_id, app_id, facts)
    return _write_now(env, row | {"once": once_key(env, once)})


def find_once(env: Env, once: str) -> Journal | None:
    """Find the row of something that has one row however often it happens."""
    return rows.find(Journal, "once = ?", once_key(env, once))


def once_key(env: Env, once: str) -> str:
    """What stands in the row of something that has one row however often it happens."""
    return env.keyring.mac("journal", once.encode()).hex()


def refuse(
    env: Env,
    caller: Caller,
    event: str,
    credential: str,
    reason: str,
    *,
    account_id: str = "",
    app_id: str = "",
) -> None:
    """Count a refused credential, in a transaction of the caller's.

    `credential` names it without telling it: the id of a row, or an HMAC.
    """
    address = caller.call.client_address
    _count(
        env,
        _row(env, caller, event, credential, account_id, app_id, {"reason": reason}),
        f"{event}|{credential}|{address}|{reason}|{env.now() // MINUTE}",
    )


def refuse_link(env: Env, caller: Caller, reason: str, *, account_id: str, app_id: str) -> None:
    """Count a Link that was not opened, in a transaction of the caller's."""
    row = _row(env, caller, "link.refused", app_id, account_id, app_id, {"reason": reason})
    # Of the row's own minute: that one's end is when webhooks tell of the count.
    _count(env, row, f"link.refused|{app_id}|{reason}|{row['time'] // MINUTE}")


def read(env: Env, caller: Caller, wanted: Filter, size: int, token: str) -> paging.Page[Journal]:
    """Read rows, newest first."""
    query = Journal.select()
    for column, value in (
        (Journal.account_id, wanted.account_id),
        (Journal.app_id, wanted.app_id),
        (Journal.actor_id, wanted.actor_id),
        (Journal.target_id, wanted.target_id),
        (Journal.call_id, wanted.call_id),
    ):
        if value:
            query = query.where(column == value)
    if wanted.types:
        query = query.where(Journal.type.in_(wanted.types))
    if wanted.start_time is not None:
        query = query.where(Journal.time >= wanted.start_time)
    if wanted.end_time is not None:
        query = query.where(Journal.time < wanted.end_time)
    return paging.page(
        env, caller, query, Journal.seq, size=size, token=token, filters=wanted, newest_first=True
    )


def seq_before(env: Env, time: int) -> int:
    """A place in the journal before everything of some time on: rows are in its order."""
    low, high = 0, int(env.database.execute("SELECT max(seq) FROM journal").fetchone()[0] or 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = env.database.execute(_FIRST_FROM, middle).fetchone()
        if row is None or row[0] >= time:
            high = middle - 1
        else:
            low = middle
    return low


def _count(env: Env, row: dict[str, Any], once: str) -> None:
    env.database.append(Entry(row | {"once": once_key(env, once)}, is_counted=True))


def _write_now(env: Env, values: dict[str, Any]) -> Journal:
    row = Journal(**values)
    env.note_change()
    row.seq = env.database.append_now(Entry(values))
    _keep_trace(values)
    return row


def _keep_trace(row: Mapping[str, Any]) -> None:
    """Let webhooks go on with the trace of the call, whoever sends them, and whenever.

    Beside the journal and not in it: it is nothing that anybody has to prove.
    """
    traceparent = tracing.traceparent()
    if traceparent and row["event"]:
        rows.insert(EventTrace(event_id=row["id"], traceparent=traceparent, time=row["time"]))


def _row(
    env: Env,
    caller: Caller,
    event: str,
    target_id: str,
    account_id: str,
    app_id: str,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": env.new_id("evt"),
        "type": event,
        "event": event_types.announced(event, facts) if app_id else "",
        "time": env.now(),
        "account_id": account_id,
        "app_id": app_id,
        "actor_kind": caller.kind.name,
        "actor_id": caller.id if caller.kind is not CallerKind.ANONYMOUS else "",
        "target_id": target_id,
        "facts": json.dumps(facts, separators=(",", ":"), ensure_ascii=False),
        "call_id": caller.call.id,
        "client_trace_id": caller.call.client_trace_id,
        "client_address": caller.call.client_address,
        "once": None,
    }
