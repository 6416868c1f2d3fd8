"""Calls that go together: what a history would seldom do in this order by chance."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.model.reference import Record
from tests.model.stage import ELSEWHERE, OFFICE, OWNER, PLATFORM, apps, link_tokens, redirects
from tests.model.talk import HOME
from tests.model.waits import Waits


class Stories(Waits):
    """Each story ends one thing in the middle, and asks for it before and after."""

    @rule(
        app=apps,
        life=st.sampled_from([None, 1800, 3 * 86_400]),
        overlap=st.sampled_from([0, 600, 7 * 86_400]),
        seconds=st.sampled_from([0, 600, 1801]),
        ending=st.sampled_from(["leak", "revoke", "operator", "time"]),
        more=st.integers(0, 4),
    )
    def replace_a_secret(
        self, app: str, life: int | None, overlap: int, seconds: int, ending: str, more: int
    ) -> None:
        """Rotate a secret, rotate it again, fill up the app, and end the old one."""
        fields: Record = {"app_id": app, "display_name": "old"}
        if life:
            fields["expire_time"] = {"seconds": self.clock() // 1_000_000 + life}
        made = self.by(OWNER, app, "CreateSecret", **fields)
        if not made:
            return
        old = made.secret.id
        self.log_in(old)
        for _ in range(2):
            of = {"secret_id": old, "overlap": {"seconds": overlap}}
            self.by(OWNER, app, "RotateSecret", password=self.password_for(app), **of)
        for _ in range(more):
            self.by(OWNER, app, "CreateSecret", app_id=app, display_name="more")
        self.wait_for(seconds)
        self.log_in(old, scopes=["read"])
        text = self.world.secrets[old]["client_secret"]
        for _ in range(2):
            if ending == "leak":
                self.ask("", "ReportLeakedSecret", client_secret=text)
            elif ending == "operator":
                self.service(PLATFORM, "OPERATOR", "EndSecret", secret_id=old)
            elif ending == "revoke":
                for validate_only in (True, False):
                    rest = {"secret_id": old, "validate_only": validate_only}
                    password = self.password_for(app)
                    self.by(OWNER, app, "RevokeSecret", password=password, **rest)
        self.log_in(old)
        self.root("ListSecrets", app_id=app, page_size=500)

    @rule(app=apps, seconds=st.sampled_from([0, 1800, 3540, 3600]))
    def move_the_office(self, app: str, seconds: int) -> None:
        """Let a secret be used from an office only, with a session that is elsewhere."""
        made = self.by(OWNER, app, "CreateSecret", app_id=app, display_name="office")
        if not made:
            return
        said = self.log_in(made.secret.id, scopes=["read", "write"])
        self.ask(said.session.id, "GetSession")
        for cidrs in ([OFFICE], []):
            new = {"id": made.secret.id, "allowed_cidrs": cidrs}
            mask = {"paths": ["allowed_cidrs"]}
            self.by(OWNER, app, "UpdateSecret", secret=new, update_mask=mask)
            for address in (HOME, ELSEWHERE):
                self.ask(said.session.id, "GetSession", address)
        if not self.wait_for(seconds):
            return
        self.root("ValidateSession", access_token=self.credential(said.session.id))
        self.log_in(made.secret.id, scopes=["delete"])
        self.root("ValidateSession", access_token=self.credential(said.session.id))

    @rule(
        redirect=redirects,
        max_opens=st.integers(1, 3),
        ending=st.sampled_from(["revoke", "redirect", "time", "suspend", "delete", "force"]),
        seconds=st.sampled_from([60, 1800, 1801]),
    )
    def use_a_link_token_up(self, redirect: str, max_opens: int, ending: str, seconds: int) -> None:
        """Open Links with a token, end it or what it needs, and open once more."""
        app = self.world.redirect_apps[redirect]
        parameters: Record = {"redirect_id": redirect, "product": 1, "language": "pt-BR"}
        fields: Record = {"app_id": app, "max_opens": max_opens, "ttl": {"seconds": 3600}}
        made = self.by(OWNER, app, "CreateLinkToken", parameters=parameters, **fields)
        if not made:
            return
        token = made.link_token.id
        by_token = urlencode({"product": "INVESTMENTS", "authToken": made.auth_token})
        by_url = urlencode({"id": redirect, "product": "TRANSACTIONS", "language": "es"})
        opened = [self.front("OpenLink", query=by_token) for _ in range(max_opens - 1)]
        self.front("OpenLink", query=by_url)
        self.settle()
        if not self.wait_for(seconds if ending == "time" else 0):
            return
        self.spoil(app, token, ending)
        for query in (by_url, by_token, by_token):
            self.front("ExplainLink", query=query)
            self.front("OpenLink", query=query)
        for said in opened[:1]:
            if said:
                self.front("GetLink", link_id=said.link.id)
                self.front("ListLinkBanks", link_id=said.link.id, page_size=2)
        if ending == "suspend":
            self.settle()
            self.root("ReinstateAccount", account_id=self.world.apps[app]["account_id"])

    @rule(token=link_tokens)
    def open_after_expiry(self, token: str) -> None:
        life = self.world.link_tokens[token]["expire_time"] - self.clock()
        if life < 3600 * 1_000_000 and not self.wait_for(max(1, life // 1_000_000 + 1)):
            return
        self.front("OpenLink", query=urlencode({"authToken": self.credential(token)}))

    @rule(
        app=apps,
        ending=st.sampled_from(["disable", "delete", "time", "type"]),
        event_id=st.sampled_from(["", "conn-1"]),
    )
    def miss_an_event(self, app: str, ending: str, event_id: str) -> None:
        """Have something wait for its minute, end the endpoint, and ask for what was missed."""
        types = ["link.*", "connection.*", "settings.updated"]
        uri = f"{self.stage.receiver}/missed"
        fields = {"app_id": app, "uri": uri, "event_types": types}
        made = self.by(OWNER, app, "CreateEndpoint", **fields)
        if not made:
            return
        endpoint = made.endpoint.id
        self.front("OpenLink", query=urlencode({"id": self.redirect_of(app), "product": "NO"}))
        event = {"app_id": app, "event_id": "conn-1", "type": "connection.ready"}
        self.service(PLATFORM, "PUBLISHER", "PublishEvent", payload_json="{}", **event)
        self.settle()
        if ending == "delete":
            self.by(OWNER, app, "DeleteEndpoint", endpoint_id=endpoint)
        elif ending == "time":
            if not self.wait_for(71):
                return
        else:
            new = {"id": endpoint, "disabled": ending == "disable", "event_types": ["transfer.*"]}
            path = "disabled" if ending == "disable" else "event_types"
            self.by(OWNER, app, "UpdateEndpoint", endpoint=new, update_mask={"paths": [path]})
            self.change(app, "link.default_language", "")
            self.change(app, "link.force_auth_token", value=True)
            self.settle()
            new["disabled"] = False
            self.by(OWNER, app, "UpdateEndpoint", endpoint=new, update_mask={"paths": ["disabled"]})
        window: Record = {"event_id": event_id} if event_id else {"start_time": {"seconds": 1}}
        for validate_only in (True, False, False):
            rest = {"endpoint_id": endpoint, "validate_only": validate_only}
            self.by(OWNER, app, "RedeliverEvents", **rest, **window)
            self.settle()
        self.see_deliveries()

    @rule(app=apps, days=st.sampled_from([0, 0, 1]), method=st.integers(0, 4))
    def say_it_again(self, app: str, days: int, method: int) -> None:
        """Send a request_id, the same once more, with another body, and a day later."""
        parameters = {"redirect_id": self.redirect_of(app), "product": 1}
        kinds: list[tuple[str, Record]] = [
            ("CreateSecret", {"app_id": app, "display_name": "again"}),
            ("CreateLinkToken", {"app_id": app, "parameters": parameters}),
            ("CreateEndpoint", {"app_id": app, "uri": f"{self.stage.receiver}/again"}),
            ("CreateApp", {"display_name": "A", "public_name": "A", "environment": 1}),
            ("RollbackSettings", {"app_id": app, "version": 1}),
        ]
        name, fields = kinds[method]
        request_id = "00000000-0000-0000-0000-00000000000a"
        other: Record = {"display_name": "Other"}
        other = {"max_opens": 7} if method == 1 else {"version": 2} if method == 4 else other
        types = {"event_types": ["transfer.*"]} if method == 2 else {}
        for more in ({}, {}, other):
            rest: Record = {**fields, **types, **more, "request_id": request_id}
            self.by(OWNER, app, name, **rest)
        if not self.wait_for(days * 86_400):
            return
        self.by(OWNER, app, name, request_id=request_id, **fields, **types)

    @rule(app=apps, waits=st.lists(st.sampled_from([20, 31, 900, 2700, 3600]), max_size=3))
    def change_the_locks(self, app: str, waits: list[int]) -> None:
        """Rotate the key of session tokens, and log in before and after it signs."""
        self.service(PLATFORM, "OPERATOR", "RotateSigningKey", kind=2)
        for seconds in (0, *waits):
            if not self.wait_for(seconds):
                return
            self.ask("", "ListSigningKeys")
            self.log_in(self.a_secret_of(app))

    @rule(app=apps, scopes=st.sampled_from([["read"], ["write"], ["delete"]]))
    def stay_within_scopes(self, app: str, scopes: list[str]) -> None:
        """Do with a session of one scope what needs each of them."""
        made = self.by(OWNER, app, "CreateSecret", app_id=app, display_name="s", scopes=scopes)
        said = made and self.log_in(made.secret.id)
        if said:
            self.log_in(made.secret.id, scopes=["read", "write"])
            self.pry(self.log_in(made.secret.id).session.id, app)

    @rule(app=apps, who=st.sampled_from(["VERIFIER", "LINK", "PUBLISHER", "stranger", "stranger"]))
    def look_where_one_must_not(self, app: str, who: str) -> None:
        """Ask for the things of an app as somebody whose they are not."""
        hooks = [one["id"] for one in self.world.endpoints.values() if one["app_id"] == app]
        for endpoint in hooks[:1]:
            self.by(OWNER, app, "SendTestEvent", endpoint_id=endpoint)
        if who == "stranger":
            mine = self.world.apps[app]["account_id"]
            other = next(one for one in self.world.accounts if one != mine)
            self.pry(self.owner_of(other), app)
        else:
            self.service(PLATFORM, who, "GetSettings", app_id=app)
            living = [k for k in self.world.service_keys.values() if not k["revoke_time"]]
            self.pry(next(k["id"] for k in living if k["roles"] == [who]), app)

    @rule(app=apps)
    def write_over_each_other(self, app: str) -> None:
        """Change each thing that has an etag, and then with the etag of before."""
        mine = [one for one in self.world.secrets.values() if one["app_id"] == app]
        hooks = [one for one in self.world.endpoints.values() if one["app_id"] == app]
        nouns = [("UpdateApp", "app", self.world.apps[app])]
        nouns += [("UpdateSecret", "secret", one) for one in mine[-1:]]
        nouns += [("UpdateEndpoint", "endpoint", one) for one in hooks[-1:]]
        for method, noun, known in nouns:
            before = known["etag"]
            for name, etag in (("One", before), ("Two", before), ("Two", known["etag"])):
                new = {"id": known["id"], "display_name": name, "etag": etag}
                mask = {"paths": ["display_name"]}
                self.by(OWNER, app, method, **{noun: new, "update_mask": mask})
        self.root("GetSettings", app_id=app)
        before = self.world.versions[app][-1]["etag"]
        for languages in (["es"], ["pt"]):
            settings = {"app_id": app, "etag": before, "link": {"languages": languages}}
            mask = {"paths": ["link.languages"]}
            self.by(OWNER, app, "UpdateSettings", settings=settings, update_mask=mask)
        self.by(OWNER, app, "RollbackSettings", app_id=app, version=1, etag=before)

    # ---------------------------------------------------------------------- what stories share

    def pry(self, who: str, app: str) -> None:
        """Ask for one thing of each kind of an app, and try to end some."""
        self.settle()
        self.see_deliveries()
        self.ask(who, "ListEventTypes")
        for state in (0, 3, 5):
            self.ask(who, "ListDeliveries", app_id=app, state=state, page_size=500)
        mine = [one for one in self.deliveries if one["row"]["app_id"] == app and "id" in one]
        delivery_id = mine[-1]["id"] if mine else "dlv_" + "0" * 26
        self.ask(who, "GetDelivery", delivery_id=delivery_id)
        uri = f"{self.stage.receiver}/pry"
        for method in ("GetSettings", "GetApp", "ListSecrets", "ListLinks", "ListEvents"):
            self.ask(who, method, app_id=app, **({"types": ["x.y"]} if "Events" in method else {}))
        types = ["transfer.*"]
        self.ask(who, "CreateEndpoint", app_id=app, uri=uri, event_types=types)
        self.change(app, "link.force_auth_token", value=False, who=who)
        self.change(app, "link.languages", ["es"], who=who)
        for things, noun, methods in (
            (self.world.secrets, "secret_id", ("GetSecret",)),
            (self.world.sessions, "session_id", ("GetSession", "RevokeSession")),
            (self.world.link_tokens, "link_token_id", ("GetLinkToken", "RevokeLinkToken")),
            (self.world.links, "link_id", ("GetLink",)),
            (self.world.endpoints, "endpoint_id", ("SendTestEvent", "DeleteEndpoint")),
        ):
            mine = [one["id"] for one in things.values() if one["app_id"] == app]
            for method in methods if mine else ():
                self.ask(who, method, **{noun: mine[-1]})

    def change(self, app: str, path: str, value: Any, who: str = OWNER) -> None:
        parent, name = path.split(".")
        settings = {"app_id": app, parent: {name: value}}
        self.by(who, app, "UpdateSettings", settings=settings, update_mask={"paths": [path]})

    def spoil(self, app: str, token: str, ending: str) -> None:
        """End a Link token, or something that its Links need."""
        if ending == "revoke":
            self.by(OWNER, app, "RevokeLinkToken", link_token_id=token)
        elif ending == "redirect":
            self.change(app, "link.redirects", [])
        elif ending == "suspend":
            self.root("SuspendAccount", account_id=self.world.apps[app]["account_id"])
        elif ending == "delete":
            self.by(OWNER, app, "DeleteApp", app_id=app, password=self.password_for(app))
        elif ending == "force":
            self.change(app, "link.force_auth_token", value=True)

    def redirect_of(self, app: str) -> str:
        """A redirect of an app; of one without any, none that there ever was."""
        listed = self.world.versions[app][-1]["document"]["link.redirects"]
        return str(listed[0]["id"]) if listed else "rdr_" + "0" * 26

    def front(self, method: str, **fields: Any) -> Any:
        return self.service(PLATFORM, "LINK", method, **fields)

    def password_for(self, app: str) -> str:
        return self.password_of(self.world.apps[app]["account_id"])

    def a_secret_of(self, app: str) -> str:
        mine = [k for k, one in self.world.secrets.items() if one["app_id"] == app]
        return (mine or list(self.world.secrets))[0]
