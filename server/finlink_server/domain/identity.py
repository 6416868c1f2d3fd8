"""From a credential to a caller."""

from dataclasses import replace
from typing import assert_never

from finlink_server import credentials, tokens
from finlink_server.domain import (
    account_tokens,
    secret_state,
    service_keys,
    sessions,
    signing_keys,
)
from finlink_server.domain.caller import Call, Caller, CallerKind, Role
from finlink_server.env import Env
from finlink_server.errors import (
    ClientAddressNotAllowed,
    CredentialInvalid,
    CredentialMissing,
    SessionInactive,
)
from finlink_server.storage.models import AccountToken, Secret


def anonymous(call: Call) -> Caller:
    """A caller without a credential, for the methods that need none."""
    return Caller(CallerKind.ANONYMOUS, call)


def identify(env: Env, call: Call, bearer: str) -> Caller:
    """Give the one identity that a bearer credential proves, as of now."""
    if not bearer:
        raise CredentialMissing
    if bearer.startswith(credentials.SERVICE_KEY.prefix):
        return _service_key(env, call, bearer)
    kind = tokens.kind_of(bearer)
    if kind is None:
        raise CredentialInvalid(problem="it is neither a token nor a service key")
    match kind:
        case tokens.Kind.ACCOUNT:
            return _account(env, call, bearer)
        case tokens.Kind.SESSION:
            return _session(env, call, bearer)
        case tokens.Kind.LINK:
            raise CredentialInvalid(problem="an auth token of Link is data for OpenLink only")
    assert_never(kind)


def _service_key(env: Env, call: Call, bearer: str) -> Caller:
    row = service_keys.find(env, bearer)
    if row is None:
        raise CredentialInvalid(problem="no such service key, or it was revoked")
    return Caller(
        CallerKind.SERVICE_KEY,
        call,
        id=row.id,
        roles=frozenset(map(Role, row.roles.split())),
        event_prefixes=tuple(row.event_prefixes.split()),
    )


def _account(env: Env, call: Call, bearer: str) -> Caller:
    try:
        claims = signing_keys.verify(env, tokens.Kind.ACCOUNT, bearer)
    except tokens.TokenInvalid as error:
        raise CredentialInvalid(problem=error.problem.value) from error
    row: AccountToken | None = AccountToken.get_or_none(AccountToken.id == claims["jti"])
    if row is None or not account_tokens.is_live(env, row):
        raise CredentialInvalid(problem="it has ended")
    account_id = row.account_id
    return Caller(CallerKind.ACCOUNT, call, id=account_id, account_id=account_id, token_id=row.id)


def _session(env: Env, call: Call, bearer: str) -> Caller:
    validation = sessions.validate(env, bearer, ())
    session = validation.session
    if session is None:
        problem = tokens.TokenProblem[validation.inactive_reason].value
        raise CredentialInvalid(problem=problem)
    if validation.inactive_reason:
        raise SessionInactive(inactive_reason=validation.inactive_reason)
    if not secret_state.allows(Secret.get_by_id(session.secret_id), call.client_address):
        raise ClientAddressNotAllowed(client_address=call.client_address)
    return replace(
        Caller(CallerKind.SESSION, call),
        id=session.id,
        account_id=session.account_id,
        app_id=session.app_id,
        scopes=frozenset(session.scopes.split()),
    )
