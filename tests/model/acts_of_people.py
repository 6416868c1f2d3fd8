"""What customers, operators and time do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.model.stage import (
    ELSEWHERE,
    OWNER,
    PLATFORM,
    WRONG,
    accounts,
    addresses,
    apps,
    callers,
    keys,
    requests,
    services,
    sessions_,
    tokens,
)
from tests.model.talk import HOME
from tests.model.waits import Waits

_WAITS = [2, 20, 31, 60, 600, 1801, 3600, 3600, 12 * 3600, 86_400, 8 * 86_400]


class People(Waits):
    """Accounts, apps, service keys, signing keys, and the clock."""

    @rule(seconds=st.sampled_from(_WAITS))
    def wait(self, seconds: int) -> None:
        self.wait_for(seconds)

    @rule(target=tokens, account=accounts, is_right=st.booleans(), address=addresses)
    def sign_in_once(self, account: str, is_right: bool, address: str) -> Any:  # noqa: FBT001
        password = self.password_of(account) if is_right else WRONG
        return self.new_token(self.sign_in(account, password, address))

    @rule(account=accounts, times=st.integers(2, 6), address=st.sampled_from([HOME, ELSEWHERE]))
    def guess_at_the_door(self, account: str, times: int, address: str) -> None:
        for _ in range(times):
            self.sign_in(account, WRONG, address)

    @rule(token=tokens)
    def sign_out(self, token: str) -> None:
        account = self.world.account_tokens[token]["account_id"]
        self.use_tokens(account)
        self.ask(token, "SignOut")
        self.use_tokens(account)

    @rule(token=tokens, times=st.sampled_from([0, 0, 1, 4, 5]), then=st.booleans())
    def guess_behind_a_token(self, token: str, times: int, then: bool) -> None:  # noqa: FBT001
        account = self.world.account_tokens[token]["account_id"]
        for _ in range(times):
            self.ask(token, "ChangePassword", current_password=WRONG, new_password="nobody's one")
        if then:  # a right one in between: the failures before it are forgotten
            self.change_password(token, account)
            self.ask(token, "ChangePassword", current_password=WRONG, new_password="nobody's one")
            self.use_tokens(account)

    @rule(account=accounts, which=st.integers(0, 3))
    def forget_the_password(self, account: str, which: int) -> None:
        """Have it reset, and set a new one with the new setup token, an older one, or none."""
        known = self.world.accounts[account]
        self.use_tokens(account)
        older = known["setup_token"] or known.get("used_setup_token", "")
        said = self.root("ResetPassword", account_id=account)
        self.use_tokens(account)
        newer = known["used_setup_token"] = said.setup_token
        for token in ((newer,), (older, newer, newer), (), (newer,))[which]:
            password = f"{known['display_name']} {self.world.now}"
            if token:
                self.ask("", "SetPassword", setup_token=token, new_password=password)

    @rule(account=accounts)
    def set_the_password_late(self, account: str) -> None:
        known = self.world.accounts[account]
        token = known["setup_token"] or known.get("used_setup_token", "")
        if token:
            self.ask("", "SetPassword", setup_token=token, new_password="a late password")

    @rule(caller=services, account=accounts, is_mistake=st.sampled_from([True, True, False]))
    def suspend(self, caller: str, account: str, is_mistake: bool) -> None:  # noqa: FBT001
        self.settle()
        of = {"account_id": account, "comment": "Seen in the news"}
        self.use_tokens(account)
        self.service(caller, "OPERATOR", "SuspendAccount", **of)
        if is_mistake:
            self.service(caller, "OPERATOR", "ReinstateAccount", **of)
        self.use_tokens(account)

    @rule(caller=services, account=accounts)
    def reinstate(self, caller: str, account: str) -> None:
        self.settle()
        self.service(caller, "OPERATOR", "ReinstateAccount", account_id=account)

    @rule(account=accounts)
    def reinstate_at_last(self, account: str) -> None:
        self.settle()
        self.root("ReinstateAccount", account_id=account)

    @rule(caller=st.one_of(tokens, sessions_, keys), account=st.one_of(accounts, st.just("")))
    def look_at_an_account(self, caller: str, account: str) -> None:
        self.ask(caller, "GetAccount", account_id=account)
        self.ask(caller, "ListApps", account_id=account)

    @rule(account=accounts)
    def make_an_account_twice(self, account: str) -> None:
        email = self.world.accounts[account]["email"].upper()
        self.root("CreateAccount", email=email, display_name="Twice")
        self.root("ListAccounts", email=email)

    @rule(target=apps, account=accounts, environment=st.integers(1, 2), request_id=requests)
    def make_an_app(self, account: str, environment: int, request_id: str) -> Any:
        said = self.ask(
            *(self.owner_of(account), "CreateApp"),
            display_name="Shop",
            public_name="Shop",
            environment=environment,
            request_id=request_id,
        )
        return self.new(said and said.app.id)

    @rule(account=accounts, more=st.integers(1, 5))
    def make_many_apps(self, account: str, more: int) -> None:
        owner = self.owner_of(account)
        for _ in range(more):
            self.ask(owner, "CreateApp", display_name="A", public_name="A", environment=1)

    @rule(
        app=apps,
        caller=callers,
        name=st.sampled_from(["Shop", "Market"]),
        etag=st.sampled_from(["none", "present", "other"]),
    )
    def rename_an_app(self, app: str, caller: str, name: str, etag: str) -> None:
        sent = self.etag(etag, self.world.apps[app]["etag"])
        new = {"id": app, "display_name": name, "etag": sent}
        self.by(caller, app, "UpdateApp", app=new, update_mask={"paths": ["display_name"]})
        self.by(caller, app, "GetApp", app_id=app)

    @rule(app=apps, caller=st.one_of(st.just(OWNER), tokens), is_right=st.booleans())
    def delete_an_app(self, app: str, caller: str, is_right: bool) -> None:  # noqa: FBT001
        self.settle()
        password = self.password_of(self.world.apps[app]["account_id"])
        right = password if is_right else WRONG
        self.by(caller, app, "DeleteApp", app_id=app, password=right)

    @rule(target=keys, caller=services, role=st.integers(1, 4), request_id=requests)
    def make_a_key(self, caller: str, role: int, request_id: str) -> Any:
        prefixes = ["connection.", "transfer."][: max(0, role - 2)] if role > 2 else []
        said = self.service(
            *(caller, "OPERATOR", "CreateServiceKey"),
            display_name="service",
            roles=[role],
            event_prefixes=prefixes,
            request_id=request_id,
        )
        return self.new(said and said.service_key.id)

    @rule(caller=services, key=keys)
    def revoke_a_key(self, caller: str, key: str) -> None:
        self.service(caller, "OPERATOR", "RevokeServiceKey", service_key_id=key)
        self.service(caller, "OPERATOR", "ListServiceKeys", page_size=500)

    @rule(kind=st.sampled_from([2, 2, 1, 3]), revoke=st.sampled_from([False, True]), again=requests)
    def rotate_a_signing_key(self, kind: int, revoke: bool, again: str) -> None:  # noqa: FBT001
        rest = {"kind": kind, "revoke_previous": revoke, "request_id": again}
        self.service(PLATFORM, "OPERATOR", "RotateSigningKey", **rest)
        self.ask("", "ListSigningKeys")

    @rule(
        bank_id=st.sampled_from(["aq-krill", "aq-seal", "aq-dodo", "aq-none"]),
        status=st.integers(1, 3),
    )
    def change_a_banks_status(self, bank_id: str, status: int) -> None:
        self.root("SetBankStatus", bank_id=bank_id, status=status)
        self.root("GetBank", bank_id=bank_id)

    @precondition(lambda self: self.repeatable)
    @rule(which=st.integers(0, 9))
    def repeat_a_request(self, which: int) -> None:
        who, method, address, fields = self.repeatable[-1 - which % len(self.repeatable)]
        self.settle()
        self.ask(who, method, address, **fields)

    def use_tokens(self, account: str) -> None:
        """Call with each of an account's newest tokens: good ones are remembered."""
        mine = [t for t in self.world.account_tokens.values() if t["account_id"] == account]
        for token in mine[-3:]:
            self.ask(token["id"], "GetAccount")

    def change_password(self, token: str, account: str) -> None:
        password = self.password_of(account)
        self.ask(
            token,
            "ChangePassword",
            current_password=password,
            new_password=f"{password}+",
        )
