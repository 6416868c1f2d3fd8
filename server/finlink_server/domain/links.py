"""Links: whether an instance of the widget may open, and with what.

`decide` only reads; `open_link` acts on what it decided. Whoever wants to know
what would happen calls the same `decide`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from finlink_server import tokens
from finlink_server.domain import (
    idempotency,
    journal,
    link_parameters,
    link_query,
    link_tokens,
    settings,
    signing_keys,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.idempotency import Once
from finlink_server.domain.link_parameters import Parameters
from finlink_server.domain.link_query import Query
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    AccountSuspended,
    LinkAuthTokenRequired,
    LinkBankNotAvailable,
    LinkParameterInvalid,
    LinkRedirectUnknown,
    LinkTokenExpired,
    LinkTokenInvalid,
    LinkTokenRevoked,
    LinkTokenUsedUp,
    Refusal,
)
from finlink_server.storage.models import Account, App, Link, LinkToken, Redirect

LIFETIME = 30 * 60 * MICROSECONDS


@dataclass(frozen=True)
class Decision:
    """That a Link may open, and with what; what stands in the way is raised instead."""

    app: App
    parameters: Parameters
    redirect_uri: str
    ignored: Sequence[str]
    token: LinkToken | None


@dataclass(frozen=True)
class Ticket:
    """What became of a URL's auth token: the row that it names, or why it names none."""

    token_id: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Opened:
    """An opened Link, with its app and parameters."""

    link: Link
    app: App
    parameters: Parameters


def open_link(env: Env, caller: Caller, query_text: str, once: Once) -> Opened:
    """Decide whether this Link may start, and open it if so."""
    query = link_query.parse(query_text)
    ticket = read_ticket(env, query)  # verifies a signature: before the transaction
    with env.transaction(ticket.token_id):
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            return _again(env, earlier)
        decision = decide(env, query, ticket)
        link = _insert(env, decision)
        journal.write(
            env,
            caller,
            "link.opened",
            link.id,
            account_id=decision.app.account_id,
            app_id=decision.app.id,
            link_token_id=link.link_token_id,
        )
        idempotency.remember(env, caller, once, link.id)
        return Opened(link, decision.app, decision.parameters)


def read_ticket(env: Env, query: Query) -> Ticket:
    """Verify the URL's auth token, if it has one."""
    if not query.has_token:
        return Ticket()
    try:
        claims = signing_keys.verify(env, tokens.Kind.LINK, query.token())
    except tokens.TokenInvalid as error:
        if error.claims is None:
            return Ticket(refusal=LinkTokenInvalid())
        token_id = str(error.claims["jti"])
        return Ticket(token_id, LinkTokenExpired(link_token_id=token_id))
    except LinkParameterInvalid as refusal:
        return Ticket(refusal=refusal)
    return Ticket(str(claims["jti"]))


def decide(env: Env, query: Query, ticket: Ticket) -> Decision:
    """Decide whether a Link with this query may open now; changes nothing."""
    return _by_token(env, query, ticket) if query.has_token else _by_url(query)


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


def _by_token(env: Env, query: Query, ticket: Ticket) -> Decision:
    """With a token nothing else of the URL counts (rule 5)."""
    if ticket.refusal is not None:
        raise ticket.refusal
    row: LinkToken | None = LinkToken.get_or_none(LinkToken.id == ticket.token_id)
    if row is None:
        raise LinkTokenInvalid
    app = _app(row.app_id)
    if app is None or row.revoke_time is not None:
        raise LinkTokenRevoked(link_token_id=row.id)
    if row.expire_time <= env.now():
        raise LinkTokenExpired(link_token_id=row.id)
    if row.opens >= row.max_opens:
        raise LinkTokenUsedUp(link_token_id=row.id, max_opens=row.max_opens)
    _refuse_suspended(app)
    parameters = link_parameters.unseal(env.keyring, row.sealed_parameters, row.id)
    uri = link_tokens.redirect_uri(app.id, parameters.redirect_id)
    if not uri:
        raise LinkRedirectUnknown(redirect_id=parameters.redirect_id)
    return Decision(app, parameters, uri, query.ignored(with_token=True), row)


def _by_url(query: Query) -> Decision:
    values = query.values()
    redirect_id = values.get("id", "")
    if not redirect_id:
        raise LinkParameterInvalid(parameter="id", expected="is required: a redirect of the app")
    link_query.check_id(redirect_id)
    redirect = Redirect.get_or_none(Redirect.id == redirect_id)
    app = _app(redirect.app_id) if redirect else None
    if app is None:
        raise LinkRedirectUnknown(redirect_id=redirect_id)
    _refuse_suspended(app)
    if settings.of_app(app.id).document.link.force_auth_token:
        raise LinkAuthTokenRequired(app_id=app.id)
    uri = link_tokens.redirect_uri(app.id, redirect_id)
    if not uri:
        raise LinkRedirectUnknown(redirect_id=redirect_id)
    parameters = link_query.parameters_of(values)
    problem = link_parameters.problem(parameters)
    if problem:
        name = link_query.url_name(problem.field)
        raise LinkParameterInvalid(parameter=name, expected=problem.expected)
    if values.get("entity"):
        # The catalogue holds no bank yet, so the widget offers none by name.
        raise LinkBankNotAvailable(bank_id=values["entity"])
    return Decision(app, parameters, uri, query.ignored(with_token=False), None)


def _app(app_id: str) -> App | None:
    row: App | None = (
        App.select(App, Account)
        .join(Account)
        .where((App.id == app_id) & App.delete_time.is_null())
        .get_or_none()
    )
    return row


def _refuse_suspended(app: App) -> None:
    if app.account.suspend_time is not None:
        raise AccountSuspended


def _insert(env: Env, decision: Decision) -> Link:
    now = env.now()
    token = decision.token
    if token is not None:
        # The number of rows touched decides, whatever was read before.
        used = (
            LinkToken.update(opens=LinkToken.opens + 1)
            .where(LinkToken.id == token.id, LinkToken.opens < LinkToken.max_opens)
            .execute()
        )
        if used != 1:
            raise LinkTokenUsedUp(link_token_id=token.id, max_opens=token.max_opens)
    link_id = env.new_id("lnk")
    link: Link = Link.create(
        id=link_id,
        app=decision.app.id,
        link_token=token.id if token else None,
        sealed_parameters=link_parameters.seal(env.keyring, decision.parameters, link_id),
        ignored_parameters=json.dumps(list(decision.ignored)),
        redirect_uri=decision.redirect_uri,
        create_time=now,
        expire_time=now + LIFETIME,
    )
    return link


def _again(env: Env, link_id: str) -> Opened:
    link = Link.get_by_id(link_id)
    parameters = link_parameters.unseal(env.keyring, link.sealed_parameters, link.id)
    return Opened(link, App.get_by_id(link.app_id), parameters)
