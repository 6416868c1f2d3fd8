"""Signing in with e-mail and password.

Failures count per e-mail and client address, and make the next attempt wait
longer and longer. They are counted alike for e-mails that have no account, and
they never delay anybody at another address or with an account token. And of one client
address only so many are let through in ten minutes, whatever the e-mails: who tries one
password on everybody fails once with each.
"""

from dataclasses import dataclass

from finlink_server.domain import account_tokens, accounts, hierarchy, journal, passwords, rates
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import AccountSuspended, RateLimited, SignInFailed
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import Account, AccountToken, SignInFailure

_FREE_FAILURES = 3
_WINDOW = 600  # seconds, in which failures of a client address are counted
_LONGEST_DELAY = 15 * 60  # seconds
_FORGOTTEN = 24 * 3600 * MICROSECONDS
_PURGED_AT_ONCE = 20
_NEVER = 2**62
_OLD = "SELECT key FROM sign_in_failure WHERE last_time < ? ORDER BY last_time LIMIT ?"
_SKEW = 60  # seconds between clocks


@dataclass(frozen=True)
class _Key:
    """Where a failure is counted: with the e-mail at the address, and with all of the address."""

    of_email: str
    of_address: rates.Window

    @property
    def locks(self) -> tuple[str, str]:
        return self.of_email, self.of_address.key


@dataclass(frozen=True)
class SignedIn:
    """A customer who proved e-mail and password."""

    account: Account
    issued: account_tokens.Issued


def sign_in(env: Env, caller: Caller, email: str, password: Plaintext) -> SignedIn:
    """Prove e-mail and password, and get an account token."""
    most, address = env.limits.failed_sign_ins, caller.call.client_address
    key = _Key(
        _throttle_key(env, caller, email), rates.window(env, "sign-in", most, _WINDOW, address)
    )
    token: AccountToken | None = None
    while token is None:
        _refuse_early(env, caller, key, email)
        account = accounts.by_email(email)
        stored = passwords.stored_hash(env, account)
        # Slow, and the same work without an account.
        right = env.hasher.check(password.reveal(), stored)

        better = None
        if right and account and stored and env.hasher.is_outdated(stored):
            better = passwords.hashed(env, password)
        token = _settle(env, caller, key, email, account if right else None, better)
    return SignedIn(accounts.get(token.account_id), account_tokens.issue(env, token))


def delay_after(failures: int) -> int:
    """How long the next attempt must wait, in seconds: 0, 0, 0, 2, 4, 8 … 15 minutes."""
    if failures <= _FREE_FAILURES:
        return 0
    return min(_LONGEST_DELAY, 1 << min(failures - _FREE_FAILURES, 30))


def _settle(
    env: Env,
    caller: Caller,
    key: _Key,
    email: str,
    proven: Account | None,
    better: bytes | None,
) -> AccountToken | None:
    """Decide in one transaction, so that guesses sent at once count as if sent in turn.

    None if the password was replaced while it was checked: then the check proves nothing.
    """
    refusal: SignInFailed | RateLimited | AccountSuspended
    meant = proven.id if proven else ""
    parents = hierarchy.above_account_tokens(meant)
    with env.transaction(*key.locks, meant if better else "", under=parents):
        wait = _wait(env, key)
        account: Account | None = proven and Account.get_by_id(proven.id)
        if proven and account and account.sealed_password != proven.sealed_password:
            return None
        if wait:
            refusal = RateLimited(retry_after=wait)
        elif account is None:
            rates.count(env, [key.of_address])
            _count_failure(env, key.of_email)
            refusal = SignInFailed()
        elif account.suspend_time is not None:
            refusal = AccountSuspended()
        else:
            SignInFailure.delete().where(SignInFailure.key == key.of_email).execute()
            if better is not None:
                account.sealed_password = passwords.seal(env, account.id, better)
                account.save(only=[Account.sealed_password])
            token = account_tokens.begin(env, account.id)
            owner = caller.proven(CallerKind.ACCOUNT, account.id)
            journal.write(env, owner, "account.signed_in", token.id, account_id=account.id)
            return token
        _journal_refusal(env, caller, email, refusal.reason)
    raise refusal


def _refuse_early(env: Env, caller: Caller, key: _Key, email: str) -> None:
    """Refuse before any hashing while an earlier failure makes this caller wait."""
    wait = _wait(env, key)
    if wait:
        with env.transaction(*key.locks):
            _journal_refusal(env, caller, email, RateLimited.reason)
        raise RateLimited(retry_after=wait)


def _journal_refusal(env: Env, caller: Caller, email: str, reason: str) -> None:
    account = accounts.by_email(email)
    credential = account.id if account else _email_mac(env, email)
    account_id = account.id if account else ""
    journal.refuse(env, caller, "sign_in.refused", credential, reason, account_id=account_id)


def _wait(env: Env, key: _Key) -> float:
    delay = _delay(env, key.of_email)
    return max(delay, rates.wait(env, [key.of_address]) or 0.0)


def _delay(env: Env, key: str) -> float:
    row = SignInFailure.get_or_none(SignInFailure.key == key)
    wait = (row.blocked_until - env.now()) / MICROSECONDS if row else 0.0
    # Nobody waits for a clock that was ahead; those of several machines differ a little.
    is_of_this_clock = row is None or wait <= delay_after(row.failures) + _SKEW
    return max(0.0, wait) if is_of_this_clock else 0.0


def _count_failure(env: Env, key: str) -> None:
    now = env.now()
    _purge(env, now)
    row = SignInFailure.get_or_none(SignInFailure.key == key)
    failures = 1 if row is None or row.last_time < now - _FORGOTTEN else row.failures + 1
    SignInFailure.insert(
        key=key,
        failures=failures,
        last_time=now,
        blocked_until=now + delay_after(failures) * MICROSECONDS,
    ).on_conflict(
        conflict_target=[SignInFailure.key],
        preserve=[SignInFailure.failures, SignInFailure.last_time, SignInFailure.blocked_until],
    ).execute()


def _purge(env: Env, now: int) -> None:
    """Forget what is old; and the oldest, should there be too many."""
    is_full = SignInFailure.select().count() >= env.max_sign_in_failures
    before = _NEVER if is_full else now - _FORGOTTEN
    old = env.database.execute(_OLD + env.database.skip_locked, before, _PURGED_AT_ONCE)
    env.database.write_many("DELETE FROM sign_in_failure WHERE key = ?", old.fetchall())


def _throttle_key(env: Env, caller: Caller, email: str) -> str:
    what = f"{accounts.email_key(email)}|{caller.call.client_address}"
    return env.keyring.mac("sign-in", what.encode()).hex()


def _email_mac(env: Env, email: str) -> str:
    """Name an e-mail that has no account, without keeping it."""
    return "email:" + env.keyring.mac("email", accounts.email_key(email).encode()).hex()[:32]
