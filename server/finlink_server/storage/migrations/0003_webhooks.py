"""Webhooks: endpoints with their signing secrets, deliveries with their attempts.

Migrations never change once released: this is a frozen copy, not the model. Rows of the
journal from before have no `event`, so nobody is told of them anew.
"""

from typing import Any

from peewee import Database, SqliteDatabase

TABLES = """
ALTER TABLE journal ADD COLUMN event TEXT NOT NULL DEFAULT '';
CREATE INDEX journal_event ON journal (seq) WHERE event <> '';
CREATE INDEX journal_app_event ON journal (app_id, seq) WHERE event <> '';

CREATE TABLE event_payload (
    event_seq BIGINT NOT NULL PRIMARY KEY,
    sealed_payload {blob} NOT NULL
);

CREATE TABLE endpoint (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES app (id),
    uri TEXT NOT NULL,
    event_types TEXT NOT NULL,
    display_name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    from_seq BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    disable_time BIGINT,
    disabled_reason TEXT,
    failing_since_time BIGINT,
    hold_until BIGINT NOT NULL,
    delete_time BIGINT
);
CREATE INDEX endpoint_app ON endpoint (app_id, id);

CREATE TABLE signing_secret (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES endpoint (id),
    sealed_secret {blob} NOT NULL,
    hint TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT
);
CREATE INDEX signing_secret_endpoint ON signing_secret (endpoint_id);

CREATE TABLE delivery (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES endpoint (id),
    app_id TEXT NOT NULL,
    event_seq BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    cancel_reason TEXT,
    attempt_count INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_attempt_time BIGINT,
    lease TEXT,
    lease_until BIGINT,
    create_time BIGINT NOT NULL,
    end_time BIGINT
);
CREATE INDEX delivery_endpoint ON delivery (endpoint_id, id);
CREATE INDEX delivery_app ON delivery (app_id, id);
CREATE INDEX delivery_event ON delivery (event_seq, endpoint_id);
CREATE INDEX delivery_due ON delivery (endpoint_id, next_attempt_time) WHERE state = 'PENDING';
CREATE INDEX delivery_sending ON delivery (endpoint_id, lease_until) WHERE state = 'SENDING';
CREATE INDEX delivery_ended ON delivery (end_time) WHERE end_time IS NOT NULL;

CREATE TABLE attempt (
    delivery_id TEXT NOT NULL REFERENCES delivery (id),
    number INTEGER NOT NULL,
    start_time BIGINT NOT NULL,
    latency BIGINT NOT NULL,
    status INTEGER,
    problem TEXT NOT NULL,
    sealed_response {blob},
    truncated INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

CREATE INDEX secret_expiring ON secret (expire_time)
    WHERE revoke_time IS NULL AND expire_time IS NOT NULL;

CREATE TABLE rate (
    key TEXT NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL,
    count INTEGER NOT NULL
);
CREATE INDEX rate_until ON rate (until);
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the tables and the column."""
    blob = "BLOB" if isinstance(db, SqliteDatabase) else "BYTEA"
    for statement in TABLES.format(blob=blob).split(";"):
        if statement.strip():
            db.execute_sql(statement)
