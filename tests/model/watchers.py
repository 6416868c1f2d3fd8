"""Streams: who may open them, what they begin with, and that they end with their credential."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.gates import until
from tests.model import reference_access as access
from tests.model.reference import Refused
from tests.model.stage import OWNER
from tests.model.talk import HOME
from tests.model.waits import Waits
from tests.watches import Watch, Watches


class Watchers(Waits):
    """A story, told and not played: a heartbeat takes half a second of everybody's time."""

    def watch_until_the_end(self, app: str, ending: str) -> None:
        """Open each stream as each kind of caller, end a credential, and see which streams end."""
        account = self.world.apps[app]["account_id"]
        stranger = next(one for one in self.world.accounts if one != account)
        roles = ("OPERATOR", "VERIFIER", "LINK", "PUBLISHER")
        services = [self.new_service(role) for role in roles]
        owner, server = self.owner_of(account), self.server_of(app)
        everybody = [owner, server, self.owner_of(stranger), *services, ""]
        watches = Watches()
        try:
            opened = [
                (who, method, self.open(watches, who, method, app))
                for who in everybody
                for method in ("WatchSettings", "WatchRevocations")
            ]
            living = [one for one in opened if one[2].refusal is None]
            self.see_settings_told(app, living)
            self.end_a_credential(ending, account, owner, services)
            seen = [len(watch.messages) for *_, watch in living]
            for (who, method, watch), number in zip(living, seen, strict=True):
                self.see_end(who, method, watch, number)
        finally:
            watches.close()

    def open(self, watches: Watches, who: str, method: str, app: str) -> Watch:
        caller = self.stage.operator.using(self.credential(who))
        is_of_settings = method == "WatchSettings"
        watch = watches.settings(caller, app) if is_of_settings else watches.revocations(caller)
        until(lambda: bool(watch.refusal or (watch.messages and watch.messages[-1].caught_up)))
        self.compare(who, method, watch, self.why_not(who, method, app))
        return watch

    def see_settings_told(self, app: str, watches: list[tuple[str, str, Watch]]) -> None:
        """The present settings come first, and each new version as it is made."""
        of_settings = [watch for _, method, watch in watches if method == "WatchSettings"]
        languages = {"app_id": app, "link": {"languages": ["es"]}}
        mask = {"paths": ["link.languages"]}
        expected = [self.root("GetSettings", app_id=app).settings]
        said = self.by(OWNER, app, "UpdateSettings", settings=languages, update_mask=mask)
        expected.append(said.settings)
        for watch in of_settings:
            watch.until(partial(_was_told, watch, len(expected)))
            if watch.told != expected:
                self.talk.disagree(f"a watcher is told {watch.told}, not {expected}")

    def end_a_credential(self, ending: str, account: str, owner: str, services: list[str]) -> None:
        if ending == "sign out":
            self.ask(owner, "SignOut")
        elif ending == "reset":
            self.root("ResetPassword", account_id=account)
        elif ending == "suspend":
            self.root("SuspendAccount", account_id=account)
        elif ending == "time":
            self.wait_for(12 * 3600)
        else:
            for key in services:
                self.root("RevokeServiceKey", service_key_id=key)

    def see_end(self, who: str, method: str, watch: Watch, seen: int) -> None:
        """A stream ends with its credential; another has gone on if two more messages came."""
        reason = self.why_not(who, method)
        until(lambda: bool(watch.refusal or (not reason and len(watch.messages) >= seen + 2)))
        self.compare(who, method, watch, reason)

    def why_not(self, who: str, method: str, app: str = "") -> str:
        """Why the model lets nobody with this credential watch, or go on to."""
        self.world.now = self.clock()
        try:
            caller = access.identify(self.world, method, self.credential(who), HOME)
            if app and method == "WatchSettings":
                self.world.app(caller, app)
        except Refused as refusal:
            return refusal.reason
        return ""

    def compare(self, who: str, method: str, watch: Any, expected: str) -> None:
        actual = watch.refusal.reason if watch.refusal else ""
        name = self.world.names.get(who, "somebody")
        self.talk.history.append(f"{name}: {method} → {actual or 'an open stream'}")
        if actual != expected:
            self.talk.disagree(f"the model expected {expected or 'an open stream'}")


def _was_told(watch: Watch, times: int) -> bool:
    return len(watch.told) >= times
