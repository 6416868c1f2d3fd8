"""Links: opened instances of the widget."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from finlink_server.domain import (
    bank_list,
    banks,
    idempotency,
    journal,
    languages,
    link_decision,
    link_parameters,
    link_query,
    paging,
    settings,
    visible,
)
from finlink_server.domain.banks import Bank
from finlink_server.domain.caller import Caller
from finlink_server.domain.document import Appearance, LinkSettings, LinkTexts
from finlink_server.domain.idempotency import Once
from finlink_server.domain.link_decision import Decision
from finlink_server.domain.link_parameters import Parameters
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import LinkEnded, LinkTokenUsedUp
from finlink_server.storage import rows
from finlink_server.storage.models import App, Link, LinkToken

LIFETIME = 30 * 60 * MICROSECONDS
FIRST_PAGE = 50
_USE: Final = "UPDATE link_token SET opens = opens + 1 WHERE id = ? AND opens < max_opens"


@dataclass(frozen=True)
class Opened:
    """A Link, with its app, its parameters and the look of the moment of its opening."""

    link: Link
    app: App
    parameters: Parameters
    ignored: Sequence[str]
    appearance: Appearance
    language: str
    texts: LinkTexts | None


@dataclass(frozen=True)
class Banks:
    """A page of the banks that a Link shows."""

    banks: Sequence[Bank]
    pinned: frozenset[str]
    next_token: str


def open_link(env: Env, caller: Caller, query_text: str, once: Once) -> Opened:
    """Decide whether this Link may start, and open it if so."""
    query = link_query.parse(query_text)
    ticket = link_decision.read_ticket(env, query)
    catalogue = banks.catalogue(env)  # may have to be read anew: before the transaction
    parents = partial(link_decision.parents, query, ticket)
    with env.transaction(ticket.token_id, once.lock, under=parents):
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            return _read(env, Link.get_by_id(earlier))
        decision = link_decision.decide(env, caller, query, ticket, catalogue)
        if decision.refusal is None:
            return _write(env, caller, decision, once)
        app = decision.meant_app
        if app is not None:
            reason = decision.refusal.reason
            journal.refuse_link(env, caller, reason, account_id=app.account_id, app_id=app.id)
    raise decision.refusal  # after the transaction: what it counted stands


def explain(env: Env, caller: Caller, query_text: str) -> Decision:
    """Run the same decision, and open nothing."""
    query = link_query.parse(query_text)
    ticket = link_decision.read_ticket(env, query)
    return link_decision.decide(env, caller, query, ticket, banks.catalogue(env))


def get(env: Env, caller: Caller, link_id: str) -> Opened:
    """Find a Link with its parameters."""
    return _read(env, visible.link(caller, link_id))


def page(env: Env, caller: Caller, app_id: str, size: int, token: str) -> paging.Page[Opened]:
    """List an app's Links, newest first."""
    app = visible.app(caller, app_id)
    query = Link.select().where(Link.app == app.id)
    found: paging.Page[Link] = paging.page(
        env, caller, query, Link.id, size=size, token=token, filters=app.id, newest_first=True
    )
    return paging.Page([_read(env, row) for row in found.rows], found.next_token)


def banks_of(env: Env, caller: Caller, link_id: str, query: str, size: int, token: str) -> Banks:
    """List the banks that an open Link shows, or those of them that a query finds."""
    link = visible.link(caller, link_id)
    if state(env, link) != "OPEN":
        raise LinkEnded(link_id=link_id)
    parameters = link_parameters.unseal(env.keyring, link.sealed_parameters, link.id)
    return _banks(env, caller, link, parameters, query, size, token)


def first_banks(env: Env, caller: Caller, opened: Opened) -> Banks:
    """The first banks of a Link that was opened just now; none if it has ended since."""
    if state(env, opened.link) != "OPEN":
        return Banks((), frozenset(), "")
    return _banks(env, caller, opened.link, opened.parameters, "", FIRST_PAGE, "")


def state(env: Env, link: Link) -> str:
    """What state a Link is in: the name of a LinkState."""
    if link.revoke_time is not None:
        return "REVOKED"
    return "EXPIRED" if link.expire_time <= env.now() else "OPEN"


def end_of_app(env: Env, app_id: str) -> None:
    """Revoke the Link tokens and Links of an app that is being deleted."""
    now = env.now()
    for model in (LinkToken, Link):
        (
            model.update(revoke_time=now)
            .where(model.app == app_id, model.revoke_time.is_null(), model.expire_time > now)
            .execute()
        )


def _write(env: Env, caller: Caller, decision: Decision, once: Once) -> Opened:
    opened = _open(env, decision)
    journal.write(
        env,
        caller,
        "link.opened",
        opened.link.id,
        account_id=opened.app.account_id,
        app_id=opened.app.id,
        link_token_id=opened.link.link_token_id,
    )
    idempotency.remember(env, caller, once, opened.link.id)
    return opened


def _open(env: Env, decision: Decision) -> Opened:
    if decision.app is None or decision.parameters is None or decision.settings is None:
        raise AssertionError("a decision without a refusal knows all of these")
    now = env.now()
    token = decision.token
    # The number of rows touched decides, whatever was read before.
    if token is not None and env.database.execute(_USE, token.id).rowcount != 1:
        raise LinkTokenUsedUp(link_token_id=token.id, max_opens=token.max_opens)
    link_id = env.new_id("lnk")
    link = Link(
        id=link_id,
        app=decision.app.id,
        link_token=token.id if token else None,
        settings_version=decision.settings.version,
        sealed_parameters=link_parameters.seal(env.keyring, decision.parameters, link_id),
        ignored_parameters=_seal_names(env, link_id, decision.ignored),
        redirect_uri=decision.redirect_uri,
        create_time=now,
        expire_time=now + LIFETIME,
    )
    rows.insert(link)
    look = decision.settings.document.link
    return _dressed(link, decision.app, decision.parameters, decision.ignored, look)


def _seal_names(env: Env, link_id: str, names: Sequence[str]) -> str:
    """Names come from a browser too: one may be a token that somebody pasted without a name."""
    sealed = env.keyring.seal(json.dumps(list(names)).encode(), names_place(link_id))
    return base64.b64encode(sealed).decode()


def _open_names(env: Env, link: Link) -> list[str]:
    sealed = base64.b64decode(link.ignored_parameters)
    names: list[str] = json.loads(env.keyring.open(sealed, names_place(link.id)))
    return names


def names_place(link_id: str) -> str:
    """Where the names of a Link's ignored parameters are sealed for."""
    return f"link.ignored:{link_id}"


def _banks(
    env: Env,
    caller: Caller,
    link: Link,
    parameters: Parameters,
    query: str,
    size: int,
    token: str,
) -> Banks:
    catalogue = banks.catalogue(env)
    view = link_decision.view_of(settings.of_app(link.app_id), parameters)
    shown = bank_list.shown(catalogue, view)
    found = paging.slice_of(
        env,
        caller,
        shown.find(catalogue, query),
        lambda bank: bank.id,
        size=size,
        token=token,
        filters=("link banks", link.id, query),
        across_methods=True,
    )
    return Banks(found.rows, shown.pinned, found.next_token)


def _read(env: Env, link: Link) -> Opened:
    """Read what a Link opened with, and how the app wanted it to look at that moment."""
    parameters = link_parameters.unseal(env.keyring, link.sealed_parameters, link.id)
    look = settings.of_app(link.app_id, link.settings_version).document.link
    return _dressed(link, App.get_by_id(link.app_id), parameters, _open_names(env, link), look)


def _dressed(
    link: Link, app: App, parameters: Parameters, ignored: Sequence[str], look: LinkSettings
) -> Opened:
    language = languages.choose(parameters.language, look.languages, look.default_language)
    texts = languages.lookup(language, [one.language for one in look.texts])
    return Opened(
        link,
        app,
        parameters,
        ignored,
        look.appearance,
        language,
        next((one for one in look.texts if one.language == texts), None),
    )
