"""Random histories: every rule together, and what must hold after each step and at the end."""

from __future__ import annotations

import sys
from inspect import signature
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, multiple, rule
from tests.model import reference_secrets as secret_rules
from tests.model import reference_sessions as session_rules
from tests.model.acts_of_end_users import EndUsers
from tests.model.acts_of_people import People
from tests.model.acts_of_servers import Servers
from tests.model.acts_on_settings import Settings
from tests.model.pages import Pages
from tests.model.reference import HOUR, SECOND, Moment, at
from tests.model.row_types import EVENT_TYPES, PLATFORM_ROWS, ROWS
from tests.model.stage import (
    OWNER,
    Stage,
    accounts,
    apps,
    endpoints,
    keys,
    link_tokens,
    links,
    redirects,
    secrets,
    sessions_,
    tokens,
)
from tests.model.stories import Stories
from tests.model.watchers import Watchers
from tests.watches import Watches

from finlink.config import v1

_ALL = {"page_size": 500}


class Histories(People, Servers, EndUsers, Settings, Stories, Pages, Watchers):
    """One history of calls by several customers, services and end users."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.steps = 0
        self.error_before = sys.exc_info()[1]
        stage.histories += 1

    @initialize(target=accounts)
    def whose_accounts_there_are(self) -> Any:
        return multiple(*self.world.accounts)

    @initialize(target=tokens)
    def account_tokens_there_are(self) -> Any:
        return multiple(*self.world.account_tokens)

    @initialize(target=keys)
    def keys_there_are(self) -> Any:
        return multiple(*list(self.world.service_keys)[1:])

    @initialize(target=apps)
    def apps_there_are(self) -> Any:
        return multiple(*self.world.apps)

    @initialize(target=secrets)
    def secrets_there_are(self) -> Any:
        return multiple(*self.world.secrets)

    @initialize(target=sessions_)
    def sessions_there_are(self) -> Any:
        return multiple(*self.world.sessions)

    @initialize(target=redirects)
    def redirects_there_are(self) -> Any:
        return multiple(*self.world.redirect_apps)

    @initialize(target=link_tokens)
    def link_tokens_there_are(self) -> Any:
        return multiple(*self.world.link_tokens)

    @initialize(target=links)
    def links_there_are(self) -> Any:
        return multiple()

    @initialize(target=endpoints)
    def endpoints_there_are(self) -> Any:
        return multiple(*self.world.endpoints)

    @rule(app=apps, active_only=st.booleans(), state=st.integers(0, 4))
    def look_at_an_app(self, app: str, active_only: bool, state: int) -> None:  # noqa: FBT001
        self.see_app(app, active_only=active_only, state=state)

    @rule(app=apps, size=st.integers(1, 4))
    def leaf_through_an_app(self, app: str, size: int) -> None:
        self.settle()
        self.see_pages(app, size)

    @invariant()
    def every_token_is_worth_what_it_is_worth(self) -> None:
        """Rule 4, every third time: the newest session tokens, and two that are none."""
        self.steps += 1
        if self.steps % 3 == 0:
            self.see_all_tokens()

    def see_all_tokens(self) -> None:
        issued = [session["token"] for session in self.world.sessions.values()][-98:]
        issued += [next(iter(self.world.account_tokens.values()))["token"], "no token"]
        self.root("BatchValidateSessions", access_tokens=issued, required_scopes=["write"])
        self.talk.history.pop()

    @invariant()
    def the_rules_hold(self) -> None:
        """Of the model's lists, which are the server's: see `see_app`."""
        world = self.world
        for app_id in world.apps:
            assert len(secret_rules.living(world, app_id)) <= 5, "rule 1"
        active = [s for s in world.sessions.values() if not session_rules.why_inactive(world, s)]
        assert len({one["secret_id"] for one in active}) == len(active), "rule 2"
        for session in active:
            secret = world.secrets[session["secret_id"]]
            assert secret_rules.is_live(world, secret), "rule 3"
            end = secret["expire_time"]
            assert end is None or session["expire_time"] <= end, "rule 3"
        for session in world.sessions.values():
            assert session["expire_time"] - session["create_time"] <= HOUR, "rule 10"
        for token in world.link_tokens.values():
            opened = [one for one in world.links.values() if one["link_token_id"] == token["id"]]
            assert len(opened) == token["opens"] <= token["max_opens"], "rule 6"
            assert all(one["parameters"] == token["parameters"] for one in opened), "rule 5"

    def tell(self, story: str, fields: dict[str, Any]) -> None:
        """Tell one story, of the things that are there from the beginning."""
        account, token = next(iter(self.world.accounts)), next(iter(self.world.account_tokens))
        things = {"app": next(iter(self.world.apps)), "account": account, "token": token}
        things |= {"redirect": next(iter(self.world.redirect_apps)), "caller": OWNER}
        things |= {"endpoint": next(iter(self.world.endpoints)), "request_id": "", "etag": "none"}
        play = getattr(self, story)
        wanted = {name: things[name] for name in signature(play).parameters if name in things}
        play(**(wanted | fields))
        self.see_all_tokens()
        self.the_rules_hold()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[1] is self.error_before:  # nothing has failed
                self.see_everything()
        finally:
            self.tidy_up()

    # ------------------------------------------------------------------------- looking at it all

    def see_everything(self) -> None:
        """Compare every list with the model's, and the revocations that a watcher is told."""
        self.settle()
        for account_id in self.world.accounts:
            self.root("GetAccount", account_id=account_id)
            self.root("ListApps", account_id=account_id)
            self.root("ListAuditEvents", account_id=account_id, types=ROWS, **_ALL)
            self.root("VerifyAuditLog", account_id=account_id)
        for app_id in self.world.apps:
            self.see_app(app_id, active_only=True, state=0)
        self.see_revocations()
        self.see_deliveries()
        self.see_receipts()
        self.root("VerifyAuditLog")
        self.root("ListServiceKeys", **_ALL)
        self.root("ListSigningKeys")
        begun = {"start_time": {"seconds": self.begun // SECOND}}
        self.root("ListAuditEvents", types=PLATFORM_ROWS, **begun, **_ALL)

    def see_app(self, app: str, *, active_only: bool, state: int) -> None:
        """Compare what an app has."""
        of = {"app_id": app, **_ALL}
        self.root("GetApp", app_id=app)
        self.root("ListSecrets", show_inactive=not active_only, **of)
        self.root("ListSecrets", show_inactive=True, **of)
        self.root("ListSessions", active_only=active_only, **of)
        self.root("ListSessions", **of)
        self.root("ListLinkTokens", state=state, **of)
        self.root("ListLinks", **of)
        self.root("ListSettingsVersions", **of)
        self.root("GetSettings", app_id=app)
        self.root("ListAppBanks", app_id=app, page_size=4)
        self.root("ListEndpoints", **of)
        self.root("ListEvents", types=EVENT_TYPES, **of)
        self.root("ListAuditEvents", types=ROWS, **of)

    def see_revocations(self) -> None:
        """What WatchRevocations tells from the beginning is what has ended."""
        watches = Watches()
        told = watches.revocations(self.stage.operator).until_caught_up().told
        watches.close()
        found = {(one.session_id or one.kid): one for one in told}
        known = {one["kid"] for one in self.world.signing_keys["SESSION"]}
        ours = {one for one in found if one in self.world.sessions or one in known}
        expected = {one[0]: one for one in session_rules.revocations(self.world)}
        missing = {one for one, (_, _, _, must) in expected.items() if must} - ours
        if missing or ours - set(expected):
            self.talk.disagree(f"not told: {missing}; told: {ours - set(expected)}")
        for name in ours:
            _, reason, time, _ = expected[name]
            if isinstance(time, Moment):
                time.see(found[name].end_time.ToMicroseconds())
            said = (found[name].reason, found[name].end_time.ToMicroseconds())
            if said != (v1.InactiveReason.Value(f"INACTIVE_REASON_{reason}"), at(time)):
                self.talk.disagree(f"told of {name}: {said}, not {reason} {time}")

    def tidy_up(self) -> None:
        """Leave nothing to the next history but what time has ended."""
        for key in list(self.world.service_keys)[1:]:
            self.stage.operator.admin.RevokeServiceKey(service_key_id=key)
        for bank_id, bank in self.world.banks.items():
            if bank_id.startswith("aq-"):
                self.stage.banks[bank_id] = bank
        self.stage.left_banks = self.world.left_banks
