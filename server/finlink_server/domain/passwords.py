"""Passwords behind an account token: asked for before what cannot be undone."""

from finlink_server.domain import account_tokens, hierarchy, journal
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import PasswordWrong
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import Account, AccountToken

MOST_FAILURES = 5


def confirm(env: Env, caller: Caller, password: Plaintext) -> None:
    """Go on only if this is the password of the caller's account.

    Slow, so call it before the transaction. Failures count for the caller's
    token, which the fifth ends. A token that ended meanwhile learns nothing: of
    many guesses sent at once, those that finish after the fifth failure get the
    same answer, right or wrong.
    """
    account = Account.get_by_id(caller.account_id)
    right = env.hasher.check(password.reveal(), stored_hash(env, account))

    failures = 0
    parents = hierarchy.above_account_tokens(caller.account_id)
    with env.transaction(caller.token_id, under=parents):
        token = account_tokens.require_live(env, caller.token_id)
        if right:
            if token.password_failures:
                token.password_failures = 0
                token.save(only=[AccountToken.password_failures])
            return
        failures = token.password_failures + 1
        token.password_failures = failures
        token.save(only=[AccountToken.password_failures])
        if failures >= MOST_FAILURES:
            account_tokens.end(env, caller.token_id, "PASSWORD_FAILURES")
            journal.write(
                env,
                caller,
                "account.token_ended",
                caller.token_id,
                account_id=caller.account_id,
                reason="PASSWORD_FAILURES",
            )
        journal.refuse(
            env,
            caller,
            "password.refused",
            caller.token_id,
            "PASSWORD_WRONG",
            account_id=caller.account_id,
        )
    raise PasswordWrong(attempts_left=MOST_FAILURES - failures)


def stored_hash(env: Env, account: Account | None) -> bytes | None:
    """The bcrypt hash of an account's password, if there are an account and a password."""
    if account is None or account.sealed_password is None:
        return None
    return env.keyring.open(account.sealed_password, place(account.id))


def hashed(env: Env, password: Plaintext) -> bytes:
    """Hash a new password. Slow, so call it before the transaction."""
    return env.hasher.hash(password.reveal())


def seal(env: Env, account_id: str, new_hash: bytes) -> bytes:
    """Seal a hash, in the transaction that stores it: the master key may be replaced before it."""
    return env.keyring.seal(new_hash, place(account_id))


def place(account_id: str) -> str:
    """Where an account's hash is sealed for."""
    return f"account.password:{account_id}"
