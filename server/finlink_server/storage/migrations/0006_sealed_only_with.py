"""What is sealed with a master key that was replaced can be kept out.

While the property `sealed_only_with` says so, a sealed value that begins with anything else
is refused, whoever brings it: a server that was stopped for a minute between sealing and
writing, or one of the version before. Without it nothing is. What stays as it was is let
be: what nobody can open keeps no one from changing the rest of its row. See
`domain/master_key_rotation`.
"""

from typing import Any

from peewee import Database, SqliteDatabase

# The marks of Link's ignored parameters are in base64: 12 characters for 9 bytes.
COLUMNS = {
    "signing_key": ("sealed_private",),
    "service_key": ("sealed_hash",),
    "account": ("sealed_password", "sealed_setup_hash"),
    "secret": ("sealed_hash",),
    "link_token": ("sealed_parameters",),
    "link": ("sealed_parameters", "ignored_parameters"),
    "event_payload": ("sealed_payload",),
    "signing_secret": ("sealed_secret",),
    "attempt": ("sealed_response",),
}
SQLITE = """
CREATE TRIGGER sealed_{table}_{column}_{name} BEFORE {event} ON {table}
WHEN {is_new}
    AND EXISTS (SELECT 1 FROM property WHERE key = '{key}' AND value <> {mark})
BEGIN SELECT RAISE(ABORT, 'sealed with a master key that was replaced'); END
"""
# It has its number before it looks: so who waits for all with lower ones, once others are kept
# out, waits for whoever did not see that.
FUNCTION = """
CREATE FUNCTION refuse_{table}_sealed_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    IF EXISTS (SELECT 1 FROM property WHERE {conditions}) THEN
        RAISE EXCEPTION 'sealed with a master key that was replaced' USING ERRCODE = '40001';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER refuse_sealed_before BEFORE INSERT OR UPDATE OF {columns} ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_{table}_sealed_before()
"""


def up(migrator: Any, db: Database) -> None:  # noqa: ANN401, ARG001 - the runner's signature
    """Make the triggers."""
    for table, columns in COLUMNS.items():
        if isinstance(db, SqliteDatabase):
            for column in columns:
                _watch_on_sqlite(db, table, column)
        else:
            _watch_on_postgres(db, table, columns)


def _watch_on_sqlite(db: Database, table: str, column: str) -> None:
    names = {"table": table, "column": column, "key": _key(column), "mark": f"NEW.{column}"}
    if column == "ignored_parameters":
        names["mark"] = f"substr(NEW.{column}, 1, 12)"
    else:
        names["mark"] = f"lower(hex(substr(NEW.{column}, 1, 9)))"
    for name, event, changed in (
        ("insert", "INSERT", "TRUE"),
        ("update", f"UPDATE OF {column}", f"NEW.{column} IS NOT OLD.{column}"),
    ):
        is_new = f"NEW.{column} IS NOT NULL AND {changed}"  # hex gives a text for NULL too
        db.execute_sql(SQLITE.format(**names, name=name, event=event, is_new=is_new))


def _watch_on_postgres(db: Database, table: str, columns: tuple[str, ...]) -> None:
    conditions = " OR ".join(
        f"key = '{_key(column)}' AND value <> {_mark_on_postgres(column)}"
        f" AND (TG_OP = 'INSERT' OR NEW.{column} IS DISTINCT FROM OLD.{column})"
        for column in columns
    )
    db.execute_sql(FUNCTION.format(table=table, conditions=conditions))
    db.execute_sql(TRIGGER.format(table=table, columns=", ".join(columns)))


def _mark_on_postgres(column: str) -> str:
    if column == "ignored_parameters":
        return f"left(NEW.{column}, 12)"
    return f"encode(substring(NEW.{column} FROM 1 FOR 9), 'hex')"


def _key(column: str) -> str:
    is_text = column == "ignored_parameters"
    return "sealed_only_with_in_base64" if is_text else "sealed_only_with"
