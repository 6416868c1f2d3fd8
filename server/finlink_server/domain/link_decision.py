"""The decision whether a Link may open, as a list of checks.

OpenLink and ExplainLink run the same checks in the same order: one raises the
first refusal, the other shows them all. So they cannot disagree.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from finlink_server import tokens
from finlink_server.domain import (
    bank_list,
    hierarchy,
    link_parameters,
    link_query,
    settings,
    signing_keys,
)
from finlink_server.domain.bank_list import Shown, View, Visibility
from finlink_server.domain.banks import Catalogue
from finlink_server.domain.caller import Caller
from finlink_server.domain.link_parameters import Parameters
from finlink_server.domain.link_query import Query
from finlink_server.domain.settings import Settings
from finlink_server.env import Env
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
from finlink_server.storage import rows
from finlink_server.storage.models import Account, App, LinkToken, Redirect


@dataclass(frozen=True)
class Ticket:
    """What became of a URL's auth token: the row that it names, or why it names none."""

    token_id: str = ""
    refusal: Refusal | None = None
    expired: bool = False


@dataclass(frozen=True)
class Step:
    """One check: passed, failed with a refusal, or not reached."""

    name: str
    reached: bool
    refusal: Refusal | None = None


@dataclass
class Decision:
    """What is known of a Link by now; a check adds to it or raises a refusal."""

    env: Env
    caller: Caller
    query: Query
    ticket: Ticket
    catalogue: Catalogue
    steps: list[Step] = field(default_factory=list)
    token: LinkToken | None = None
    app: App | None = None
    settings: Settings | None = None
    parameters: Parameters | None = None
    redirect_uri: str = ""
    shown: Shown | None = None

    @property
    def refusal(self) -> Refusal | None:
        """Why the Link may not open; None if it may."""
        return next((step.refusal for step in self.steps if step.refusal), None)

    @property
    def meant_app(self) -> App | None:
        """Whose Link this would have been, as far as that can be told."""
        if self.app is None and not self.query.has_token:
            row = rows.find(Redirect, "id = ?", self.query.redirect_id())
            if row is not None:
                self.use_app(row.app_id)
        return self.app

    @property
    def ignored(self) -> Sequence[str]:
        """Names of the URL's parameters that do not count."""
        return self.query.ignored(with_token=self.query.has_token)

    def use_app(self, app_id: str) -> bool:
        """Take an app that exists for the caller, with its settings of this moment."""
        row = rows.find(App, "id = ? AND delete_time IS NULL", app_id)
        if row is None or not self.caller.sees(row.account_id, row.id):
            return False
        row.account = rows.get(Account, row.account_id)
        self.app = row
        self.settings = settings.of_app(row.id)
        return True


def read_ticket(env: Env, query: Query) -> Ticket:
    """Verify the URL's auth token, if it has one. Costs a signature: before a transaction."""
    if not query.has_token:
        return Ticket()
    try:
        claims = signing_keys.verify(env, tokens.Kind.LINK, query.token())
    except tokens.TokenInvalid as error:
        if error.claims is None:
            return Ticket(refusal=LinkTokenInvalid())
        if error.problem is tokens.TokenProblem.KEY_REVOKED:
            return Ticket(refusal=LinkTokenRevoked(link_token_id=str(error.claims["jti"])))
        return Ticket(str(error.claims["jti"]), expired=True)
    except LinkParameterInvalid as refusal:
        return Ticket(refusal=refusal)
    return Ticket(str(claims["jti"]))


def parents(query: Query, ticket: Ticket) -> Collection[str]:
    """What must not end while a Link is opened."""
    if query.has_token:
        token = rows.find(LinkToken, "id = ?", ticket.token_id)
        app_id = token.app_id if token else ""
    else:
        redirect = rows.find(Redirect, "id = ?", query.redirect_id())
        app_id = redirect.app_id if redirect else ""
    return hierarchy.above_links(rows.get(App, app_id).account_id, app_id) if app_id else ()


def decide(
    env: Env, caller: Caller, query: Query, ticket: Ticket, catalogue: Catalogue
) -> Decision:
    """Run every check, until one fails. Changes nothing."""
    decision = Decision(env, caller, query, ticket, catalogue)
    for check in _BY_TOKEN if query.has_token else _BY_URL:
        name = check.__name__.strip("_")
        if decision.refusal is not None:
            decision.steps.append(Step(name, reached=False))
            continue
        try:
            check(decision)
        except Refusal as refusal:
            decision.steps.append(Step(name, reached=True, refusal=refusal))
        else:
            decision.steps.append(Step(name, reached=True))
    return decision


def check_banks(catalogue: Catalogue, present: Settings, parameters: Parameters) -> Shown:
    """Refuse parameters that name a bank that does not show, or that leave none."""
    view = view_of(present, parameters)
    if parameters.bank_id:
        why = bank_list.visibility(catalogue, view, parameters.bank_id)
        if why is not Visibility.SHOWN:
            raise LinkBankNotAvailable(bank_id=parameters.bank_id, why=why.value)
    shown = bank_list.shown(catalogue, view)
    # Whoever updates or restores a connection picks no bank, so there may be none to show.
    if not shown.banks and parameters.product:
        if parameters.bank_ids:
            why = bank_list.visibility(catalogue, view, parameters.bank_ids[0])
            raise LinkBankNotAvailable(bank_id=parameters.bank_ids[0], why=why.value)
        field_name = "country_codes" if parameters.country_codes else "product"
        raise LinkParameterInvalid(
            parameter=field_name, expected="leaves no bank of the app's list to show"
        )
    return shown


def view_of(present: Settings, parameters: Parameters) -> View:
    """What decides which banks show for these parameters."""
    return View(
        present.document.banks,
        parameters.product,
        parameters.country_codes,
        parameters.bank_ids,
    )


def redirect_uri(present: Settings, redirect_id: str) -> str:
    """Where a redirect leads; empty if the settings have no such redirect."""
    for redirect in present.document.link.redirects:
        if redirect.id == redirect_id:
            return redirect.uri
    return ""


# The checks, each named for what it makes sure of.


def _auth_token_genuine(decision: Decision) -> None:
    if decision.ticket.refusal is not None:
        raise decision.ticket.refusal
    row = rows.find(LinkToken, "id = ?", decision.ticket.token_id)
    if row is None and decision.ticket.expired:
        raise LinkTokenExpired(link_token_id=decision.ticket.token_id)
    if row is None:
        raise LinkTokenInvalid
    if not decision.use_app(row.app_id):
        if decision.caller.sees_everything:
            raise LinkTokenRevoked(link_token_id=row.id)  # with its app
        raise LinkTokenInvalid
    decision.token = row
    keyring = decision.env.keyring
    decision.parameters = link_parameters.unseal(keyring, row.sealed_parameters, row.id)


def _auth_token_not_revoked(decision: Decision) -> None:
    if decision.token and decision.token.revoke_time is not None:
        raise LinkTokenRevoked(link_token_id=decision.token.id)


def _auth_token_not_expired(decision: Decision) -> None:
    row = decision.token
    if row and (decision.ticket.expired or row.expire_time <= decision.env.now()):
        raise LinkTokenExpired(link_token_id=row.id)


def _auth_token_not_used_up(decision: Decision) -> None:
    row = decision.token
    if row and row.opens >= row.max_opens:
        raise LinkTokenUsedUp(link_token_id=row.id, max_opens=row.max_opens)


def _parameters_readable(decision: Decision) -> None:
    """Take the URL's parameters, each by itself in its form and there once."""
    decision.parameters = link_query.parameters_of(decision.query.values())
    if not decision.parameters.redirect_id:
        raise LinkParameterInvalid(parameter="id", expected="is required: a redirect of the app")


def _app_known(decision: Decision) -> None:
    redirect_id = _parameters(decision).redirect_id
    row = rows.find(Redirect, "id = ?", redirect_id)
    if row is None or not decision.use_app(row.app_id):
        raise LinkRedirectUnknown(redirect_id=redirect_id)


def _account_active(decision: Decision) -> None:
    if decision.app and decision.app.account.suspend_time is not None:
        raise AccountSuspended


def _auth_token_not_required(decision: Decision) -> None:
    present = _settings(decision)
    if present.document.link.force_auth_token:
        raise LinkAuthTokenRequired(app_id=present.app_id)


def _redirect_present(decision: Decision) -> None:
    redirect_id = _parameters(decision).redirect_id
    decision.redirect_uri = redirect_uri(_settings(decision), redirect_id)
    if not decision.redirect_uri:
        raise LinkRedirectUnknown(redirect_id=redirect_id)


def _parameters_consistent(decision: Decision) -> None:
    problem = link_parameters.problem(_parameters(decision))
    if problem:
        name = link_query.url_name(problem.field)
        raise LinkParameterInvalid(parameter=name, expected=problem.expected)


def _banks_available(decision: Decision) -> None:
    decision.shown = check_banks(decision.catalogue, _settings(decision), _parameters(decision))


_Check = Callable[[Decision], None]
_BY_TOKEN: Final[Sequence[_Check]] = (
    _auth_token_genuine,
    _auth_token_not_revoked,
    _auth_token_not_expired,
    _auth_token_not_used_up,
    _account_active,
    _redirect_present,
    _banks_available,
)
_BY_URL: Final[Sequence[_Check]] = (
    _parameters_readable,
    _app_known,
    _account_active,
    _auth_token_not_required,
    _redirect_present,
    _parameters_consistent,
    _banks_available,
)


def _parameters(decision: Decision) -> Parameters:
    assert decision.parameters is not None, "an earlier check sets it"  # noqa: S101
    return decision.parameters


def _settings(decision: Decision) -> Settings:
    assert decision.settings is not None, "an earlier check sets it"  # noqa: S101
    return decision.settings
