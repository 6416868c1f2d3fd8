"""Accounts: customers with e-mail and password."""

from dataclasses import dataclass, field, replace

from email_validator import EmailNotValidError, validate_email

from finlink_server import credentials, tokens
from finlink_server.domain import (
    account_tokens,
    deliveries,
    hierarchy,
    idempotency,
    journal,
    paging,
    passwords,
    sessions,
    visible,
)
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.domain.idempotency import Once
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import (
    AccountAlreadyExists,
    AccountNotFound,
    AccountSuspended,
    AppNotFound,
    SetupTokenInvalid,
)
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import Account, App, Journal, Link
from finlink_server.storage.webhook_models import Delivery, Endpoint

_SETUP_LIFETIME = 24 * 3600 * MICROSECONDS


@dataclass(frozen=True)
class Setup:
    """An account and the setup token with which its owner sets a password."""

    account: Account
    setup_token: str = field(repr=False)
    expire_time: int
    ended_tokens: int = 0


def create(env: Env, caller: Caller, email: str, display_name: str, once: Once) -> Setup:
    """Make an account, with a setup token in place of a password."""
    setup = credentials.SETUP_TOKEN.new()
    with env.transaction(email_key(email), once.lock):
        earlier = idempotency.find(env, caller, once)
        if earlier is None:
            taken = by_email(email)
            earlier = taken.id if taken else None
        if earlier is not None:
            raise AccountAlreadyExists(account_id=earlier)
        account = Account.create(
            id=env.new_id("acc"),
            email=email,
            email_key=email_key(email),
            display_name=display_name,
            create_time=env.now(),
        )
        expire_time = _give_setup_token(env, account, setup)
        journal.write(env, caller, "account.created", account.id, account_id=account.id)
        idempotency.remember(env, caller, once, account.id)
        return Setup(account, setup.text, expire_time)


def get(account_id: str) -> Account:
    """Find an account by its id."""
    account: Account | None = Account.get_or_none(Account.id == account_id)
    if account is None:
        raise AccountNotFound(account_id=account_id)
    return account


def by_email(email: str) -> Account | None:
    """Find an account by its e-mail, blind to case."""
    account: Account | None = Account.get_or_none(Account.email_key == email_key(email))
    return account


def email_key(email: str) -> str:
    """The form of an e-mail by which it is unique: blind to case, its domain as the DNS has it."""
    try:
        parts = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return email.lower()  # in no account: only valid ones get in
    return f"{parts.local_part.lower()}@{parts.ascii_domain.lower()}"


def page(env: Env, caller: Caller, email: str, size: int, token: str) -> paging.Page[Account]:
    """List accounts, oldest first."""
    query = Account.select()
    if email:
        query = query.where(Account.email_key == email_key(email))
    return paging.page(env, caller, query, Account.id, size=size, token=token, filters=email)


def set_password(env: Env, caller: Caller, setup_token: Plaintext, password: Plaintext) -> Account:
    """Set the password with a setup token, which is used up by it."""
    account = _by_setup_token(env, setup_token)
    new_hash = passwords.hashed(env, password)  # slow: before the transaction
    with env.transaction(account.id, under=[tokens.Kind.ACCOUNT.name]):
        account = _by_setup_token(env, setup_token)  # it may have been used meanwhile
        if account.suspend_time is not None:
            raise AccountSuspended
        account.sealed_password = passwords.seal(env, account.id, new_hash)
        _take_setup_token(account)
        account.save()
        ended = account_tokens.end_all(env, account.id, "PASSWORD_SET")
        journal.write(
            env,
            caller.proven(CallerKind.ACCOUNT, account.id),
            "account.password_set",
            account.id,
            account_id=account.id,
            ended_account_tokens=ended,
        )
        return account


def change_password(env: Env, caller: Caller, current: Plaintext, new: Plaintext) -> int:
    """Replace the password; how many other account tokens that ended."""
    passwords.confirm(env, caller, current)
    new_hash = passwords.hashed(env, new)
    with env.transaction(caller.account_id, under=[tokens.Kind.ACCOUNT.name]):
        account_tokens.require_live(env, caller.token_id)  # a reset that overtook this one wins
        sealed = passwords.seal(env, caller.account_id, new_hash)
        Account.update(sealed_password=sealed).where(Account.id == caller.account_id).execute()
        ended = account_tokens.end_all(
            env, caller.account_id, "PASSWORD_CHANGED", but=caller.token_id
        )
        journal.write(
            env,
            caller,
            "account.password_changed",
            caller.account_id,
            account_id=caller.account_id,
            ended_account_tokens=ended,
        )
    return ended


def sign_out(env: Env, caller: Caller) -> None:
    """End the caller's account token."""
    parents = hierarchy.above_account_tokens(caller.account_id)
    with env.transaction(caller.token_id, under=parents):
        if account_tokens.end(env, caller.token_id, "SIGNED_OUT"):
            journal.write(
                env,
                caller,
                "account.signed_out",
                caller.token_id,
                account_id=caller.account_id,
            )


def reset_password(env: Env, caller: Caller, account_id: str) -> Setup:
    """Void the password and every account token, and give a new setup token."""
    setup = credentials.SETUP_TOKEN.new()
    with env.transaction(account_id, under=[tokens.Kind.ACCOUNT.name]):
        account = get(account_id)
        account.sealed_password = None
        expire_time = _give_setup_token(env, account, setup)
        ended = account_tokens.end_all(env, account_id, "PASSWORD_RESET")
        journal.write(
            env,
            caller,
            "account.password_reset",
            account_id,
            account_id=account_id,
            ended_account_tokens=ended,
        )
        return Setup(account, setup.text, expire_time, ended)


def suspend(env: Env, caller: Caller, account_id: str, comment: str) -> tuple[Account, int]:
    """Suspend an account: everything of it stops; how many sessions ended."""
    with env.transaction(account_id, under=[kind.name for kind in tokens.Kind]):
        account = get(account_id)
        if account.suspend_time is not None:
            return account, 0
        account.suspend_time = env.now()
        account.save(only=[Account.suspend_time])
        ended = sessions.end_of_account(env, account_id, "ACCOUNT_SUSPENDED")
        tokens_ended = account_tokens.end_all(env, account_id, "ACCOUNT_SUSPENDED")
        _end_links(env, account_id)
        deliveries.cancel(env, "ACCOUNT_SUSPENDED", Delivery.endpoint.in_(_endpoints(account_id)))
        journal.write(
            env,
            caller,
            "account.suspended",
            account_id,
            account_id=account_id,
            comment=comment,
            ended_sessions=ended,
            ended_account_tokens=tokens_ended,
        )
        return account, len(ended)


def reinstate(env: Env, caller: Caller, account_id: str, comment: str) -> Account:
    """Reinstate a suspended account; what the suspension ended stays ended."""
    with env.transaction(account_id):
        account = get(account_id)
        if account.suspend_time is None:
            return account
        account.suspend_time = None
        account.save(only=[Account.suspend_time])
        journal.write(
            env, caller, "account.reinstated", account_id, account_id=account_id, comment=comment
        )
        return account


def audit(
    env: Env, caller: Caller, wanted: journal.Filter, size: int, token: str
) -> paging.Page[Journal]:
    """Read the journal of an account or an app; an operator may read all of it."""
    if wanted.app_id:
        app = visible.app(caller, wanted.app_id)
        if wanted.account_id not in {"", app.account_id}:
            raise AppNotFound(app_id=wanted.app_id)
        wanted = replace(wanted, account_id=app.account_id)
    elif wanted.account_id or not caller.sees_everything:
        wanted = replace(wanted, account_id=visible.account(caller, wanted.account_id).id)
    return journal.read(env, caller, wanted, size, token)


def _endpoints(account_id: str) -> list[str]:
    rows = (
        Endpoint.select(Endpoint.id)
        .join(App)
        .where(App.account == account_id, Endpoint.delete_time.is_null())
    )
    return [row.id for row in rows]


def _end_links(env: Env, account_id: str) -> None:
    now = env.now()
    apps = App.select(App.id).where(App.account == account_id)
    (
        Link.update(revoke_time=now)
        .where(Link.revoke_time.is_null(), Link.expire_time > now, Link.app.in_(apps))
        .execute()
    )


def _give_setup_token(env: Env, account: Account, setup: credentials.Credential) -> int:
    expire_time = env.now() + _SETUP_LIFETIME
    account.setup_lookup = setup.lookup
    account.sealed_setup_hash = env.keyring.seal(setup.hash(), setup_place(account.id))
    account.setup_expire_time = expire_time
    account.save()
    return expire_time


def _take_setup_token(account: Account) -> None:
    account.setup_lookup = account.sealed_setup_hash = account.setup_expire_time = None


def _by_setup_token(env: Env, given: Plaintext) -> Account:
    setup = credentials.SETUP_TOKEN.parse(given.reveal())
    if setup is None:
        raise SetupTokenInvalid
    account: Account | None = Account.get_or_none(Account.setup_lookup == setup.lookup)
    if account is None or account.sealed_setup_hash is None:
        raise SetupTokenInvalid
    stored = env.keyring.open(account.sealed_setup_hash, setup_place(account.id))
    if not setup.matches(stored) or (account.setup_expire_time or 0) <= env.now():
        raise SetupTokenInvalid
    return account


def setup_place(account_id: str) -> str:
    """Where the hash of an account's setup token is sealed for."""
    return f"account.setup:{account_id}"
