"""What has ended before its token: sessions, and signing keys."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from finlink_server import ids, tokens
from finlink_server.domain import endings, logins
from finlink_server.env import MICROSECONDS, Env
from finlink_server.storage.feed import Row
from finlink_server.storage.models import Session, SigningKey

TYPES: Final = frozenset({*endings.TYPES, "signing_key.revoked"})
_LIFETIME: Final = logins.LIFETIME * MICROSECONDS
_SKEW: Final = 10 * MICROSECONDS  # between the clocks of those who serve


@dataclass(frozen=True, slots=True)
class Revocation:
    """The end of a session or of a key; one of the two is empty."""

    session_id: str
    kid: str
    reason: str
    time: int


def of_rows(rows: Iterable[Row]) -> Iterator[Revocation]:
    """Give what rows of the journal have ended, in order."""
    for row in rows:
        if row.type == "signing_key.revoked":
            if json.loads(row.facts)["kind"] == tokens.Kind.SESSION.name:
                yield Revocation("", row.target_id, "KEY_REVOKED", row.time)
            continue
        for ending in endings.of_row(row):
            yield Revocation(ending.session_id, "", ending.reason, ending.time)


def of_living_tokens(env: Env) -> Iterator[Revocation]:
    """Give what has ended, or will end early, although its token has not expired."""
    since = env.now() - _LIFETIME - _SKEW
    keys = SigningKey.select().where(
        SigningKey.kind == tokens.Kind.SESSION.name, SigningKey.revoke_time > since
    )
    for key in keys:
        yield Revocation("", key.kid, "KEY_REVOKED", int(key.revoke_time or 0))
    recent = Session.select().where(  # ids are in the order of time
        Session.id >= ids.earliest("ses", since),
        # One that ran out with its token is closed by the next login, and revoked by nobody.
        (~Session.end_time.is_null() & (Session.end_reason != "EXPIRED"))
        | (Session.end_time.is_null() & (Session.expire_reason == "SECRET_EXPIRED")),
    )
    for session in recent.iterator():
        if session.end_time is not None:
            yield Revocation(session.id, "", session.end_reason, session.end_time)
        else:
            yield Revocation(session.id, "", session.expire_reason, session.expire_time)
