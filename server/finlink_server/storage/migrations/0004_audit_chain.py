"""The journal's rows are chained, so that whoever alters it is found out.

Columns may be empty: the version before writes on while its servers are replaced one by
one. What it writes after `migrate` has no place in a chain, and for good: `audit verify`
names such rows ADDED, for nothing tells them from rows that somebody slipped in. Who wants
none stops the version before first. Rows from before are chained by whoever prepares the
database, which has the key: see `domain/audit_beginning`.
"""

from typing import Any

from peewee import Database, SqliteDatabase

TABLES = """
ALTER TABLE journal ADD COLUMN chain_number BIGINT;
ALTER TABLE journal ADD COLUMN chain_mac {blob};
ALTER TABLE journal ADD COLUMN count_mac {blob};

CREATE TABLE journal_chain (
    account_id TEXT NOT NULL PRIMARY KEY,
    head {blob} NOT NULL
);
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the columns and the table."""
    blob = "BLOB" if isinstance(db, SqliteDatabase) else "BYTEA"
    for statement in TABLES.format(blob=blob).split(";"):
        if statement.strip():
            db.execute_sql(statement)
