"""Account tokens: a signed-in customer, checked against its row at every call."""

from dataclasses import dataclass, field

from finlink_server import tokens
from finlink_server.domain import signing_keys
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import CredentialInvalid
from finlink_server.storage.models import AccountToken

LIFETIME = 12 * 3600  # seconds


@dataclass(frozen=True)
class Issued:
    """A new account token."""

    token: str = field(repr=False)
    expire_time: int


def begin(env: Env, account_id: str) -> AccountToken:
    """Make the row of a token, inside a transaction. Sign it with `issue` afterwards."""
    now = env.now()
    row: AccountToken = AccountToken.create(
        id=env.new_id("atk"),
        account=account_id,
        create_time=now,
        expire_time=(now // MICROSECONDS + LIFETIME) * MICROSECONDS,
    )
    return row


def issue(env: Env, row: AccountToken) -> Issued:
    """Sign the token of a committed row."""
    claims = {
        "sub": row.account_id,
        "iat": row.create_time // MICROSECONDS,
        "exp": row.expire_time // MICROSECONDS,
        "jti": row.id,
    }
    signer = signing_keys.in_force(env, tokens.Kind.ACCOUNT)
    return Issued(signing_keys.sign(env, signer, claims), row.expire_time)


def is_live(env: Env, row: AccountToken) -> bool:
    """Whether the token is accepted now."""
    return row.end_time is None and row.expire_time > env.now()


def require_live(env: Env, token_id: str) -> AccountToken:
    """Give the token's row inside a transaction, unless it ended while something slow was done."""
    row: AccountToken = AccountToken.get_by_id(token_id)
    if not is_live(env, row):
        raise CredentialInvalid(problem="it has ended")
    return row


def end(env: Env, token_id: str, reason: str) -> bool:
    """End one token inside a transaction; whether it was live."""
    return _end(env, AccountToken.id == token_id, reason) == 1


def end_all(env: Env, account_id: str, reason: str, but: str = "") -> int:
    """End an account's tokens (but one) inside a transaction; how many."""
    return _end(env, (AccountToken.account == account_id) & (AccountToken.id != but), reason)


def _end(env: Env, which: object, reason: str) -> int:
    now = env.now()
    ended: int = (
        AccountToken.update(end_time=now, end_reason=reason)
        .where(which, AccountToken.end_time.is_null(), AccountToken.expire_time > now)
        .execute()
    )
    return ended
