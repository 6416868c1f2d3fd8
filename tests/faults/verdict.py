"""What was acknowledged, compared with what is there: by the journal, and through the API.

Everything here gives sentences about what is wrong; there should be none.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.faults.customers import Scene
from tests.faults.history import History
from tests.faults.ledger import Client, Entry, Outcome
from tests.faults.stores import Store

from finlink.config import v1

# What an answered call changed: the type of its row in the journal, and the row's target.
_TOLD: dict[str, tuple[str, Callable[[Entry], str]]] = {
    "CreateSecret": ("secret.created", lambda one: str(one.answer.secret.id)),
    "RotateSecret": ("secret.rotated", lambda one: str(one.request.secret_id)),
    "RevokeSecret": ("secret.revoked", lambda one: str(one.request.secret_id)),
    "StartSession": ("session.started", lambda one: str(one.answer.session.id)),
    "EndSession": ("session.ended", lambda one: str(one.answer.session.id)),
    "CreateLinkToken": ("link_token.created", lambda one: str(one.answer.link_token.id)),
    "OpenLink": ("link.opened", lambda one: str(one.answer.link.id)),
    "UpdateSettings": ("settings.updated", lambda one: str(one.request.settings.app_id)),
    "PublishEvent": ("event.published", lambda one: str(one.request.event_id)),
    "CreateEndpoint": ("endpoint.created", lambda one: str(one.answer.endpoint.id)),
    "DeleteEndpoint": ("endpoint.deleted", lambda one: str(one.request.endpoint_id)),
    "RotateSigningKey": ("signing_key.created", lambda one: str(one.answer.kid)),
}
# Repeated by other threads, or nothing to do: then the row is another call's.
_MAY_CHANGE_NOTHING = {"RevokeSecret", "DeleteEndpoint"}
# Which of a repeat's answers names what was made; CreateLinkToken and the like say it again.
_MADE: dict[str, Callable[[Any], object]] = {
    "CreateSecret": lambda answer: answer.secret.id,
    "RotateSecret": lambda answer: answer.secret.id,
    "CreateLinkToken": lambda answer: (answer.link_token.id, answer.auth_token),
    "OpenLink": lambda answer: answer.link.id,
    "RollbackSettings": lambda answer: answer.settings.version,
    "CreateEndpoint": lambda answer: answer.endpoint.id,
    "RotateSigningKey": lambda answer: answer.kid,
}
_SHOWN_ONCE = {"CreateSecret", "RotateSecret", "CreateEndpoint"}


def compare(scene: Scene, client: Client, store: Store, entries: Sequence[Entry]) -> list[str]:
    """Compare some calls with what is there now. Nothing else may be under way."""
    history = History.of(scene, entries)
    return [
        *_journal(store, entries),
        *_chains(client, scene, store),
        *_secrets(client, history),
        *_sessions(client, scene, history),
        *_settings(client, entries),
        *_links(client, scene, entries),
        *_others(client, scene, entries),
        *_repeats(client, entries),
    ]


def _journal(store: Store, entries: Sequence[Entry]) -> Iterator[str]:
    """What was acknowledged is told; what was refused is not; nothing is told twice."""
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for trace, kind, target in store.read(
        "SELECT client_trace_id, type, target_id FROM journal WHERE client_trace_id <> ''"
        " AND type NOT LIKE '%.refused'"
    ):
        rows[trace].append((kind, target))
    for entry in entries:
        found = rows.get(entry.trace, [])
        if entry.outcome is Outcome.REFUSED and found:
            yield f"{entry.method} was refused with {entry.why}, and happened: {found}"
        if len(found) > 1:
            yield f"{entry.method} happened twice: {found}"
        if not entry.is_answered or entry.method not in _TOLD:
            continue
        kind, target = _TOLD[entry.method]
        if found != [(kind, target(entry))] and entry.method not in _MAY_CHANGE_NOTHING:
            yield f"{entry.method} was acknowledged, and the journal tells {found}"


def _chains(client: Client, scene: Scene, store: Store) -> Iterator[str]:
    """Nobody altered the journal, so nothing in it may look as if somebody had."""
    for (account_id,) in store.read("SELECT DISTINCT account_id FROM journal"):
        got = client.ask(scene.operator, "VerifyAuditLog", account_id=account_id)
        if got is None or got.HasField("first_problem"):
            yield f"the journal of {account_id or 'the system'} is not whole: {got}"


def _secrets(client: Client, history: History) -> Iterator[str]:
    for secret_id, credential in history.secrets.items():
        got = client.ask(credential, "GetSecret", secret_id=secret_id)
        if got is None:
            yield f"the secret {secret_id} is gone"
            continue
        is_revoked = got.secret.state == v1.SECRET_STATE_REVOKED
        if secret_id in history.revoked and not is_revoked:
            yield f"the secret {secret_id} was revoked, and is not"
        if is_revoked and secret_id not in history.revoked | history.doubtful:
            yield f"the secret {secret_id} was never revoked, and is"
        successor = history.replaced.get(secret_id, got.secret.replaced_by)
        if successor != got.secret.replaced_by:
            yield f"the secret {secret_id} was replaced by {got.secret.replaced_by}"


def _sessions(client: Client, scene: Scene, history: History) -> Iterator[str]:
    active: dict[str, list[str]] = defaultdict(list)
    for some in _hundreds(history.started):
        tokens = [answer.access_token for answer in some]
        got = client.ask(scene.verifier, "BatchValidateSessions", access_tokens=tokens)
        if got is None:
            yield "sessions cannot be validated"
            return
        for answer, result in zip(some, got.results, strict=True):
            session = answer.session
            if result.active:
                active[session.secret_id].append(session.id)
            if result.active and history.has_ended(answer):
                yield f"the session {session.id} was ended, and is active"
            if not result.active and not history.may_have_ended(answer):
                reason = v1.InactiveReason.Name(result.inactive_reason)
                yield f"the session {session.id} was never ended, and is {reason}"
    for secret_id, sessions in active.items():
        if len(sessions) > 1:
            yield f"the secret {secret_id} has the active sessions {sessions}"


def _settings(client: Client, entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        if not (entry.is_("UpdateSettings") or entry.is_("RollbackSettings")):
            continue
        made = entry.answer.settings
        got = client.ask(entry.credential, "GetSettings", app_id=made.app_id, version=made.version)
        if got is None or got.settings.link != made.link or got.settings.etag != made.etag:
            yield f"version {made.version} of the settings of {made.app_id} is not what was made"
        if entry.is_("UpdateSettings") and made.link.terms_uri != (
            entry.request.settings.link.terms_uri
        ):
            yield f"version {made.version} of the settings is not what was asked for"


def _links(client: Client, scene: Scene, entries: Sequence[Entry]) -> Iterator[str]:
    """Count the opens of each Link token: those answered, and no more than were tried."""
    tokens = {
        one.answer.auth_token: (one.credential, one.answer.link_token)
        for one in entries
        if one.is_("CreateLinkToken")
    }
    opened: dict[str, set[str]] = defaultdict(set)
    unsure: dict[str, int] = defaultdict(int)
    for entry in entries:
        if entry.method == "OpenLink":
            token = entry.request.query.removeprefix("authToken=")
            if entry.is_answered:
                opened[token].add(entry.answer.link.id)
            unsure[token] += entry.outcome is Outcome.UNKNOWN
    for token, (credential, made) in tokens.items():
        got = client.ask(credential, "GetLinkToken", link_token_id=made.id)
        if got is None:
            yield f"the Link token {made.id} is gone"
            continue
        opens, least = got.link_token.opens, len(opened[token])
        if not least <= opens <= min(made.max_opens, least + unsure[token]):
            yield (
                f"the Link token {made.id} has {opens} opens of {made.max_opens};"
                f" {least} were answered, {unsure[token]} were not"
            )
    for link_id in sorted({one for some in opened.values() for one in some}):
        if client.ask(scene.link, "GetLink", link_id=link_id) is None:
            yield f"the Link {link_id} is gone"


def _others(client: Client, scene: Scene, entries: Sequence[Entry]) -> Iterator[str]:
    deleted = {
        one.request.endpoint_id
        for one in entries
        if one.method == "DeleteEndpoint" and one.outcome is not Outcome.REFUSED
    }
    for entry in entries:
        if entry.is_("CreateEndpoint") and entry.answer.endpoint.id not in deleted:
            endpoint_id = entry.answer.endpoint.id
            if client.ask(entry.credential, "GetEndpoint", endpoint_id=endpoint_id) is None:
                yield f"the endpoint {endpoint_id} is gone"
    published = [entry.request for entry in entries if entry.is_("PublishEvent")]
    for app_id in sorted({event.app_id for event in published}):
        wanted = {event.event_id for event in published if event.app_id == app_id}
        missing = wanted - _events(client, scene, app_id, len(wanted))
        if missing:
            yield f"the events {missing} of {app_id} are gone"
    kids = {one.answer.kid for one in entries if one.is_("RotateSigningKey")}
    listed = client.ask("", "ListSigningKeys") if kids else None
    if listed and not kids <= {json.loads(key.jwk_json)["kid"] for key in listed.keys}:
        yield "a signing key is gone"


def _events(client: Client, scene: Scene, app_id: str, count: int) -> set[str]:
    """The newest published events: at least so many, and what unanswered calls published."""
    found: set[str] = set()
    token = ""
    while True:
        page = client.ask(
            scene.operator,
            "ListEvents",
            app_id=app_id,
            types=["connection.*"],
            page_size=500,
            page_token=token,
        )
        if page is None:
            return found
        found |= {event.id for event in page.events}
        token = page.next_page_token
        if not token or len(found) >= count + 500:
            return found


def _repeats(client: Client, entries: Sequence[Entry]) -> Iterator[str]:
    """Repeat what had a request_id: what was answered, a few, and what was not, twice."""
    repeatable = [one for one in entries if getattr(one.request, "request_id", "")]
    answered = [one for one in repeatable if one.is_answered][-12:]
    unsure = [one for one in repeatable if one.outcome is Outcome.UNKNOWN]
    for entry in answered:
        before, now = _MADE[entry.method](entry.answer), _repeat(client, entry)
        if _id(before) != _id(now) or (entry.method not in _SHOWN_ONCE and before != now):
            yield f"{entry.method}, repeated, gave {now} and not {before}"
    for entry in unsure:
        first, second = _repeat(client, entry), _repeat(client, entry)
        if first is not None and _id(first) != _id(second):
            yield f"{entry.method}, repeated twice, gave {first} and {second}"


def _repeat(client: Client, entry: Entry) -> object:
    """Repeat a call: what it made, by its answer or by the refusal that names it; else nothing."""
    again = client.call(entry.credential, entry.method, entry.request)
    if again.is_answered:
        return _MADE[entry.method](again.answer)
    if not again.why.startswith("ALREADY_EXISTS"):
        return None
    return next(value for key, value in again.facts.items() if key.endswith("_id"))


def _hundreds(all_of_them: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(all_of_them), 100):
        yield all_of_them[start : start + 100]


def _id(made: object) -> object:
    return made[0] if isinstance(made, tuple) else made
