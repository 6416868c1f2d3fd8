"""Accounts and their tokens: customers with e-mail and password."""

from __future__ import annotations

from typing import Any, NoReturn

import jwt
from tests.model import reference_access as access
from tests.model import reference_deliveries as deliveries
from tests.model import reference_sessions as sessions
from tests.model import reference_signing_keys as signing_keys
from tests.model.reference import DAY, SECOND, Record, World, refuse, refuse_fields

MOST_PASSWORD_FAILURES = 5
_HOURS = 12 * 3600  # an account token's, in seconds


def view(account: Record) -> Record:
    """An account as it is told."""
    state = "ACTIVE" if account["password"] else "PENDING"
    return {**account, "state": "SUSPENDED" if account["suspend_time"] else state}


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make an account with a setup token; an e-mail has one account."""
    earlier = world.earlier(caller, asked)
    taken = next((one["id"] for one in world.accounts.values() if _has(one, asked.email)), None)
    if earlier or taken:
        refuse("ACCOUNT_ALREADY_EXISTS", account_id=earlier or taken)
    account = {
        "id": world.take(said.account.id, "acc"),
        "email": asked.email,
        "display_name": asked.display_name,
        "password": "",
        "create_time": world.seen(said.account.create_time),
        "suspend_time": None,
    }
    world.accounts[account["id"]] = account
    world.write(caller, "account.created", account["id"], account_id=account["id"])
    world.remember(caller, asked, account["id"])
    return {"account": view(account), **_give_setup_token(world, account, said)}


def set_password(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Set the password with a setup token, which is used up; end every account token."""
    token = asked.setup_token
    account = next((a for a in world.accounts.values() if a["setup_token"] == token), None)
    if account is None or account["setup_ends"].latest <= world.now:
        refuse("SETUP_TOKEN_INVALID")
    if account["suspend_time"]:
        refuse("ACCOUNT_SUSPENDED")
    account.update(password=asked.new_password, setup_token="")
    ended = end_tokens(world, account["id"])
    owner = {**caller, "kind": "ACCOUNT", "id": account["id"]}
    _write(world, owner, "account.password_set", account, ended_account_tokens=ended)
    return {"account": view(account)}


def sign_in(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Prove e-mail and password; failures make the next attempt wait longer and longer."""
    key = (asked.email.lower(), caller["address"])
    failures = world.sign_in_failures.get(key, {"count": 0, "last": 0, "wait_until": 0})
    account = next((one for one in world.accounts.values() if _has(one, asked.email)), None)
    credential = account["id"] if account else "email"

    def refuse_it(reason: str) -> NoReturn:
        account_id = account["id"] if account else ""
        caller_row = {"reason": reason, "account_id": account_id}
        world.count_refusal(caller, "sign_in.refused", credential, **caller_row)
        refuse(reason)

    if failures["wait_until"] > world.now:
        refuse_it("RATE_LIMITED")
    if account is None or not account["password"] or account["password"] != asked.password:
        count = 1 if failures["last"] < world.now - DAY else failures["count"] + 1
        wait = min(15 * 60, 2 ** (count - 3)) if count > 3 else 0
        world.sign_in_failures[key] = {
            "count": count,
            "last": world.now,
            "wait_until": world.now + wait * SECOND,
        }
        refuse_it("SIGN_IN_FAILED")
    if account["suspend_time"]:
        refuse_it("ACCOUNT_SUSPENDED")
    world.sign_in_failures.pop(key, None)
    expire_time = world.whole_second(world.now, _HOURS)
    token_id = jwt.decode(said.account_token, options={"verify_signature": False})["jti"]
    claims = {"sub": account["id"], "exp": expire_time // SECOND, "iat": world.now // SECOND}
    world.account_tokens[world.take(token_id, "atk")] = {
        "id": token_id,
        "account_id": account["id"],
        "token": said.account_token,
        "kid": signing_keys.see_signed(world, "ACCOUNT", said.account_token, **claims),
        "expire_time": expire_time,
        "ended": False,
        "password_failures": 0,
    }
    owner = {**caller, "kind": "ACCOUNT", "id": account["id"]}
    world.write(owner, "account.signed_in", token_id, account_id=account["id"])
    return {
        "account_token": said.account_token,
        "expire_time": expire_time,
        "account": view(account),
    }


def sign_out(world: World, caller: Record, _: Any, __: Any) -> Record:
    """End the account token that the call carries."""
    caller["token"]["ended"] = True
    token_id = caller["token"]["id"]
    world.write(caller, "account.signed_out", token_id, account_id=caller["account_id"])
    return {}


def change_password(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Replace the password; end every account token but the caller's."""
    confirm_password(world, caller, asked.current_password)
    account = world.accounts[caller["account_id"]]
    account["password"] = asked.new_password
    ended = end_tokens(world, account["id"], but=caller["token"])
    _write(world, caller, "account.password_changed", account, ended_account_tokens=ended)
    return {"ended_account_tokens": ended}


def confirm_password(world: World, caller: Record, password: str) -> None:
    """Ask for the password behind an account token, which five failures in a row end."""
    token = caller["token"]
    if password == world.accounts[caller["account_id"]]["password"]:
        token["password_failures"] = 0
        return
    token["password_failures"] += 1
    left = MOST_PASSWORD_FAILURES - token["password_failures"]
    of = {"account_id": caller["account_id"]}
    if not left:
        token["ended"] = True
        reason = "PASSWORD_FAILURES"
        world.write(caller, "account.token_ended", token["id"], reason=reason, **of)
    world.count_refusal(caller, "password.refused", token["id"], reason="PASSWORD_WRONG", **of)
    refuse("PASSWORD_WRONG", attempts_left=left)


def reset_password(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Void the password, give a setup token that ends the one before, end every account token."""
    account = find(world, asked.account_id)
    account["password"] = ""
    ended = end_tokens(world, account["id"])
    _write(world, caller, "account.password_reset", account, ended_account_tokens=ended)
    return {**_give_setup_token(world, account, said), "ended_account_tokens": ended}


def suspend(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Suspend an account: its account tokens, sessions and Links end at once."""
    account = find(world, asked.account_id)
    if account["suspend_time"]:
        return {"account": view(account), "ended_sessions": 0}
    account["suspend_time"] = world.seen(said.account.suspend_time)
    mine = [one for one in world.sessions.values() if one["account_id"] == account["id"]]
    living = [one for one in mine if not sessions.why_inactive(world, one)]
    for session in living:
        session.update(end_time=world.moment(), end_reason="ACCOUNT_SUSPENDED")
    for link in world.links.values():
        is_mine = world.apps[link["app_id"]]["account_id"] == account["id"]
        if is_mine and link["revoke_time"] is None and link["expire_time"] > world.now:
            link["revoke_time"] = world.moment()
    mine_too = [
        one["id"]
        for one in world.endpoints.values()
        if world.apps[one["app_id"]]["account_id"] == account["id"]
    ]
    deliveries.cancel(world, mine_too, "ACCOUNT_SUSPENDED")
    _write(
        world,
        caller,
        "account.suspended",
        account,
        comment=asked.comment,
        ended_account_tokens=end_tokens(world, account["id"]),
        ended_sessions=sorted(one["id"] for one in living),
    )
    return {"account": view(account), "ended_sessions": len(living)}


def reinstate(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Reinstate an account; what its suspension ended stays ended."""
    account = find(world, asked.account_id)
    if account["suspend_time"]:
        account["suspend_time"] = None
        _write(world, caller, "account.reinstated", account, comment=asked.comment)
    return {"account": view(account)}


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give the caller's account, or to an operator any."""
    wanted = asked.account_id or caller.get("account_id", "")
    if not wanted:
        refuse_fields("account_id")
    if caller["kind"] == "ACCOUNT" and wanted != caller["account_id"]:
        refuse("ACCOUNT_NOT_FOUND", account_id=wanted)
    return {"account": view(find(world, wanted))}


def find_by_email(world: World, _: Record, asked: Any, __: Any) -> Record:
    """List the account of an e-mail."""
    return {"accounts": [view(a) for a in world.accounts.values() if _has(a, asked.email)]}


def find(world: World, account_id: str) -> Record:
    """Find an account by its id."""
    if account_id not in world.accounts:
        refuse("ACCOUNT_NOT_FOUND", account_id=account_id)
    return world.accounts[account_id]


def end_tokens(world: World, account_id: str, but: Record | None = None) -> int:
    """End an account's tokens; how many were live."""
    living = [
        one
        for one in world.account_tokens.values()
        if one["account_id"] == account_id and one is not but and access.is_live(world, one)
    ]
    for token in living:
        token["ended"] = True
    return len(living)


def _give_setup_token(world: World, account: Record, said: Any) -> Record:
    account.update(setup_token=said.setup_token, setup_ends=world.moment(DAY))
    return {
        "setup_token": said.setup_token,
        "setup_token_expire_time": account["setup_ends"],
    }


def _has(account: Record, email: str) -> bool:
    return bool(account["email"].lower() == email.lower())


def _write(world: World, caller: Record, kind: str, account: Record, **facts: Any) -> None:
    world.write(caller, kind, account["id"], account_id=account["id"], **facts)
