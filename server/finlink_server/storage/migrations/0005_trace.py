"""Where the trace of an event's call is kept, for the webhooks that tell of it.

The version before neither writes nor reads it: its webhooks carry no trace.
"""

from typing import Any

from peewee import Database

TABLES = """
CREATE TABLE event_trace (
    event_id TEXT NOT NULL PRIMARY KEY,
    traceparent TEXT NOT NULL,
    time BIGINT NOT NULL
);
CREATE INDEX event_trace_time ON event_trace (time);
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the table."""
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute_sql(statement)
