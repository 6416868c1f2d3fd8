"""The service in plain dictionaries: what CONTRACT promises, and nothing of how.

A reader checks it against the contract and the comments of the protos. There is one function
for each RPC but those that stream, in a file for each noun: it takes the
world, who calls, what is asked and what the server said, and gives the answer that is right, or
refuses. It looks at what the server said only to learn what the server alone decides: ids,
tokens, keys, etags, words for people and the moment of a change. What a reading says in pages,
by dates or by search is asked in part only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

Record = dict[str, Any]

SECOND = 1_000_000  # the model's times are microseconds since 1970
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 24 * 3600 * SECOND
SCOPES = ("read", "write", "delete")
PASSWORDS = ("password", "new_password", "current_password")

# Code → reasons; each noun has its own …_NOT_FOUND and …_ALREADY_EXISTS.
_CODES = {
    "UNAUTHENTICATED": "CREDENTIAL_MISSING CREDENTIAL_INVALID SESSION_INACTIVE SIGN_IN_FAILED"
    " CLIENT_CREDENTIALS_INVALID SETUP_TOKEN_INVALID",
    "PERMISSION_DENIED": "CALLER_NOT_ALLOWED SCOPE_MISSING ACCOUNT_TOKEN_REQUIRED PASSWORD_WRONG"
    " CLIENT_ADDRESS_NOT_ALLOWED ACCOUNT_SUSPENDED",
    "FAILED_PRECONDITION": "SECRET_LIMIT_REACHED APP_LIMIT_REACHED REDIRECT_LIMIT_REACHED"
    " ENDPOINT_LIMIT_REACHED SECRET_NOT_ACTIVE ENDPOINT_DISABLED LINK_AUTH_TOKEN_REQUIRED"
    " LINK_TOKEN_INVALID LINK_TOKEN_EXPIRED LINK_TOKEN_USED_UP LINK_TOKEN_REVOKED"
    " LINK_REDIRECT_UNKNOWN LINK_BANK_NOT_AVAILABLE LINK_PARAMETER_INVALID LINK_ENDED",
    "INVALID_ARGUMENT": "FIELD_INVALID REQUEST_ID_REUSED PAGE_TOKEN_INVALID",
    "ABORTED": "ETAG_MISMATCH",
    "RESOURCE_EXHAUSTED": "RATE_LIMITED",
}
CODE_OF = {reason: code for code, reasons in _CODES.items() for reason in reasons.split()}

# Rows of the journal of which webhooks tell; three more do so at times: see `_announced`.
EVENTS = [
    "link.opened",
    "link.refused",
    "secret.created",
    "secret.leaked",
    "secret.revoked",
    "secret.rotated",
    "session.revoked",
    "settings.updated",
    "webhook.test",
]


class Refused(Exception):  # noqa: N818 - an answer, not a defect
    """What the service refuses, with the facts that it tells."""

    def __init__(self, reason: str, fields: Iterable[str] = (), **facts: object) -> None:
        super().__init__(reason)
        self.fields = set(fields)  # that BadRequest names
        self.reason, self.facts = reason, {name: str(value) for name, value in facts.items()}
        for code in ("NOT_FOUND", "ALREADY_EXISTS"):
            if reason.endswith(code):
                self.code = code
                return
        self.code = CODE_OF[reason]


def refuse(reason: str, **facts: object) -> NoReturn:
    """Refuse the call in hand."""
    raise Refused(reason, (), **facts)


def refuse_fields(*fields: str) -> NoReturn:
    """Refuse the call in hand for what these fields of it say."""
    raise Refused("FIELD_INVALID", fields)


@dataclass
class Moment:
    """A time that the server chose within a call: known exactly once it has been seen."""

    earliest: int
    latest: int

    def see(self, time: int) -> None:
        """Learn it, if it can be this one."""
        if self.earliest <= time <= self.latest:
            self.earliest = self.latest = time


def at(time: int | Moment) -> int:
    """When something was or will be, as far as that is known."""
    return time.latest if isinstance(time, Moment) else time


@dataclass
class World:
    """Everything that is known to the service, by id unless told otherwise."""

    now: int = 0  # when the call in hand began
    until: int = 0  # when it had been answered
    call_id: str = ""  # its id, as the answer told it
    accounts: dict[str, Record] = field(default_factory=dict)
    account_tokens: dict[str, Record] = field(default_factory=dict)
    sign_in_failures: dict[tuple[str, str], Record] = field(default_factory=dict)
    apps: dict[str, Record] = field(default_factory=dict)
    secrets: dict[str, Record] = field(default_factory=dict)
    sessions: dict[str, Record] = field(default_factory=dict)
    versions: dict[str, list[Record]] = field(default_factory=dict)  # by app: its settings
    redirect_apps: dict[str, str] = field(default_factory=dict)  # of redirects ever made
    link_tokens: dict[str, Record] = field(default_factory=dict)
    links: dict[str, Record] = field(default_factory=dict)
    endpoints: dict[str, Record] = field(default_factory=dict)
    deliveries: list[Record] = field(default_factory=list)
    service_keys: dict[str, Record] = field(default_factory=dict)
    signing_keys: dict[str, list[Record]] = field(default_factory=dict)  # by kind, oldest first
    banks: dict[str, Any] = field(default_factory=dict)  # messages, in the order of the catalogue
    left_banks: dict[str, Any] = field(default_factory=dict)  # of which the catalogue has had
    journal: list[Record] = field(default_factory=list)
    repeats: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # how the history calls what has an id
    page_tokens: dict[str, tuple[str, str]] = field(default_factory=dict)  # the operator's
    etags: set[str] = field(default_factory=set)  # that were ever given

    def take(self, new_id: str, prefix: str, name: str = "") -> str:
        """Learn an id that the server made up: never one that there was."""
        assert new_id.startswith(prefix + "_"), f"{new_id} is no {prefix}_…"
        assert new_id not in self.names, f"{new_id} was given twice"
        number = sum(one.startswith(prefix + "_") for one in self.names) + 1
        self.names[new_id] = name or f"{prefix}-{number}"
        return new_id

    def new_etag(self, etag: str) -> str:
        """Learn the etag of what is new or has changed: never one that there was."""
        assert etag, "what can change has an etag"
        assert etag not in self.etags, "what has changed has a new etag"
        self.etags.add(etag)
        return etag

    def moment(self, plus: int = 0) -> Moment:
        """Some time of the call in hand, or so much later."""
        return Moment(self.now + plus, self.until + plus)

    def seen(self, timestamp: Any) -> int:
        """Learn the time of a change that the call in hand makes."""
        time = int(timestamp.ToMicroseconds())
        assert self.now <= time <= self.until, "a change has the time of the call that makes it"
        return time

    def whole_second(self, time: int, plus: int) -> int:
        """So many seconds after a time, on a whole second."""
        return (time // SECOND + plus) * SECOND

    # ------------------------------------------------------------------------------ journal

    def write(
        self,
        caller: Record,
        kind: str,
        target_id: str,
        /,
        *,
        of: Any = None,
        account_id: Any = "",
        **facts: Any,
    ) -> Record:
        """Write the one row of a change; `of` is the app concerned."""
        row = {
            "type": kind,
            "target_id": target_id,
            "account_id": of["account_id"] if of else account_id,
            "app_id": of["id"] if of else "",
            "actor": (caller["kind"], caller["id"]),
            "client_address": caller["address"],
            "call_id": self.call_id,
            "facts": facts,
            "time": self.now,
            "when": self.moment(),
            "seq": len(self.journal),
            "count": 1,
        }
        row["event"] = _announced(row) if of else ""
        self.journal.append(row)
        return row

    def count_refusal(self, caller: Record, kind: str, credential: str, **row: Any) -> None:
        """Count a refusal: a row for each credential, client address, reason and minute.

        Refused Links have one for each app, reason and minute, wherever they came from.
        """
        address = caller["address"] if kind != "link.refused" else ""
        key = (kind, credential, address, row["reason"], self.now // MINUTE)
        for one in self.journal:
            if one.get("counts") == key:
                one["count"] += 1
                return
        self.write(caller, kind, credential, **row)["counts"] = key

    # -------------------------------------------------------------------------- idempotency

    def earlier(self, caller: Record, asked: Any) -> str | None:
        """What this request made before, within 24 hours, if it was sent before (AIP-155)."""
        kept = self.repeats.get((caller["owner"], caller["method"], asked.request_id))
        if not asked.request_id or kept is None or kept["time"] + DAY <= self.now:
            return None
        if kept["body"] != _body(asked):
            raise Refused("REQUEST_ID_REUSED", ["request_id"], request_id=asked.request_id)
        return str(kept["made"])

    def remember(self, caller: Record, asked: Any, made: str) -> None:
        """Note what a request made."""
        if asked.request_id:
            key = (caller["owner"], caller["method"], asked.request_id)
            self.repeats[key] = {"body": _body(asked), "made": made, "time": self.now}

    # --------------------------------------------------------------------------- who sees what

    def app(self, caller: Record, app_id: str) -> Record:
        """An app that is there for the caller; empty: the one of its session."""
        wanted = app_id or caller.get("app_id", "")
        if not wanted:
            refuse_fields("app_id")
        app = self.apps.get(wanted)
        if app is None or app.get("delete_time") or not sees(caller, app):
            refuse("APP_NOT_FOUND", app_id=wanted)
        return app

    def thing(self, caller: Record, things: dict[str, Record], noun: str, thing_id: str) -> Record:
        """Something of an app that is there for the caller, with its app as `of`."""
        thing = things.get(thing_id)
        app = self.apps[thing["app_id"]] if thing else None
        if thing is None or app is None or app.get("delete_time") or not sees(caller, app):
            refuse(f"{noun.upper()}_NOT_FOUND", **{f"{noun}_id": thing_id})
        return thing


def sees(caller: Record, app: Record) -> bool:
    """Whether an app exists as far as the caller knows."""
    if caller["kind"] == "SESSION":
        return bool(caller["app_id"] == app["id"])
    return caller["kind"] == "SERVICE_KEY" or bool(caller["account_id"] == app["account_id"])


def check_etag(sent: str, present: str) -> None:
    """Refuse a change of what has changed; an empty etag asks for nothing."""
    if sent and sent != present:
        refuse("ETAG_MISMATCH")


def _announced(row: Record) -> str:
    """Under which type webhooks tell of a row; empty if they do not."""
    facts = row["facts"]
    if row["type"] == "session.started":
        return "session.superseded" if facts["superseded"] else ""
    if row["type"] == "endpoint.updated":
        return "endpoint.disabled" if facts.get("disabled") else ""
    if row["type"] == "event.published":
        return str(facts["event_type"])
    return str(row["type"]) if row["type"] in EVENTS else ""


def _body(asked: Any) -> bytes:
    """What must be the same in a repeat: everything but the id and the passwords."""
    body = type(asked)()
    body.CopyFrom(asked)
    for name in ("request_id", *PASSWORDS):
        if name in body.DESCRIPTOR.fields_by_name:
            body.ClearField(name)
    return bytes(body.SerializeToString(deterministic=True))
