"""Everything that the main job needs: credentials, apps, sessions, Link, the journal.

Migrations never change once released: this is a frozen copy, not the models.
"""

from typing import Any

from peewee import Database, SqliteDatabase

TABLES = """
CREATE TABLE property (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    public {blob} NOT NULL,
    sealed_private {blob} NOT NULL,
    create_time BIGINT NOT NULL,
    sign_from_time BIGINT NOT NULL,
    revoke_time BIGINT
);

CREATE TABLE service_key (
    id TEXT NOT NULL PRIMARY KEY,
    lookup TEXT NOT NULL UNIQUE,
    sealed_hash {blob} NOT NULL,
    hint TEXT NOT NULL,
    display_name TEXT NOT NULL,
    roles TEXT NOT NULL,
    event_prefixes TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    revoke_time BIGINT
);

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    sealed_password {blob},
    setup_lookup TEXT UNIQUE,
    sealed_setup_hash {blob},
    setup_expire_time BIGINT,
    create_time BIGINT NOT NULL,
    suspend_time BIGINT
);

CREATE TABLE account_token (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    end_time BIGINT,
    end_reason TEXT,
    password_failures INTEGER NOT NULL
);
CREATE INDEX account_token_account ON account_token (account_id);

CREATE TABLE sign_in_failure (
    key TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_time BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_failure_last_time ON sign_in_failure (last_time);

CREATE TABLE app (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    display_name TEXT NOT NULL,
    public_name TEXT NOT NULL,
    environment TEXT NOT NULL,
    revision INTEGER NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    delete_time BIGINT
);
CREATE INDEX app_account ON app (account_id);

CREATE TABLE secret (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES app (id),
    lookup TEXT NOT NULL UNIQUE,
    sealed_hash {blob} NOT NULL,
    hint TEXT NOT NULL,
    display_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    allowed_cidrs TEXT NOT NULL,
    revision INTEGER NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT,
    revoke_time BIGINT,
    end_reason TEXT,
    replaced_by TEXT,
    last_use_time BIGINT
);
CREATE INDEX secret_app ON secret (app_id);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    secret_id TEXT NOT NULL REFERENCES secret (id),
    app_id TEXT NOT NULL REFERENCES app (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    environment TEXT NOT NULL,
    scopes TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    expire_reason TEXT NOT NULL,
    end_time BIGINT,
    end_reason TEXT,
    superseded_by TEXT
);
CREATE INDEX session_app ON session (app_id, id);
CREATE INDEX session_account_open ON session (account_id) WHERE end_time IS NULL;
CREATE UNIQUE INDEX session_one_open ON session (secret_id) WHERE end_time IS NULL;

CREATE TABLE settings_version (
    app_id TEXT NOT NULL REFERENCES app (id),
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    etag TEXT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    comment TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (app_id, version)
);

CREATE TABLE redirect (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES app (id)
);

CREATE TABLE link_token (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES app (id),
    sealed_parameters {blob} NOT NULL,
    max_opens INTEGER NOT NULL,
    opens INTEGER NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    revoke_time BIGINT
);
CREATE INDEX link_token_app ON link_token (app_id, id);

CREATE TABLE link (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES app (id),
    link_token_id TEXT REFERENCES link_token (id),
    sealed_parameters {blob} NOT NULL,
    ignored_parameters TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    revoke_time BIGINT
);
CREATE INDEX link_app ON link (app_id, id);
CREATE INDEX link_token_links ON link (link_token_id) WHERE link_token_id IS NOT NULL;

CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    body_mac {blob} NOT NULL,
    resource_id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (caller, method, request_id)
);
CREATE INDEX idempotency_create_time ON idempotency (create_time);

CREATE TABLE journal (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    time BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    facts TEXT NOT NULL,
    call_id TEXT NOT NULL,
    client_trace_id TEXT NOT NULL,
    client_address TEXT NOT NULL,
    once TEXT UNIQUE,
    count BIGINT NOT NULL
);
CREATE INDEX journal_account ON journal (account_id, seq);
CREATE INDEX journal_app ON journal (app_id, seq);
CREATE INDEX journal_call ON journal (call_id);
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the tables."""
    sqlite = isinstance(db, SqliteDatabase)
    script = TABLES.format(
        blob="BLOB" if sqlite else "BYTEA",
        # AUTOINCREMENT: a number is never given twice, so a reader's cursor stays true.
        sequence="INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY",
    )
    for statement in script.split(";"):
        if statement.strip():
            db.execute_sql(statement)
