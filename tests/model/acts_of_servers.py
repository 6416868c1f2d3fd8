"""What is done with client secrets and sessions."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.model.stage import (
    ELSEWHERE,
    OFFICE,
    OWNER,
    WRONG,
    addresses,
    apps,
    callers,
    keys,
    owners,
    requests,
    secrets,
    services,
    sessions_,
    tokens,
)
from tests.model.talk import HOME
from tests.model.waits import Waits

from finlink_server.credentials import CLIENT_SECRET_TEST, checksum

_SCOPES = st.sampled_from([[], [], ["read"], ["write"], ["delete"], ["read", "write"]])


class Servers(Waits):
    """Secrets and sessions."""

    @rule(
        target=secrets,
        app=apps,
        caller=callers,
        scopes=_SCOPES,
        life=st.sampled_from([None, None, None, 0, 900, 5400, 3 * 86_400]),
        cidrs=st.sampled_from([[], [], [], [OFFICE]]),
        request_id=requests,
    )
    def make_a_secret(
        self,
        app: str,
        caller: str,
        scopes: list[str],
        life: int | None,
        cidrs: list[str],
        request_id: str,
    ) -> Any:
        fields: dict[str, Any] = {"app_id": app, "display_name": "backend", "scopes": scopes}
        fields |= {"allowed_cidrs": cidrs, "request_id": request_id}
        if life is not None:
            fields["expire_time"] = {"seconds": self.clock() // 1_000_000 + life}
        said = self.by(caller, app, "CreateSecret", **fields)
        return self.new(said and said.secret.id)

    @rule(app=apps, more=st.integers(3, 6))
    def make_many_secrets(self, app: str, more: int) -> None:
        for _ in range(more):
            self.by(OWNER, app, "CreateSecret", app_id=app, display_name="one of many")

    @rule(
        target=secrets,
        secret=secrets,
        caller=owners,
        overlap=st.sampled_from([None, 0, 0, 60, 1800, 7 * 86_400]),
        is_right=st.sampled_from([True, True, True, False]),
        request_id=requests,
    )
    def rotate_a_secret(
        self,
        secret: str,
        caller: str,
        overlap: int | None,
        is_right: bool,  # noqa: FBT001
        request_id: str,
    ) -> Any:
        app = self.world.secrets[secret]["app_id"]
        password = self.password_of(self.world.apps[app]["account_id"])
        fields: dict[str, Any] = {"password": password if is_right else WRONG}
        if overlap is not None:
            fields["overlap"] = {"seconds": overlap}
        said = self.by(
            caller, app, "RotateSecret", secret_id=secret, request_id=request_id, **fields
        )
        return self.new(said and said.secret.id)

    @rule(
        secret=secrets,
        caller=owners,
        is_right=st.sampled_from([True, True, True, False]),
        validate_only=st.booleans(),
    )
    def revoke_a_secret(
        self,
        secret: str,
        caller: str,
        is_right: bool,  # noqa: FBT001
        validate_only: bool,  # noqa: FBT001
    ) -> None:
        app = self.world.secrets[secret]["app_id"]
        password = self.password_of(self.world.apps[app]["account_id"])
        fields = {"password": password if is_right else WRONG, "validate_only": validate_only}
        self.by(caller, app, "RevokeSecret", secret_id=secret, **fields)

    @rule(secret=secrets, caller=services)
    def end_a_secret(self, secret: str, caller: str) -> None:
        self.service(caller, "OPERATOR", "EndSecret", secret_id=secret, comment="Seen in a log")

    @rule(secret=st.one_of(secrets, st.just("")))
    def report_a_leak(self, secret: str) -> None:
        text = self.world.secrets[secret]["client_secret"] if secret else _leak_of_nobody()
        self.ask("", "ReportLeakedSecret", client_secret=text)

    @rule(
        secret=secrets,
        caller=callers,
        name=st.sampled_from(["backend", "frontend"]),
        cidrs=st.sampled_from([[], [OFFICE]]),
        path=st.sampled_from(["display_name", "allowed_cidrs", "*"]),
        etag=st.sampled_from(["none", "none", "present", "other"]),
    )
    def change_a_secret(
        self, secret: str, caller: str, name: str, cidrs: list[str], path: str, etag: str
    ) -> None:
        known = self.world.secrets[secret]
        new = {"id": secret, "display_name": name, "allowed_cidrs": cidrs}
        new["etag"] = self.etag(etag, known["etag"])
        mask = {"paths": [path]}
        self.by(caller, known["app_id"], "UpdateSecret", secret=new, update_mask=mask)
        self.by(caller, known["app_id"], "GetSecret", secret_id=secret)

    @rule(target=sessions_, secret=secrets, scopes=_SCOPES, address=addresses)
    def log_in_once(self, secret: str, scopes: list[str], address: str) -> Any:
        said = self.log_in(secret, address, scopes=scopes)
        return self.new(said and said.session.id)

    @rule(target=sessions_, secret=secrets)
    def log_in_with_everything(self, secret: str) -> Any:
        said = self.log_in(secret, ELSEWHERE)
        return self.new(said and said.session.id)

    @rule(secret=secrets, app=apps)
    def log_in_to_some_app(self, secret: str, app: str) -> None:
        self.log_in(secret, client_id=app)
        self.log_in(secret, client_secret=_leak_of_nobody())

    @rule(session=sessions_, address=addresses)
    def end_a_session(self, session: str, address: str) -> None:
        self.ask(session, "EndSession", address)

    @rule(session=sessions_, caller=callers)
    def revoke_a_session(self, session: str, caller: str) -> None:
        app = self.world.sessions[session]["app_id"]
        self.by(caller, app, "RevokeSession", session_id=session)

    @rule(
        session=st.one_of(sessions_, st.just("")),
        caller=st.one_of(sessions_, tokens, keys),
        address=st.sampled_from([HOME, ELSEWHERE]),
    )
    def look_at_a_session(self, session: str, caller: str, address: str) -> None:
        self.ask(caller, "GetSession", address, session_id=session)

    @rule(
        who=st.one_of(sessions_, sessions_, tokens, keys),
        caller=services,
        required=_SCOPES,
        is_forged=st.sampled_from([False, False, False, True]),
    )
    def validate(
        self,
        who: str,
        caller: str,
        required: list[str],
        is_forged: bool,  # noqa: FBT001
    ) -> None:
        token = self.credential(who)
        if is_forged and "." in token:  # another's signature
            token = token.rpartition(".")[0] + ".AAAA"
        fields = {"access_token": token, "required_scopes": required}
        self.service(caller, "VERIFIER", "ValidateSession", **fields)
        self.root("ValidateSession", **fields)


def _leak_of_nobody() -> str:
    text = CLIENT_SECRET_TEST.prefix + "0" * 39
    return text + checksum(text)
