"""Which sessions a row of the journal ends, and when."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from finlink_server.storage.feed import Row


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a session: its reason, and its time, which may be yet to come."""

    session_id: str
    reason: str
    time: int


# Rows that end the one session of a secret, which is named among their facts.
_OF_A_SECRET: Final = {"secret.revoked", "secret.leaked", "secret.rotated"}
_OF_MANY: Final = {"app.deleted": "APP_DELETED", "account.suspended": "ACCOUNT_SUSPENDED"}
_OF_ONE: Final = {"session.ended": "ENDED", "session.revoked": "REVOKED"}
TYPES: Final = (*_OF_A_SECRET, *_OF_MANY, *_OF_ONE, "session.started")


def of_row(row: Row) -> Iterator[Ending]:
    """Give the endings that a row tells of."""
    if row.type in _OF_ONE:
        yield Ending(row.target_id, _OF_ONE[row.type], row.time)
        return
    if row.type not in TYPES:
        return
    facts: dict[str, Any] = json.loads(row.facts)
    if row.type in _OF_MANY:
        for session_id in facts["ended_sessions"]:
            yield Ending(session_id, _OF_MANY[row.type], row.time)
    elif row.type == "session.started" and facts.get("superseded"):
        yield Ending(facts["superseded"], "SUPERSEDED", row.time)
    elif row.type in _OF_A_SECRET:
        if facts.get("ended_session"):
            yield Ending(facts["ended_session"], "SECRET_REVOKED", row.time)
        if facts.get("shortened_session"):
            yield Ending(facts["shortened_session"], "SECRET_EXPIRED", facts["shortened_until"])
