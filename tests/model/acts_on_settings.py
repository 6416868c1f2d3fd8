"""What is done with settings and webhook endpoints."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule
from tests.model.reference import Record
from tests.model.reference_settings import READABLE
from tests.model.stage import OWNER, apps, callers, endpoints, redirects, requests, services
from tests.model.waits import Waits

_ETAGS = st.sampled_from(["none", "none", "none", "present", "other"])
_PALE = {"primary": "#0b3d91", "background": "#ffffff", "text": "#eeeeee"}
_TEXTS = {"language": "pt", "title": "Ligue o seu banco"}
# Path → values, as a request says them.
_MENU: dict[str, list[Any]] = {
    "link.force_auth_token": [True, True, False],
    "link.languages": [[], ["es", "pt"], ["pt-BR"]],
    "link.default_language": ["", "es", "fr"],
    "link.appearance.light": [READABLE, READABLE, _PALE],
    "link.texts": [[], [_TEXTS]],
    "link.terms_uri": ["", "https://shop.example/terms"],
    "banks.mode": [1, 2, 3],
    "banks.bank_ids": [[], ["aq-krill", "aq-seal"], ["aq-penguin"], ["aq-none"]],
    "banks.pinned_bank_ids": [[], [], ["aq-seal"], ["aq-krill", "aq-dodo"]],
    "banks.country_codes": [[], ["AQ"], ["BV"]],
}
_CHANGES = st.lists(
    st.sampled_from([(path, value) for path, values in _MENU.items() for value in values]),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one[0],
)
_TYPES = st.sampled_from(
    [["connection.*"], ["link.*", "session.*"], ["secret.revoked", "endpoint.*"], ["settings.*"]]
)


class Settings(Waits):
    """Settings, and webhook endpoints with their events."""

    @rule(
        app=apps,
        caller=callers,
        changes=_CHANGES,
        etag=_ETAGS,
        validate_only=st.sampled_from([False, False, False, True]),
        whole=st.sampled_from(["", "", "", "", "banks", "*"]),
    )
    def change_settings(
        self,
        app: str,
        caller: str,
        changes: list[tuple[str, Any]],
        etag: str,
        validate_only: bool,  # noqa: FBT001
        whole: str,
    ) -> None:
        settings: Record = {"app_id": app, "etag": self.etag(etag, self.present(app)["etag"])}
        for path, value in changes:
            *parents, name = path.split(".")
            place = settings
            for parent in parents:
                place = place.setdefault(parent, {})
            place[name] = value
        paths = [whole] if whole else [path for path, _ in changes]
        fields = {"update_mask": {"paths": paths}, "validate_only": validate_only}
        self.by(caller, app, "UpdateSettings", settings=settings, comment="Why not", **fields)
        self.by(caller, app, "GetSettings", app_id=app)

    @rule(
        target=redirects,
        app=apps,
        caller=callers,
        change=st.sampled_from(["add", "add", "rename", "remove", "too many", "foreign", "http"]),
        validate_only=st.sampled_from([False, False, False, True]),
    )
    def change_redirects(
        self,
        app: str,
        caller: str,
        change: str,
        validate_only: bool,  # noqa: FBT001
    ) -> Any:
        now = [dict(one) for one in self.present(app)["document"]["link.redirects"]]
        scheme = "http://localhost" if change == "http" else "https://shop.example"
        new = {"display_name": "New", "uri": f"{scheme}/{len(self.world.redirect_apps)}"}
        foreign = {**new, "id": next(iter(self.world.redirect_apps))}
        wanted = {
            "add": [*now, new],
            "http": [new, *now],
            "too many": [*now, *[new] * 6],
            "foreign": [*now[:2], foreign],
            "remove": now[1:],
            "rename": [{**one, "display_name": "Renamed"} for one in now],
        }[change]
        before = set(self.world.redirect_apps)
        settings = {"app_id": app, "link": {"redirects": wanted}}
        fields = {"update_mask": {"paths": ["link.redirects"]}, "validate_only": validate_only}
        self.by(caller, app, "UpdateSettings", settings=settings, **fields)
        return multiple(*[one for one in self.world.redirect_apps if one not in before])

    @rule(app=apps, caller=callers, back=st.integers(0, 3), etag=_ETAGS, request_id=requests)
    def roll_back(self, app: str, caller: str, back: int, etag: str, request_id: str) -> None:
        present = self.present(app)
        fields = {
            "version": max(1, present["version"] - back + (2 if back == 3 else 0)),
            "etag": self.etag(etag, present["etag"]),
            "request_id": request_id,
        }
        self.by(caller, app, "RollbackSettings", app_id=app, **fields)

    @rule(app=apps, caller=callers, version=st.integers(0, 5))
    def look_at_settings(self, app: str, caller: str, version: int) -> None:
        self.by(caller, app, "GetSettings", app_id=app, version=version)

    @rule(app=apps, caller=callers, product=st.integers(0, 3))
    def look_at_banks(self, app: str, caller: str, product: int) -> None:
        self.by(caller, app, "ListAppBanks", app_id=app, product=product, page_size=3)
        self.by(caller, app, "ListBanks", country_codes=["AQ"], page_size=3)

    @rule(target=endpoints, app=apps, caller=callers, types=_TYPES, request_id=requests)
    def make_an_endpoint(self, app: str, caller: str, types: list[str], request_id: str) -> Any:
        uri = f"{self.stage.receiver}/{app}"
        fields = {"uri": uri, "event_types": types, "request_id": request_id}
        said = self.by(caller, app, "CreateEndpoint", app_id=app, **fields)
        return self.new(said and said.endpoint.id)

    @rule(app=apps, more=st.integers(6, 11))
    def make_many_endpoints(self, app: str, more: int) -> None:
        fields = {"uri": f"{self.stage.receiver}/many", "event_types": ["transfer.*"]}
        for _ in range(more):
            self.by(OWNER, app, "CreateEndpoint", app_id=app, **fields)

    @rule(
        endpoint=endpoints,
        caller=callers,
        path=st.sampled_from(["disabled", "disabled", "event_types", "display_name", "*"]),
        disabled=st.booleans(),
        types=_TYPES,
        etag=_ETAGS,
    )
    def change_an_endpoint(
        self,
        endpoint: str,
        caller: str,
        path: str,
        disabled: bool,  # noqa: FBT001
        types: list[str],
        etag: str,
    ) -> None:
        self.settle()
        known = self.world.endpoints[endpoint]
        new = {"id": endpoint, "uri": known["uri"], "event_types": types, "disabled": disabled}
        new |= {"display_name": "Hook", "etag": self.etag(etag, known["etag"])}
        mask = {"paths": [path]}
        self.by(caller, known["app_id"], "UpdateEndpoint", endpoint=new, update_mask=mask)
        self.by(caller, known["app_id"], "GetEndpoint", endpoint_id=endpoint)

    @rule(endpoint=endpoints, caller=callers)
    def delete_an_endpoint(self, endpoint: str, caller: str) -> None:
        self.settle()
        app = self.world.endpoints[endpoint]["app_id"]
        self.by(caller, app, "DeleteEndpoint", endpoint_id=endpoint)

    @rule(
        endpoint=endpoints,
        caller=callers,
        overlap=st.sampled_from([None, 0, 60, 7 * 86_400]),
        times=st.sampled_from([1, 1, 6]),
        request_id=requests,
    )
    def rotate_a_signing_secret(
        self, endpoint: str, caller: str, overlap: int | None, times: int, request_id: str
    ) -> None:
        app = self.world.endpoints[endpoint]["app_id"]
        fields: Record = {"endpoint_id": endpoint, "request_id": request_id}
        if overlap is not None:
            fields["overlap"] = {"seconds": overlap}
        for _ in range(times):
            self.by(caller, app, "RotateSigningSecret", **fields)

    @rule(endpoint=endpoints, caller=callers)
    def send_a_test(self, endpoint: str, caller: str) -> None:
        app = self.world.endpoints[endpoint]["app_id"]
        self.by(caller, app, "SendTestEvent", endpoint_id=endpoint)

    @rule(
        app=apps,
        caller=services,
        event_id=st.sampled_from(["conn-1", "conn-2", "conn-3"]),
        kind=st.sampled_from(["connection.ready", "connection.ready", "transfer.done", "link.x"]),
        payload=st.sampled_from(["{}", '{"connection":1}']),
    )
    def publish(self, app: str, caller: str, event_id: str, kind: str, payload: str) -> None:
        fields = {"app_id": app, "event_id": event_id, "type": kind, "payload_json": payload}
        self.service(caller, "PUBLISHER", "PublishEvent", **fields)

    @rule(
        endpoint=endpoints,
        caller=callers,
        event_id=st.sampled_from(["", "", "conn-1", "conn-2", "nothing"]),
        validate_only=st.booleans(),
    )
    def redeliver(
        self,
        endpoint: str,
        caller: str,
        event_id: str,
        validate_only: bool,  # noqa: FBT001
    ) -> None:
        self.settle()
        app = self.world.endpoints[endpoint]["app_id"]
        fields: Record = {"event_id": event_id} if event_id else {"start_time": {"seconds": 1}}
        fields |= {"endpoint_id": endpoint, "validate_only": validate_only}
        self.by(caller, app, "RedeliverEvents", **fields)

    def present(self, app: str) -> Record:
        return self.world.versions[app][-1]
