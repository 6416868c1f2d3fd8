"""Every kind of credential that is none: forged, misplaced, malformed, and ended in each way."""

from __future__ import annotations

from typing import Any

import grpc
from tests import people
from tests.methods import Metadata

from finlink.config import v1
from finlink_server import credentials
from finlink_server.domain.caller import Role

_INVALID = ("UNAUTHENTICATED", "CREDENTIAL_INVALID")
_INACTIVE = ("UNAUTHENTICATED", "SESSION_INACTIVE")

# Why each session token's session is no longer active.
INACTIVE = {
    "session token, expired": "EXPIRED",
    "session token, its secret expired": "SECRET_EXPIRED",
    "session token, ended": "ENDED",
    "session token, revoked": "REVOKED",
    "session token, superseded": "SUPERSEDED",
    "session token, its secret revoked": "SECRET_REVOKED",
    "session token, its secret ended by an operator": "SECRET_REVOKED",
    "session token, its app deleted": "APP_DELETED",
    "session token, its account suspended": "ACCOUNT_SUSPENDED",
}
# How each credential is refused.
REASONS = {
    "garbage": _INVALID,
    "garbage that looks like a token": _INVALID,
    "too long": _INVALID,
    "no scheme": _INVALID,
    "another scheme": _INVALID,
    "nothing after the scheme": _INVALID,
    "two credentials in one": _INVALID,
    "two credentials": _INVALID,
    "one credential twice": _INVALID,
    "service key, unknown": _INVALID,
    "service key, mistyped": _INVALID,
    "service key, revoked": _INVALID,
    "account token, expired": _INVALID,
    "account token, signed out": _INVALID,
    "account token, of before the password's change": _INVALID,
    "account token, of before the password's reset": _INVALID,
    "account token, five wrong passwords later": _INVALID,
    "account token, its account suspended": _INVALID,
    "account token, its key revoked": _INVALID,
    "session token, its key revoked": _INVALID,  # it proves nothing: anybody may have signed it
    **dict.fromkeys(INACTIVE, _INACTIVE),
    "session token, from an address that its secret does not allow": (
        "PERMISSION_DENIED",
        "CLIENT_ADDRESS_NOT_ALLOWED",
    ),
    "Link token": _INVALID,
    "client secret": _INVALID,
    "setup token": _INVALID,
    "password": _INVALID,
}


def make(server: Any, operator: people.Caller) -> dict[str, Metadata]:
    """Make one of each, as the metadata of a call. Moves the clock by a day, first of all."""
    account = people.new_account(operator)
    app = people.new_app(account)
    made = _that_time_ended(server, account, app)
    account = account.sign_in()
    made |= _signed_with_a_revoked_key(operator, account, app)
    account = account.sign_in()
    made |= _ended_account_tokens(operator) | _ended_sessions(account, app, operator)
    made |= _misplaced(account, app, operator)

    revoked = server.key(Role.OPERATOR)
    mine = operator.admin.ListServiceKeys(page_size=500).service_keys
    (hit,) = [key.id for key in mine if key.hint == revoked.credential[-4:]][-1:]
    operator.admin.RevokeServiceKey(service_key_id=hit)
    typo = operator.credential[:-1] + ("a" if operator.credential[-1] != "a" else "b")
    made |= {
        "garbage": "Grüße".encode().hex(),
        "garbage that looks like a token": "eyJhbGciOiJub25lIn0.e30.AAAA",
        "too long": "x" * 9000,
        "nothing after the scheme": "",
        "two credentials in one": f"{operator.credential} {account.token}",
        "service key, unknown": credentials.SERVICE_KEY.new().text,
        "service key, mistyped": typo,
        "service key, revoked": revoked.credential,
    }
    return {name: _bearer(value) for name, value in made.items()} | {
        "no scheme": (("authorization", operator.credential),),
        "another scheme": (("authorization", f"Basic {operator.credential}"),),
        "two credentials": _bearer(operator.credential) + _bearer(account.token),
        "one credential twice": _bearer(account.token) * 2,
        **_from_a_foreign_address(account, app),
    }


def _bearer(credential: str) -> Metadata:
    return (("authorization", f"Bearer {credential}"),)


def _that_time_ended(server: Any, account: people.Account, app: v1.App) -> dict[str, str]:
    soon = server.clock() // 1_000_000 + 600
    ending = people.new_secret(account, app, expire_time={"seconds": soon})
    made = {
        "account token, expired": account.token,
        "session token, expired": people.new_secret(account, app).start().token,
        "session token, its secret expired": ending.start().token,
    }
    server.clock.advance(days=1)
    return made


def _signed_with_a_revoked_key(
    operator: people.Caller, account: people.Account, app: v1.App
) -> dict[str, str]:
    """Revoke the keys of all accounts and sessions, and with them what was made so far."""
    made = {
        "account token, its key revoked": account.token,
        "session token, its key revoked": people.new_secret(account, app).start().token,
    }
    for kind in (v1.TOKEN_KIND_ACCOUNT, v1.TOKEN_KIND_SESSION):
        operator.admin.RotateSigningKey(kind=kind, revoke_previous=True)
    return made


def _ended_account_tokens(operator: people.Caller) -> dict[str, str]:
    out, changed, reset = (people.new_account(operator) for _ in range(3))
    tried, suspended = (people.new_account(operator) for _ in range(2))
    newer = changed.sign_in()

    out.accounts.SignOut()
    newer.accounts.ChangePassword(
        current_password=changed.password, new_password=changed.password + "!"
    )
    operator.admin.ResetPassword(account_id=reset.id)
    for _ in range(5):
        _ignore(tried.accounts.DeleteApp, app_id=people.new_app(tried).id, password="1234567890")
    operator.admin.SuspendAccount(account_id=suspended.id)
    return {
        "account token, signed out": out.token,
        "account token, of before the password's change": changed.token,
        "account token, of before the password's reset": reset.token,
        "account token, five wrong passwords later": tried.token,
        "account token, its account suspended": suspended.token,
    }


def _ended_sessions(
    account: people.Account, app: v1.App, operator: people.Caller
) -> dict[str, str]:
    ended = people.new_secret(account, app).start()
    ended.sessions.EndSession()

    revoked = people.new_secret(account, app).start()
    account.sessions.RevokeSession(session_id=revoked.id)

    secret = people.new_secret(account, app)
    superseded = secret.start()
    by = secret.start()
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    other_app = people.new_app(account)
    leaked = people.new_secret(account, other_app)
    of_leaked = leaked.start()
    operator.admin.EndSecret(secret_id=leaked.id)
    of_deleted = people.new_secret(account, other_app).start()
    account.accounts.DeleteApp(app_id=other_app.id, password=account.password)

    suspended = people.new_account(operator)
    of_suspended = people.new_secret(suspended, people.new_app(suspended)).start()
    operator.admin.SuspendAccount(account_id=suspended.id)
    return {
        "session token, ended": ended.token,
        "session token, revoked": revoked.token,
        "session token, superseded": superseded.token,
        "session token, its secret revoked": by.token,
        "session token, its secret ended by an operator": of_leaked.token,
        "session token, its app deleted": of_deleted.token,
        "session token, its account suspended": of_suspended.token,
    }


def _misplaced(account: people.Account, app: v1.App, operator: people.Caller) -> dict[str, str]:
    """Credentials that are good, but for something else."""
    link = account.links.CreateLinkToken(
        app_id=app.id,
        parameters={
            "redirect_id": people.add_redirect(account, app),
            "product": v1.PRODUCT_TRANSACTIONS,
        },
    )
    setup = operator.admin.ResetPassword(account_id=people.new_account(operator).id)
    return {
        "Link token": link.auth_token,
        "client secret": people.new_secret(account, people.new_app(account)).plaintext,
        "setup token": setup.setup_token,
        "password": account.password,
    }


def _from_a_foreign_address(account: people.Account, app: v1.App) -> dict[str, Metadata]:
    secret = people.new_secret(account, people.new_app(account), allowed_cidrs=["203.0.113.0/24"])
    answer = account.caller.using("").sessions.StartSession(
        client_id=secret.app_id,
        client_secret=secret.plaintext,
        metadata=(("x-forwarded-for", "203.0.113.9"),),
    )
    elsewhere = (("x-forwarded-for", "198.51.100.9"),)
    name = "session token, from an address that its secret does not allow"
    return {name: _bearer(answer.access_token) + elsewhere}


def _ignore(call: Any, **fields: str) -> None:
    try:
        call(**fields)
    except grpc.RpcError:
        return
    raise AssertionError("a wrong password was taken")
