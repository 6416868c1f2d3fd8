"""Link tokens: signed references to Link parameters that were stored before."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

from finlink_server import tokens
from finlink_server.domain import (
    bank_list,
    banks,
    hierarchy,
    idempotency,
    journal,
    link_decision,
    link_parameters,
    paging,
    settings,
    signing_keys,
    visible,
)
from finlink_server.domain.bank_list import Visibility
from finlink_server.domain.caller import Caller
from finlink_server.domain.idempotency import Once
from finlink_server.domain.link_parameters import Parameters
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import FieldInvalid, LinkBankNotAvailable, LinkRedirectUnknown
from finlink_server.storage import rows
from finlink_server.storage.models import Link, LinkToken


@dataclass(frozen=True)
class Stored:
    """A Link token's row and its parameters."""

    row: LinkToken
    parameters: Parameters


@dataclass(frozen=True)
class Created(Stored):
    """A Link token, and the signed auth token that stands for it."""

    auth_token: str = field(repr=False)


def create(
    env: Env,
    caller: Caller,
    app_id: str,
    parameters: Parameters,
    ttl: int,
    max_opens: int,
    once: Once,
) -> Created:
    """Store parameters that could open now, and sign a token for them; ttl in seconds."""
    problem = link_parameters.problem(parameters)
    if problem:
        raise FieldInvalid.of(f"parameters.{problem.field}", problem.expected)
    catalogue = banks.catalogue(env)
    parents = partial(_parents, caller, app_id)
    with env.transaction(once.lock, under=parents):
        app = visible.app(caller, app_id)
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            row = LinkToken.get_by_id(earlier)
        else:
            _refuse_unopenable(catalogue, settings.of_app(app.id), parameters)
            row = _insert(env, app.id, parameters, ttl, max_opens)
            journal.write(
                env,
                caller,
                "link_token.created",
                row.id,
                account_id=app.account_id,
                app_id=app.id,
                redirect_id=parameters.redirect_id,
                max_opens=max_opens,
            )
            idempotency.remember(env, caller, once, row.id)
        signer = signing_keys.in_force(env, tokens.Kind.LINK)
    # The same claims, hence the same token, for a repeat.
    return Created(row, parameters, signing_keys.sign(env, signer, _claims(row)))


def get(env: Env, caller: Caller, token_id: str) -> Stored:
    """Find a Link token with its parameters."""
    return _stored(env, visible.link_token(caller, token_id))


def page(
    env: Env, caller: Caller, app_id: str, wanted_state: str, size: int, token: str
) -> paging.Page[Stored]:
    """List an app's Link tokens, newest first; an empty state means any."""
    app = visible.app(caller, app_id)
    now = env.now()
    live = LinkToken.revoke_time.is_null()
    used_up = LinkToken.opens >= LinkToken.max_opens
    expired = LinkToken.expire_time <= now
    query = LinkToken.select().where(LinkToken.app == app.id)
    # The same order of questions as in `state`.
    match wanted_state:
        case "REVOKED":
            query = query.where(~live)
        case "USED_UP":
            query = query.where(live, used_up)
        case "EXPIRED":
            query = query.where(live, ~used_up, expired)
        case "ACTIVE":
            query = query.where(live, ~used_up, ~expired)
    found: paging.Page[LinkToken] = paging.page(
        env,
        caller,
        query,
        LinkToken.id,
        size=size,
        token=token,
        filters=(app.id, wanted_state),
        newest_first=True,
    )
    return paging.Page([_stored(env, row) for row in found.rows], found.next_token)


def revoke(env: Env, caller: Caller, token_id: str) -> tuple[Stored, int]:
    """End a Link token for good, and its open Links; how many of those."""
    parents = partial(_parents_of, caller, token_id)
    with env.transaction(token_id, under=parents):
        row = visible.link_token(caller, token_id)
        if row.revoke_time is not None:
            return _stored(env, row), 0
        now = env.now()
        row.revoke_time = now
        row.save(only=[LinkToken.revoke_time])
        ended: int = (
            Link.update(revoke_time=now)
            .where(Link.link_token == token_id, Link.revoke_time.is_null(), Link.expire_time > now)
            .execute()
        )
        journal.write(
            env,
            caller,
            "link_token.revoked",
            row.id,
            account_id=row.app.account_id,
            app_id=row.app_id,
            ended_links=ended,
        )
        return _stored(env, row), ended


def state(env: Env, row: LinkToken) -> str:
    """What state a Link token is in: the name of a LinkTokenState."""
    if row.revoke_time is not None:
        return "REVOKED"
    if row.opens >= row.max_opens:
        return "USED_UP"
    return "EXPIRED" if row.expire_time <= env.now() else "ACTIVE"


def _parents(caller: Caller, app_id: str) -> Collection[str]:
    """What must not end while a token is made."""
    app = visible.app(caller, app_id)
    return hierarchy.above_links(app.account_id, app.id)


def _parents_of(caller: Caller, token_id: str) -> Collection[str]:
    app = visible.link_token(caller, token_id).app
    return hierarchy.above_links(app.account_id, app.id)


def _refuse_unopenable(
    catalogue: banks.Catalogue, present: settings.Settings, parameters: Parameters
) -> None:
    """Refuse what could not open under the settings of this moment."""
    if not link_decision.redirect_uri(present, parameters.redirect_id):
        raise LinkRedirectUnknown(redirect_id=parameters.redirect_id)
    view = link_decision.view_of(present, parameters)
    for bank_id in parameters.bank_ids:
        # A Link would open with the others; but whoever names a bank wants it shown.
        why = bank_list.visibility(catalogue, view, bank_id)
        if why is not Visibility.SHOWN:
            raise LinkBankNotAvailable(bank_id=bank_id, why=why.value)
    link_decision.check_banks(catalogue, present, parameters)


def _insert(env: Env, app_id: str, parameters: Parameters, ttl: int, max_opens: int) -> LinkToken:
    now = env.now()
    token_id = env.new_id("ltk")
    row = LinkToken(
        id=token_id,
        app=app_id,
        sealed_parameters=link_parameters.seal(env.keyring, parameters, token_id),
        max_opens=max_opens,
        create_time=now,
        expire_time=(now // MICROSECONDS + ttl) * MICROSECONDS,
    )
    rows.insert(row)
    return row


def _stored(env: Env, row: LinkToken) -> Stored:
    return Stored(row, link_parameters.unseal(env.keyring, row.sealed_parameters, row.id))


def _claims(row: LinkToken) -> dict[str, object]:
    return {
        "sub": row.app_id,
        "iat": row.create_time // MICROSECONDS,
        "exp": row.expire_time // MICROSECONDS,
        "jti": row.id,
    }
