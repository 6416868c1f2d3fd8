"""Events: rows of the journal of which webhooks tell."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from peewee import SQL, Expression

from finlink_server.domain import event_types, journal, paging, visible
from finlink_server.domain.caller import Caller
from finlink_server.domain.event_types import Event, Told
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    CallerNotAllowed,
    EventNotFound,
    FieldInvalid,
)
from finlink_server.storage import rows
from finlink_server.storage.models import App, Journal
from finlink_server.storage.webhook_models import EventPayload

RETENTION: Final = 30 * 24 * 3600 * MICROSECONDS
# Receivers' parsers stop somewhere: .NET's by default here.
_DEEPEST: Final = 64
_LARGEST_PAYLOAD: Final = 16 * 1024  # bytes; with what surrounds it below 20 kB
# What counts refusals is told of once its minute is over and its last call has ended.
_AFTER_THE_MINUTE: Final = 10 * MICROSECONDS
_ROW_BYTES: Final = 1024
_TOLD: Final = f"SELECT {', '.join(Told.__slots__)} FROM journal WHERE seq IN (...)"  # noqa: S608
_PAYLOADS: Final = "SELECT event_seq, sealed_payload FROM event_payload WHERE event_seq IN (...)"
_TRACES: Final = "SELECT event_id, traceparent FROM event_trace WHERE event_id IN (...)"
# As the indexes over events have it.
IS_EVENT: Final = SQL("event <> ''")


def publish(
    env: Env, caller: Caller, app_id: str, event_id: str, event_type: str, payload: str
) -> Journal:
    """Take up an event of another service of the platform."""
    _check_publisher(caller, event_type)
    _check_payload(payload)
    once = f"event.published|{app_id}|{event_id}"
    content = env.keyring.mac("event", f"{event_type}\n{payload}".encode()).hex()
    with env.transaction(once, under=[app_id]):
        app = visible.app(caller, app_id)
        earlier = journal.find_once(env, once)
        if earlier is not None:
            if json.loads(earlier.facts)["content_mac"] != content:
                raise FieldInvalid.of(
                    "event_id", "was used for another event of this app: use a new one"
                )
            return earlier
        if rows.find(Journal, "id = ?", event_id) is not None:
            raise FieldInvalid.of("event_id", "is the id of an event of this service")
        row = journal.write_first(
            env,
            caller,
            "event.published",
            event_id,
            once=once,
            account_id=app.account_id,
            app_id=app.id,
            event_type=event_type,
            content_mac=content,
        )
        sealed = env.keyring.seal(payload.encode(), payload_place(row.seq))
        rows.insert(EventPayload(event_seq=row.seq, sealed_payload=sealed))
        return row


def page(
    env: Env,
    caller: Caller,
    app_id: str,
    types: Sequence[str],
    start_time: int | None,
    end_time: int | None,
    size: int,
    token: str,
) -> paging.Page[Journal]:
    """List an app's events of the last 30 days, newest first."""
    app = visible.app(caller, app_id)
    event_types.check_wanted("types", types)
    start = max(start_time or 0, env.now() - RETENTION)
    query = Journal.select().where(_of_app(app), Journal.time >= start, of_types(types))
    if end_time is not None:
        query = query.where(Journal.time < end_time)
    return paging.page(
        env,
        caller,
        query,
        Journal.seq,
        size=size,
        token=token,
        filters=(app.id, tuple(types), start_time, end_time),
        newest_first=True,
        weigh=_weight,
    )


def find(env: Env, app: App, event_id: str) -> Journal:
    """Find an event of an app by its id, or by its publisher's."""
    once = journal.once_key(env, f"event.published|{app.id}|{event_id}")
    row: Journal | None = Journal.get_or_none(
        _of_app(app)
        & (Journal.time >= env.now() - RETENTION)
        & (
            (Journal.once == once)
            | ((Journal.id == event_id) & (Journal.type != "event.published"))
        )
    )
    if row is None:
        raise EventNotFound(event_id=event_id)
    return row


def of_types(types: Sequence[str]) -> Any:  # noqa: ANN401 - a condition
    """The condition that an event's type is one of these; none wanted: any."""
    wanted: Any = None
    for entry in types:
        if entry.endswith(".*"):
            group = entry[:-1]
            one = (Journal.event >= group) & (Journal.event < group[:-1] + "/")  # `/` follows `.`
        else:
            one = Journal.event == entry
        wanted = one if wanted is None else wanted | one
    return SQL("1 = 1") if wanted is None else wanted


def told(env: Env, seqs: Collection[int]) -> dict[int, Told]:
    """Read events of which webhooks are about to tell, by seq."""
    return {row[0]: Told(*row) for row in env.database.among(_TOLD, seqs)}


def traces(env: Env, rows: Iterable[Event]) -> dict[str, str]:
    """The traces of the calls of which events tell, by the row's id; not all have one."""
    return dict(env.database.among(_TRACES, [row.id for row in rows]))


def public_id(row: Event) -> str:
    """The id under which the world knows an event."""
    return str(row.target_id if row.type == "event.published" else row.id)


def due_time(row: Journal) -> int:
    """When webhooks may tell of an event: at once, or when its count stands."""
    if row.type != "link.refused":
        return int(row.time)
    return (row.time // journal.MINUTE + 1) * journal.MINUTE + _AFTER_THE_MINUTE


def body(env: Env, row: Event) -> bytes:
    """The body that is sent, always the same bytes: JSON (RFC 8259) in UTF-8."""
    return bodies(env, [row])[row.seq]


def bodies(env: Env, rows: Iterable[Event]) -> dict[int, bytes]:
    """The bodies of events, by seq; without those whose data was purged."""
    rows = list(rows)
    published = [row.seq for row in rows if row.type == "event.published"]
    payloads = {
        seq: env.keyring.open(sealed, payload_place(seq))
        for seq, sealed in (env.database.among(_PAYLOADS, published) if published else ())
    }
    return {
        row.seq: _body(row, payloads.get(row.seq, b""))
        for row in rows
        if row.type != "event.published" or row.seq in payloads
    }


def _body(row: Event, payload: bytes) -> bytes:
    if row.type == "event.published":
        data = payload
    else:
        facts = json.loads(row.facts)
        data = _json(event_types.BY_NAME[row.event].data(row, facts))
    head = _json(
        {
            "type": row.event,
            "id": public_id(row),
            "timestamp": event_types.time_text(row.time),
            "app_id": row.app_id,
        }
    )
    # The publisher's text as it was given, not read and written again.
    return head[:-1] + b',"data":' + data + b"}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _of_app(app: App) -> Expression:
    condition: Expression = (Journal.app_id == app.id) & IS_EVENT
    return condition


def _weight(row: Journal) -> int:
    return _LARGEST_PAYLOAD if row.type == "event.published" else _ROW_BYTES + len(row.facts)


def _check_publisher(caller: Caller, event_type: str) -> None:
    if event_types.is_reserved(event_type):
        word = event_type.partition(".")[0]
        raise FieldInvalid.of(
            "type", f"must not begin with `{word}.`: those are this service's own events"
        )
    if not event_type.startswith(caller.event_prefixes):
        prefixes = ", ".join(f"`{prefix}`" for prefix in caller.event_prefixes)
        raise CallerNotAllowed(
            method=f"PublishEvent of {event_type}",
            caller="this service key",
            allowed=f"types that begin with {prefixes}",
        )


def _check_payload(payload: str) -> None:
    size = len(payload.encode())
    if size > _LARGEST_PAYLOAD:
        raise FieldInvalid.of(
            "payload_json", f"must have at most {_LARGEST_PAYLOAD} bytes, not {size}"
        )
    try:
        value = json.loads(
            payload, object_pairs_hook=_once_each, parse_constant=_no_constant, parse_int=str
        )
    except (ValueError, RecursionError) as error:
        raise FieldInvalid.of("payload_json", f"must be JSON (RFC 8259): {_words(error)}") from None
    if not isinstance(value, dict):
        raise FieldInvalid.of("payload_json", "must be a JSON object, such as {}")
    if _depth(value) > _DEEPEST:
        raise FieldInvalid.of("payload_json", f"must be nested at most {_DEEPEST} levels deep")


def _depth(value: object) -> int:
    """How many objects and lists stand within each other."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, (dict, list))]:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that stands twice: receivers would differ in which they take."""
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "a member stands twice"
        raise ValueError(message)
    return members


def _no_constant(name: str) -> None:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at character {error.pos + 1}"
    return (
        f"it is nested deeper than {_DEEPEST} levels"
        if isinstance(error, RecursionError)
        else str(error)
    )


def payload_place(seq: int | None) -> str:
    """Where the data of an event is sealed for."""
    return f"event.payload:{seq}"
