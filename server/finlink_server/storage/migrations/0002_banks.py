"""The bank catalogue, and the version of the settings under which each Link opened.

Migrations never change once released: this is a frozen copy, not the model. The table of
banks is filled by `domain.bank_import`, once, when the database is opened.
"""

from typing import Any

from peewee import Database

TABLES = """
CREATE TABLE bank (
    id TEXT NOT NULL PRIMARY KEY,
    country_code TEXT NOT NULL,
    display_name TEXT NOT NULL,
    short_name TEXT NOT NULL,
    bics TEXT NOT NULL,
    bank_codes TEXT NOT NULL,
    products TEXT NOT NULL,
    maturity TEXT NOT NULL,
    status TEXT NOT NULL,
    logo_uri TEXT NOT NULL,
    source TEXT NOT NULL,
    corrections TEXT NOT NULL,
    registry_fingerprint TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    remove_time BIGINT
);
CREATE INDEX bank_country ON bank (country_code);

ALTER TABLE link ADD COLUMN settings_version BIGINT NOT NULL DEFAULT 1;
UPDATE link SET settings_version = (
    SELECT max(made.version) FROM settings_version AS made
    WHERE made.app_id = link.app_id AND made.create_time <= link.create_time
);
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the table and the column."""
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute_sql(statement)
