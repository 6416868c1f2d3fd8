"""Which fields of a thing its table shows, the most telling first.

The first is what one copies, so it is always there; the last ones are left out where a terminal
is narrow. What is not here shows all its fields.
"""

from typing import Final

COLUMNS: Final = {
    "Account": ("id", "email", "state", "display_name", "create_time"),
    "App": ("id", "display_name", "environment", "public_name", "create_time"),
    "AppBank": ("bank.id", "bank.display_name", "pinned", "bank.status", "bank.country_code"),
    "AuditEvent": (
        "id",
        "event_time",
        "type",
        "target_id",
        "actor.kind",
        "actor.id",
        "client_address",
        "count",
    ),
    "Attempt": ("start_time", "status", "latency", "problem", "response"),
    "Bank": ("id", "display_name", "status", "country_code", "bics", "products"),
    "Delivery": ("id", "state", "event_type", "attempt_count", "create_time", "endpoint_id"),
    "Endpoint": ("id", "uri", "disabled", "event_types", "display_name", "failing_since_time"),
    "Event": ("id", "type", "event_time"),
    "EventType": ("name", "description"),
    "Link": ("id", "state", "source", "create_time", "expire_time", "link_token_id"),
    "LinkToken": ("id", "state", "opens", "max_opens", "expire_time", "create_time"),
    "Secret": (
        "id",
        "display_name",
        "state",
        "hint",
        "last_use_time",
        "expire_time",
        "scopes",
        "create_time",
    ),
    "ServiceKey": ("id", "display_name", "roles", "hint", "create_time", "revoke_time"),
    "Session": ("id", "secret_id", "create_time", "end_time", "end_reason", "expire_time"),
    "SettingsVersion": ("version", "create_time", "comment", "changes", "author.id"),
    "SigningKey": ("kid", "create_time"),
    "ValidateSessionResponse": (
        "active",
        "inactive_reason",
        "session.id",
        "session.app_id",
        "missing_scopes",
    ),
}
