"""Link tokens: signed references to Link parameters that were stored before."""

from dataclasses import dataclass

from finlink_server import tokens
from finlink_server.domain import (
    idempotency,
    journal,
    link_parameters,
    settings,
    signing_keys,
    visible,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.idempotency import Once
from finlink_server.domain.link_parameters import Parameters
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import FieldInvalid, LinkRedirectUnknown
from finlink_server.storage.models import LinkToken


@dataclass(frozen=True)
class Created:
    """A Link token's row, its parameters, and the signed auth token."""

    row: LinkToken
    parameters: Parameters
    auth_token: str


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
    with env.transaction(app_id or caller.app_id):
        app = visible.app(caller, app_id)
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            row = LinkToken.get_by_id(earlier)
        else:
            if not redirect_uri(app.id, parameters.redirect_id):
                raise LinkRedirectUnknown(redirect_id=parameters.redirect_id)
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
    # The same claims, hence the same token, for a repeat.
    return Created(row, parameters, signing_keys.sign(env, tokens.Kind.LINK, _claims(row)))


def state(env: Env, row: LinkToken) -> str:
    """What state a Link token is in: the name of a LinkTokenState."""
    if row.revoke_time is not None:
        return "REVOKED"
    if row.opens >= row.max_opens:
        return "USED_UP"
    return "EXPIRED" if row.expire_time <= env.now() else "ACTIVE"


def redirect_uri(app_id: str, redirect_id: str) -> str:
    """Where an app's redirect leads at present; empty if the app has no such redirect."""
    for redirect in settings.of_app(app_id).document.link.redirects:
        if redirect.id == redirect_id:
            return redirect.uri
    return ""


def _insert(env: Env, app_id: str, parameters: Parameters, ttl: int, max_opens: int) -> LinkToken:
    now = env.now()
    token_id = env.new_id("ltk")
    row: LinkToken = LinkToken.create(
        id=token_id,
        app=app_id,
        sealed_parameters=link_parameters.seal(env.keyring, parameters, token_id),
        max_opens=max_opens,
        create_time=now,
        expire_time=(now // MICROSECONDS + ttl) * MICROSECONDS,
    )
    return row


def _claims(row: LinkToken) -> dict[str, object]:
    return {
        "sub": row.app_id,
        "iat": row.create_time // MICROSECONDS,
        "exp": row.expire_time // MICROSECONDS,
        "jti": row.id,
    }
