"""What became of secrets and sessions, as far as the answers tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.customers import Scene
from tests.faults.ledger import Entry, Outcome


@dataclass
class History:
    """Ids; what is doubtful is what a call may have done that was never answered."""

    secrets: dict[str, str] = field(default_factory=dict)  # to the owner's token
    replaced: dict[str, str] = field(default_factory=dict)  # to the successor
    revoked: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)  # secrets
    started: list[Any] = field(default_factory=list)  # answers of StartSession
    ended: set[str] = field(default_factory=set)  # sessions
    doubtful_apps: set[str] = field(default_factory=set)  # one of whose sessions is superseded
    doubtful_tokens: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, scene: Scene, entries: Sequence[Entry]) -> History:
        history = cls()
        owners = {owner.app_id: owner.token for owner in scene.customers}
        for entry in entries:
            if entry.is_answered:
                history._take(entry, owners)
            elif entry.outcome is Outcome.UNKNOWN:
                history._doubt(entry)
        return history

    def has_ended(self, answer: Any) -> bool:
        return answer.session.id in self.ended or answer.session.secret_id in self.revoked

    def may_have_ended(self, answer: Any) -> bool:
        session = answer.session
        return (
            self.has_ended(answer)
            or session.secret_id in self.doubtful
            or session.app_id in self.doubtful_apps
            or answer.access_token in self.doubtful_tokens
        )

    def _take(self, entry: Entry, owners: dict[str, str]) -> None:
        if entry.is_("CreateSecret", "RotateSecret"):
            self.secrets[entry.answer.secret.id] = owners[entry.answer.secret.app_id]
        if entry.is_("RotateSecret"):
            self.replaced[entry.request.secret_id] = entry.answer.secret.id
        if entry.is_("RevokeSecret", "RotateSecret"):
            self.secrets[entry.request.secret_id] = entry.credential
        if entry.is_("RevokeSecret") or (
            entry.is_("RotateSecret") and not entry.request.overlap.seconds
        ):
            self.revoked.add(entry.request.secret_id)
        if entry.is_("StartSession"):
            self.started.append(entry.answer)
            self.ended.add(entry.answer.superseded_session_id)
        if entry.is_("EndSession"):
            self.ended.add(entry.answer.session.id)

    def _doubt(self, entry: Entry) -> None:
        if entry.method in {"RevokeSecret", "RotateSecret"}:
            self.doubtful.add(entry.request.secret_id)
        if entry.method == "StartSession":
            self.doubtful_apps.add(entry.request.client_id)
        if entry.method == "EndSession":
            self.doubtful_tokens.add(entry.credential)
