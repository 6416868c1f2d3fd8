"""The journal: one row for every change, written in the change's own transaction.

The audit log is a reader of it, and so is everything else that wants to know
what happened. Refused credentials have rows too, one for each credential, client
address, reason and minute, with a count: an attack cannot grow it without bound.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finlink_server.domain import paging
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.models import Journal

_MINUTE = 60 * MICROSECONDS


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
    """Write the row of a change. Call it inside the change's transaction."""
    Journal.insert(**_row(env, caller, event, target_id, account_id, app_id, facts)).execute()


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
    facts = {"reason": reason}
    minute = env.now() // _MINUTE
    address = caller.call.client_address
    once = env.keyring.mac("journal", f"{event}|{credential}|{address}|{reason}|{minute}".encode())
    row = _row(env, caller, event, credential, account_id, app_id, facts)
    (
        Journal.insert(**row, once=once.hex())
        .on_conflict(conflict_target=[Journal.once], update={Journal.count: Journal.count + 1})
        .execute()
    )


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
    }
