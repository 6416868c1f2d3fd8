"""What must hold in the database whatever happened: each thing is absent or whole.

The journal has a row for each change, in the change's own transaction. So whatever stands
without its row, or has a row and does not stand, is half a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.faults.stores import Store

# Pairs of queries that must give the same ids.
_TIES = {
    "secrets and their rows": (
        "SELECT id FROM secret",
        """SELECT target_id FROM journal WHERE type = 'secret.created'
        UNION ALL SELECT replaced_by FROM secret WHERE replaced_by IS NOT NULL""",
    ),
    "rotations and their rows": (
        "SELECT id FROM secret WHERE replaced_by IS NOT NULL",
        "SELECT target_id FROM journal WHERE type = 'secret.rotated'",
    ),
    "revocations and their rows": (
        "SELECT id FROM secret WHERE end_reason = 'REVOKED'",
        "SELECT target_id FROM journal WHERE type = 'secret.revoked'",
    ),
    "sessions and their rows": (
        "SELECT id FROM session",
        "SELECT target_id FROM journal WHERE type = 'session.started'",
    ),
    "sessions that were ended and their rows": (
        "SELECT id FROM session WHERE end_reason = 'ENDED'",
        "SELECT target_id FROM journal WHERE type = 'session.ended'",
    ),
    "Link tokens and their rows": (
        "SELECT id FROM link_token",
        "SELECT target_id FROM journal WHERE type = 'link_token.created'",
    ),
    "Links and their rows": (
        "SELECT id FROM link",
        "SELECT target_id FROM journal WHERE type = 'link.opened'",
    ),
    "endpoints and their rows": (
        "SELECT id FROM endpoint",
        "SELECT target_id FROM journal WHERE type = 'endpoint.created'",
    ),
    "endpoints and their signing secrets": (
        "SELECT id FROM endpoint",
        "SELECT endpoint_id FROM signing_secret",
    ),
    "signing keys and their rows": (
        "SELECT kid FROM signing_key",
        "SELECT target_id FROM journal WHERE type = 'signing_key.created'",
    ),
}
# Queries that must find nothing.
_NEVER = {
    "more than 5 live secrets of an app, retiring ones included": """
        SELECT app_id FROM secret WHERE revoke_time IS NULL
        AND (expire_time IS NULL OR expire_time > (SELECT max(time) FROM journal))
        GROUP BY app_id HAVING count(*) > 5""",
    "more than one open session of a secret": """
        SELECT secret_id FROM session WHERE end_time IS NULL
        GROUP BY secret_id HAVING count(*) > 1""",
    "an open session of a revoked secret": """
        SELECT session.id FROM session JOIN secret ON secret.id = session.secret_id
        WHERE session.end_time IS NULL AND secret.revoke_time IS NOT NULL""",
    "a superseded session without the one that came after it": """
        SELECT id FROM session WHERE end_reason = 'SUPERSEDED' AND superseded_by NOT IN
        (SELECT id FROM session)""",
    "a Link token that counts other opens than it has": """
        SELECT link_token.id FROM link_token LEFT JOIN link ON link_token_id = link_token.id
        GROUP BY link_token.id, opens HAVING count(link.id) <> opens""",
    "a Link token with more opens than it may have": """
        SELECT id FROM link_token WHERE opens > max_opens""",
    "a gap between an app's versions of settings": """
        SELECT app_id FROM settings_version GROUP BY app_id
        HAVING min(version) <> 1 OR max(version) <> count(*)""",
    "a delivery of no event": """
        SELECT id FROM delivery WHERE event_seq NOT IN (SELECT seq FROM journal)""",
    "a published event that waits to be sent and has no payload": """
        SELECT id FROM delivery WHERE event_type LIKE 'connection.%'
        AND state IN ('PENDING', 'SENDING')
        AND event_seq NOT IN (SELECT event_seq FROM event_payload)""",
    "a row of the journal twice": """
        SELECT id FROM journal GROUP BY id HAVING count(*) > 1""",
}
_MADE = {
    "CreateSecret": "secret",
    "RotateSecret": "secret",
    "CreateLinkToken": "link_token",
    "OpenLink": "link",
    "CreateEndpoint": "endpoint",
}


def audit(store: Store) -> list[str]:
    """Everything that is wrong."""
    return [*store.damage(), *_untied(store), *_forbidden(store), *_versions(store), *_gaps(store)]


def _untied(store: Store) -> Iterator[str]:
    for name, (one, other) in _TIES.items():
        things = sorted(str(row[0]) for row in store.read(one))
        told = sorted(str(row[0]) for row in store.read(other))
        if things != told:
            differ = set(things) ^ set(told) or "some twice"
            yield f"{name} differ: {differ}"


def _forbidden(store: Store) -> Iterator[str]:
    for name, sql in _NEVER.items():
        for row in store.read(sql):
            yield f"{name}: {row[0]}"
    for method, table in _MADE.items():
        made = store.read(
            f"SELECT resource_id FROM idempotency WHERE method LIKE ?"  # noqa: S608
            f" AND resource_id NOT IN (SELECT id FROM {table})",
            f"%/{method}",
        )
        for row in made:
            yield f"a request_id that names nothing: {row[0]}"


def _versions(store: Store) -> Iterator[str]:
    """Tie each version of settings to its row: the first is the app's."""
    things = sorted(store.read("SELECT app_id, version FROM settings_version WHERE version > 1"))
    rows = store.read("SELECT app_id, facts FROM journal WHERE type = 'settings.updated'")
    told = sorted((app_id, json.loads(facts)["version"]) for app_id, facts in rows)
    if things != told:
        yield f"versions of settings and their rows differ: {set(things) ^ set(told)}"


def _gaps(store: Store) -> Iterator[str]:
    """Find no number of the journal missing."""
    [(lowest, highest, count)] = store.read("SELECT min(seq), max(seq), count(*) FROM journal")
    if not store.has_gaps and highest - lowest + 1 != count:
        yield f"the journal has {count} rows from {lowest} to {highest}"
