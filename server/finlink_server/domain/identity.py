"""From a credential to a caller."""

from typing import assert_never

from finlink_server import credentials, metrics, tokens
from finlink_server.config_values import Rights
from finlink_server.domain import (
    account_tokens,
    memory,
    secret_state,
    service_keys,
    sessions,
    signing_keys,
)
from finlink_server.domain.caller import Call, Caller, CallerKind, Role
from finlink_server.domain.memory import Known, KnownAccount, KnownKey, KnownSession
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    ClientAddressNotAllowed,
    CredentialInvalid,
    CredentialMissing,
    SessionInactive,
)
from finlink_server.storage.models import AccountToken


def anonymous(call: Call) -> Caller:
    """A caller without a credential, for the methods that need none."""
    return Caller(CallerKind.ANONYMOUS, call)


def identify(env: Env, call: Call, bearer: str) -> Caller:
    """Give the one identity that a bearer credential proves, as of now."""
    if not bearer:
        raise CredentialMissing
    digest = memory.digest_of(bearer)
    known = memory.recall(env, digest)
    metrics.count("credentials", "miss" if known is None else "hit")
    known = known or _look_up(env, bearer, digest)
    if isinstance(known, KnownKey):
        return Caller(
            CallerKind.SERVICE_KEY,
            call,
            id=known.id,
            roles=known.roles,
            event_prefixes=known.event_prefixes,
        )
    account_id = known.account_id
    if isinstance(known, KnownAccount):
        return Caller(
            CallerKind.ACCOUNT, call, id=account_id, account_id=account_id, token_id=known.token_id
        )
    if not secret_state.allows(known.allowed, call.client_address):
        raise ClientAddressNotAllowed(client_address=call.client_address)
    return Caller(
        CallerKind.SESSION,
        call,
        id=known.id,
        account_id=account_id,
        app_id=known.app_id,
        scopes=known.scopes,
    )


def by_certificate(call: Call, name: str, rights: Rights) -> Caller:
    """The identity that a name in a client's certificate stands for: a service key's."""
    return Caller(
        CallerKind.SERVICE_KEY,
        call,
        id=name,
        roles=frozenset(map(Role, rights.roles)),
        event_prefixes=rights.event_prefixes,
    )


def _look_up(env: Env, bearer: str, digest: bytes) -> Known:
    """Find a credential that is not remembered, and remember it."""
    if bearer.startswith(credentials.SERVICE_KEY.prefix):
        return _service_key(env, bearer, digest)
    kind = tokens.kind_of(bearer)
    if kind is None:
        raise CredentialInvalid(problem="it is neither a token nor a service key")
    match kind:
        case tokens.Kind.ACCOUNT:
            return _account(env, bearer, digest)
        case tokens.Kind.SESSION:
            return _session(env, bearer)
        case tokens.Kind.LINK:
            raise CredentialInvalid(problem="an auth token of Link is data for OpenLink only")
    assert_never(kind)


def _service_key(env: Env, bearer: str, digest: bytes) -> KnownKey:
    place = env.feed.refresh()  # before anything is read that will be remembered
    row = service_keys.find(env, bearer)
    if row is None:
        raise CredentialInvalid(problem="no such service key, or it was revoked")
    roles = frozenset(map(Role, row.roles.split()))
    known = KnownKey(row.id, roles, tuple(row.event_prefixes.split()))
    memory.remember(env, place, digest, known, row.id)
    return known


def _account(env: Env, bearer: str, digest: bytes) -> KnownAccount:
    place = env.feed.refresh()  # before anything is read that will be remembered
    try:
        claims = signing_keys.verify(env, tokens.Kind.ACCOUNT, bearer)
    except tokens.TokenInvalid as error:
        raise CredentialInvalid(problem=error.problem.value) from error
    row: AccountToken | None = AccountToken.get_or_none(AccountToken.id == claims["jti"])
    if row is None or not account_tokens.is_live(env, row):
        raise CredentialInvalid(problem="it has ended")
    until = min(row.expire_time, claims["exp"] * MICROSECONDS)
    known = KnownAccount(row.account_id, row.id, until)
    memory.remember(env, place, digest, known, row.id, row.account_id)
    return known


def _session(env: Env, bearer: str) -> KnownSession:
    validation = sessions.validate(env, bearer, ())
    if validation.known is not None:
        return validation.known
    if validation.session is None:
        raise CredentialInvalid(problem=tokens.TokenProblem[validation.inactive_reason].value)
    raise SessionInactive(inactive_reason=validation.inactive_reason)
