"""Every event of the service's own, caused through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from tests import people
from tests.errors import refused
from tests.hooks import NewHook
from tests.link_urls import auth_token_for, open_link

from finlink.config import v1

DAY = 24 * 3600
_MICROSECONDS = 1_000_000


@dataclass
class Cause:
    """What happens to an app; a method makes it happen and gives the data of its event."""

    account: people.Account
    app: v1.App
    nobody: people.Caller
    front_end: people.Caller
    clock: Any
    new_hook: NewHook

    def secret_created(self) -> dict[str, Any]:
        end = self._now() + DAY
        made = people.new_secret(
            self.account, self.app, scopes=["read"], expire_time={"seconds": end}
        )
        return {
            "secret_id": made.id,
            "hint": made.plaintext[-4:],
            "scopes": ["read"],
            "expire_time": _text(Timestamp(seconds=end)),
        }

    def secret_rotated(self) -> dict[str, Any]:
        old = self._secret()
        session = old.start()
        new = self.account.secrets.RotateSecret(
            secret_id=old.id, password=self.account.password, overlap={"seconds": 0}
        ).secret
        return {
            "secret_id": old.id,
            "replaced_by": new.id,
            "overlap_seconds": 0,
            "ended_session_id": session.id,
        }

    def secret_revoked(self) -> dict[str, Any]:
        secret = self._secret()
        session = secret.start()
        self.account.secrets.RevokeSecret(secret_id=secret.id, password=self.account.password)
        return {
            "secret_id": secret.id,
            "hint": secret.plaintext[-4:],
            "reason": "REVOKED",
            "ended_session_id": session.id,
        }

    def secret_leaked(self) -> dict[str, Any]:
        secret = self._secret()
        self.nobody.secrets.ReportLeakedSecret(client_secret=secret.plaintext)
        return {
            "secret_id": secret.id,
            "hint": secret.plaintext[-4:],
            "ended_session_id": None,
        }

    def secret_expiring(self) -> dict[str, Any]:
        end = self._now() + 8 * DAY
        secret = people.new_secret(self.account, self.app, expire_time={"seconds": end})
        self.clock.advance_to(end - 7 * DAY + 61)
        return {
            "secret_id": secret.id,
            "hint": secret.plaintext[-4:],
            "expire_time": _text(Timestamp(seconds=end)),
            "days_left": 7,
        }

    def session_superseded(self) -> dict[str, Any]:
        secret = self._secret()
        older, newer = secret.start(), secret.start()
        return {"session_id": older.id, "superseded_by": newer.id, "secret_id": secret.id}

    def session_revoked(self) -> dict[str, Any]:
        secret = self._secret()
        session = secret.start()
        self.account.sessions.RevokeSession(session_id=session.id)
        return {"session_id": session.id, "secret_id": secret.id}

    def settings_updated(self) -> dict[str, Any]:
        people.force_auth_token(self.account, self.app)
        return {
            "version": 2,
            "changed_paths": ["link.force_auth_token"],
            "rolled_back_to": None,
        }

    def link_opened(self) -> dict[str, Any]:
        token = self._auth_token()
        link = open_link(self.front_end, authToken=token)
        return {"link_id": link.id, "link_token_id": link.link_token_id}

    def link_refused(self) -> dict[str, Any]:
        token = self._auth_token()
        open_link(self.front_end, authToken=token)
        self.clock.advance_to((self._now() // 60 + 1) * 60)
        first = self.clock()
        for _ in range(3):
            with refused(reason="LINK_TOKEN_USED_UP"):
                open_link(self.front_end, authToken=token)
        self.clock.advance(seconds=70)
        return {"reason": "LINK_TOKEN_USED_UP", "count": 3, "first_time": After(first)}

    def endpoint_disabled(self) -> dict[str, Any]:
        other = self.new_hook("/other", event_types=["connection.*"])
        self.account.webhooks.UpdateEndpoint(
            endpoint={"id": other.id, "disabled": True}, update_mask={"paths": ["disabled"]}
        )
        return {"endpoint_id": other.id, "disabled_reason": "REQUESTED"}

    def _secret(self) -> people.Secret:
        return people.new_secret(self.account, self.app)

    def _auth_token(self) -> str:
        redirect_id = people.add_redirect(self.account, self.app)
        return auth_token_for(self.account, self.app, redirect_id)

    def _now(self) -> int:
        return int(self.clock()) // _MICROSECONDS


class After:
    """Equals any time, as an event writes it, within a minute after this one."""

    def __init__(self, micros: int) -> None:
        self._from = datetime.fromtimestamp(micros / _MICROSECONDS, UTC)

    def __eq__(self, other: object) -> bool:
        passed = datetime.fromisoformat(str(other)) - self._from
        return 0 <= passed.total_seconds() < 60

    def __hash__(self) -> int:
        return hash(self._from)


def _text(time: Timestamp) -> str:
    return f"{time.ToDatetime():%Y-%m-%dT%H:%M:%S.%f}Z"


# By type. `webhook.test` has no place here: it goes to one endpoint, whatever happens.
CAUSES: dict[str, Callable[[Cause], dict[str, Any]]] = {
    name.replace("_", ".", 1): function
    for name, function in vars(Cause).items()
    if not name.startswith("_")
}
