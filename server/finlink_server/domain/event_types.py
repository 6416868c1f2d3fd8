"""The types of events that webhooks tell of, and from which rows of the journal they come.

An event is a row of the journal: this table says which rows are events, under which
type, and what of their facts stands in the event's data. There is no second record.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from finlink_server.env import MICROSECONDS
from finlink_server.errors import FieldInvalid, Violation
from finlink_server.storage.models import Journal

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What of a row of the journal an event is made of."""

    seq: int
    id: str
    type: str
    event: str
    time: int
    app_id: str
    target_id: str
    facts: str
    count: int


Event = Journal | Told
_SECOND: Final = MICROSECONDS


@dataclass(frozen=True)
class EventType:
    """A type of events: what it tells, its data, and the data of a sample."""

    name: str
    description: str
    data: Callable[[Event, Facts], dict[str, Any]]
    sample: dict[str, Any]


def announced(row_type: str, facts: Facts) -> str:
    """Under which type webhooks tell of a new row; empty if they do not."""
    if row_type == "session.started":
        return "session.superseded" if facts.get("superseded") else ""
    if row_type == "endpoint.updated":
        return "endpoint.disabled" if facts.get("disabled") is True else ""
    if row_type == "event.published":
        return str(facts["event_type"])
    return row_type if row_type in BY_NAME else ""


def time_text(micros: int) -> str:
    """A time as in RFC 3339, to the microsecond."""
    seconds, rest = divmod(micros, _SECOND)
    whole = datetime.fromtimestamp(seconds, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def is_reserved(event_type: str) -> bool:
    """Whether a type is this service's own, which nobody else may publish."""
    return event_type.partition(".")[0] in _OWN_WORDS


def matches(wanted: Sequence[str], event_type: str) -> bool:
    """Whether an event's type is one of those wanted; none wanted means all are."""
    return not wanted or any(
        event_type.startswith(entry[:-1]) if entry.endswith("*") else event_type == entry
        for entry in wanted
    )


def check_wanted(field: str, wanted: Iterable[str]) -> None:
    """Refuse types of this service's own that do not exist: nothing would ever come."""
    problems = []
    for index, entry in enumerate(wanted):
        if is_reserved(entry) and not any(matches([entry], name) for name in BY_NAME):
            close = difflib.get_close_matches(entry, BY_NAME, n=1)
            hint = f"the nearest is {close[0]}" if close else "see ListEventTypes"
            problems.append(Violation(f"{field}[{index}]", f"is no type of events: {hint}"))
    if problems:
        raise FieldInvalid(violations=tuple(problems))


def _secret_created(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "secret_id": row.target_id,
        "hint": facts["hint"],
        "scopes": facts["scopes"],
        "expire_time": _optional_time(facts.get("expire_time")),
    }


def _secret_rotated(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "secret_id": row.target_id,
        "replaced_by": facts["replaced_by"],
        "overlap_seconds": facts["overlap_seconds"],
        "ended_session_id": facts.get("ended_session"),
    }


def _secret_revoked(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "secret_id": row.target_id,
        "hint": facts["hint"],
        "reason": facts["reason"],
        "ended_session_id": facts.get("ended_session"),
    }


def _secret_leaked(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "secret_id": row.target_id,
        "hint": facts["hint"],
        "ended_session_id": facts.get("ended_session"),
    }


def _secret_expiring(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "secret_id": row.target_id,
        "hint": facts["hint"],
        "expire_time": time_text(facts["expire_time"]),
        "days_left": facts["days_left"],
    }


def _session_superseded(row: Event, facts: Facts) -> dict[str, Any]:
    return {
        "session_id": facts["superseded"],
        "superseded_by": row.target_id,
        "secret_id": facts["secret_id"],
    }


def _session_revoked(row: Event, facts: Facts) -> dict[str, Any]:
    return {"session_id": row.target_id, "secret_id": facts["secret_id"]}


def _settings_updated(row: Event, facts: Facts) -> dict[str, Any]:
    del row
    return {
        "version": facts["version"],
        "changed_paths": facts["paths"],
        "rolled_back_to": facts.get("rolled_back_to"),
    }


def _link_opened(row: Event, facts: Facts) -> dict[str, Any]:
    return {"link_id": row.target_id, "link_token_id": facts.get("link_token_id")}


def _link_refused(row: Event, facts: Facts) -> dict[str, Any]:
    return {"reason": facts["reason"], "count": row.count, "first_time": time_text(row.time)}


def _endpoint_disabled(row: Event, facts: Facts) -> dict[str, Any]:
    return {"endpoint_id": row.target_id, "disabled_reason": facts["disabled_reason"]}


def _webhook_test(row: Event, facts: Facts) -> dict[str, Any]:
    del facts
    return {"endpoint_id": row.target_id}


def _optional_time(micros: int | None) -> str | None:
    return None if micros is None else time_text(micros)


_CREDENTIAL: Final = "sec_01kb0m3a6tf9x8tq3m5h2v7c4d"
_NEWER: Final = "sec_01kb0m7p4ve2rb1d9n6w8k3x5f"
_SESSION: Final = "ses_01kb0m4d2hfqg8z7r1c9t5v6y3"
_NEWER_SESSION: Final = "ses_01kb0m9x1kezt4p2s8b6n3w7q5"
_ENDPOINT: Final = "whe_01kb0m2c5jek9v4x7d1t8r6z3n"
_LINK: Final = "lnk_01kb0m6y8ne5wa2f9k4h7q1s3t"
_STORED: Final = "ltk_01kb0m5r3mf1vc6b8x2j9d4p7z"

TYPES: Final = (
    EventType(
        "endpoint.disabled",
        "Another webhook endpoint of the app gets nothing any more: `disabled_reason` is"
        " REQUESTED (UpdateEndpoint), GONE (it answered 410) or FAILING (every attempt failed"
        " for 5 days).",
        _endpoint_disabled,
        {"endpoint_id": _ENDPOINT, "disabled_reason": "FAILING"},
    ),
    EventType(
        "link.opened",
        "An end user opened Link. `link_token_id` is null if it was opened by URL parameters.",
        _link_opened,
        {"link_id": _LINK, "link_token_id": _STORED},
    ),
    EventType(
        "link.refused",
        "Link was not opened for the app: `reason` is that of the error, `count` how often that"
        " was so within one minute. Sent once for each reason and minute, when the minute is"
        " over; what cannot be told to be the app's is not counted.",
        _link_refused,
        {
            "reason": "LINK_TOKEN_EXPIRED",
            "count": 3,
            "first_time": "2026-11-22T03:14:15.926535Z",
        },
    ),
    EventType(
        "secret.created",
        "A client secret was made. `hint` is its last 4 characters; `expire_time` is null if it"
        " does not end by itself.",
        _secret_created,
        {
            "secret_id": _CREDENTIAL,
            "hint": "x7Qd",
            "scopes": ["read", "write", "delete"],
            "expire_time": None,
        },
    ),
    EventType(
        "secret.expiring",
        "A client secret is about to end by itself: sent 7 days and 1 day before. `days_left` is"
        " 7 or 1.",
        _secret_expiring,
        {
            "secret_id": _CREDENTIAL,
            "hint": "x7Qd",
            "expire_time": "2026-11-29T03:14:15.000000Z",
            "days_left": 7,
        },
    ),
    EventType(
        "secret.leaked",
        "Somebody found a client secret where it should not be and reported it: it is revoked,"
        " and the session that it had open has ended. No `secret.revoked` is sent beside it.",
        _secret_leaked,
        {"secret_id": _CREDENTIAL, "hint": "x7Qd", "ended_session_id": _SESSION},
    ),
    EventType(
        "secret.revoked",
        "A client secret was ended by a call: `reason` is REVOKED or ENDED_BY_OPERATOR."
        " `ended_session_id` is the session that it had open, or null.",
        _secret_revoked,
        {
            "secret_id": _CREDENTIAL,
            "hint": "x7Qd",
            "reason": "REVOKED",
            "ended_session_id": _SESSION,
        },
    ),
    EventType(
        "secret.rotated",
        "A client secret was replaced and stays live for `overlap_seconds`; with 0 it has ended,"
        " and the session that it had open with it.",
        _secret_rotated,
        {
            "secret_id": _CREDENTIAL,
            "replaced_by": _NEWER,
            "overlap_seconds": 86_400,
            "ended_session_id": None,
        },
    ),
    EventType(
        "session.revoked",
        "A session was ended by the account, before its time.",
        _session_revoked,
        {"session_id": _SESSION, "secret_id": _CREDENTIAL},
    ),
    EventType(
        "session.superseded",
        "A session ended because the same secret opened a newer one. If that was not you,"
        " somebody else has the secret; if it was, give each replica its own.",
        _session_superseded,
        {"session_id": _SESSION, "superseded_by": _NEWER_SESSION, "secret_id": _CREDENTIAL},
    ),
    EventType(
        "settings.updated",
        "The app's settings have a new version. `rolled_back_to` is the version that it equals"
        " after a rollback, else null.",
        _settings_updated,
        {
            "version": 7,
            "changed_paths": ["link.force_auth_token"],
            "rolled_back_to": None,
        },
    ),
    EventType(
        "webhook.test",
        "SendTestEvent was called for this endpoint.",
        _webhook_test,
        {"endpoint_id": _ENDPOINT},
    ),
)
BY_NAME: Final = {kind.name: kind for kind in TYPES}
# First words of what stands in the journal, and of what may come to stand there.
_NOUNS: Final = frozenset(
    {"account", "admin", "app", "audit", "bank", "delivery", "endpoint", "event", "finlink"}
    | {"journal", "link", "link_token", "login", "master_key", "password", "secret"}
    | {"service_key", "session", "setting", "sign_in", "signing_key", "webhook"}
)
# And what people write for them: nothing would ever come under `secrets.*`.
_OWN_WORDS: Final = _NOUNS | {noun + "s" for noun in _NOUNS}
