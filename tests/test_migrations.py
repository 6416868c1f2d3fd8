"""Migrations: once, whole or not at all, and to what the models say."""

import shutil
from contextlib import closing
from hashlib import sha256
from importlib.resources import files

import peewee
import pysqlite3
import pytest
from tests import processes
from tests.processes import Home

from finlink_server.storage.migrate import READABLE_SINCE
from finlink_server.storage.schema import MODELS

pytestmark = pytest.mark.sqlite(
    "its schema is compared with the models'; PostgreSQL's runs everything else"
)

# Changes what is there, makes something new, and then ends in some way.
HALF_A_MIGRATION = """
import os, signal

def up(migrator, db):
    db.execute_sql("DELETE FROM signing_key")
    db.execute_sql("CREATE TABLE half (id INTEGER)")
    {end}
"""
SAYS_SO = """
    db.execute_sql("UPDATE property SET value = '0999_later' WHERE key = 'readable_since'")
"""
# Takes the folder of migrations as its first argument, and then a command line.
OTHER_MIGRATIONS = """
import pathlib, sys
from finlink_server import commands
from finlink_server.storage import migrate
migrate._DIRECTORY = pathlib.Path(sys.argv.pop(1))
commands.main()
"""


@pytest.fixture
def new_home(tmp_path):
    return Home(tmp_path / "new")


def ask(database, sql):
    with closing(pysqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def contents(home):
    """Everything in a database that nobody serves."""
    schema = ask(home.database, "SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    tables = [name for kind, name, _ in schema if kind == "table"]
    return schema, {table: ask(home.database, f"SELECT * FROM {table}") for table in tables}  # noqa: S608


# --------------------------------------------------------------- the schema and the models


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    """A database whose tables were made from the models."""
    database = peewee.SqliteDatabase(tmp_path_factory.mktemp("models") / "models.db")
    for model in MODELS:
        schema = peewee.SchemaManager(model, database)
        schema.create_table(safe=False)
        schema.create_indexes(safe=False)
    database.close()
    return database.database


def columns(database, table):
    """Each column's kind, whether it may be empty, and its place in the primary key."""
    return {
        name: (kind.replace("BIGINT", "INTEGER"), not (required or key), key)
        for _, name, kind, required, _, key in ask(database, f"PRAGMA table_info({table})")
    }


def references(database, table):
    return {row[2:5] for row in ask(database, f"PRAGMA foreign_key_list({table})")}


def indexes(database, table):
    """The columns of each index over all rows, and whether they are unique."""
    return {
        (tuple(row[2] for row in ask(database, f"PRAGMA index_info({name})")), unique)
        for _, name, unique, _, partial in ask(database, f"PRAGMA index_list({table})")
        if not partial
    }


@pytest.mark.parametrize("table", [model._meta.table_name for model in MODELS])
@pytest.mark.parametrize("facet", [columns, references])
def test_a_migrated_table_is_what_its_model_says(first_home, modelled, table, facet):
    assert facet(first_home.database, table) == facet(modelled, table)


@pytest.mark.parametrize("table", [model._meta.table_name for model in MODELS])
def test_a_migrated_table_has_the_indexes_of_its_model(first_home, modelled, table):
    # Single plain ones may be missing: a migration can have a partial one in their place.
    assert indexes(first_home.database, table) >= {
        (of, unique) for of, unique in indexes(modelled, table) if unique or len(of) > 1
    }


# ----------------------------------------------------------------------- once, and whole


@pytest.fixture
def more_migrations(tmp_path):
    """A copy of the folder of migrations, to add to."""
    return shutil.copytree(str(files("finlink_server.storage") / "migrations"), tmp_path / "more")


def migrate_with(folder, home):
    return processes.run("-c", OTHER_MIGRATIONS, str(folder), "migrate", env=home.environment({}))


def test_migrating_again_changes_nothing(home):
    before = contents(home)

    again = home.run("migrate")

    assert again.returncode == 0, again.stderr
    assert contents(home) == before


def test_of_three_who_migrate_at_once_none_fails_and_one_makes_the_keys(new_home):
    migrating = [new_home.start("migrate") for _ in range(3)]
    ended = [one.communicate(timeout=30) for one in migrating]

    assert [one.returncode for one in migrating] == [0, 0, 0], ended
    made = ask(new_home.database, "SELECT target_id FROM journal WHERE type='signing_key.created'")
    keys = ask(new_home.database, "SELECT kid, kind FROM signing_key")
    assert sorted(kind for _, kind in keys) == ["ACCOUNT", "LINK", "SESSION"]
    assert sorted(kid for kid, _ in keys) == sorted(kid for (kid,) in made)
    assert new_home.run("check").returncode == 0


@pytest.mark.parametrize("end", ["raise RuntimeError", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_migration_that_breaks_off_leaves_nothing_behind(home, more_migrations, end):
    before = contents(home)
    (more_migrations / "0999_half.py").write_text(HALF_A_MIGRATION.format(end=end))

    broken = migrate_with(more_migrations, home)

    assert broken.returncode != 0
    assert contents(home) == before
    assert home.run("migrate").returncode == 0


@pytest.mark.parametrize("command", ["migrate", "serve", "check"])
def test_a_database_of_newer_code_is_left_alone(home, more_migrations, command):
    (more_migrations / "0999_later.py").write_text(HALF_A_MIGRATION.format(end=SAYS_SO.strip()))
    assert migrate_with(more_migrations, home).returncode == 0
    before = contents(home)

    refused = home.run(command)

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "a newer version of this service (0999_later)" in refused.stdout + refused.stderr
    assert contents(home) == before


def test_the_migration_that_older_versions_cannot_read_says_so_itself():
    first = "0006_sealed_only_with"  # versions before this one ask nothing
    folder = files("finlink_server.storage") / "migrations"
    steps = [one for one in folder.iterdir() if one.name.endswith(".py")]
    says_so = [one.name for one in steps if "readable_since" in one.read_text()]

    assert first == READABLE_SINCE or f"{READABLE_SINCE}.py" in says_so


def test_a_version_that_can_read_the_newer_schema_is_started_on_it(home, more_migrations):
    (more_migrations / "0999_later.py").write_text(HALF_A_MIGRATION.format(end=SAYS_SO.strip()))
    assert migrate_with(more_migrations, home).returncode == 0
    assert home.run("migrate").returncode == 1

    with closing(pysqlite3.connect(home.database)) as connection, connection:
        connection.execute("UPDATE property SET value = '0005_trace' WHERE key = 'readable_since'")

    assert home.run("migrate").returncode == 0
    assert home.run("check").returncode == 0
    with home.serving() as server:
        server.caller(home.operator_key).admin.ListServiceKeys()


# ------------------------------------------------------------------ from the schema before


# Databases out there were made by these: what they lack belongs into a new migration.
RELEASED = {"0001_foundation.py": "6de66bd413b34c2b"}
BEFORE_BANKS = """
DROP TABLE bank;
ALTER TABLE link DROP COLUMN settings_version;
DELETE FROM property WHERE key = 'bank_catalogue_version';
DELETE FROM schema_migration WHERE name = '0002_banks';
"""
# Two versions of an app's settings, and Links of the time of each.
A_WORKING_APP = """
INSERT INTO settings_version VALUES
    ('app_1', 1, '{}', 'a', 'ACCOUNT', 'acc_1', '', 10),
    ('app_1', 2, '{}', 'b', 'ACCOUNT', 'acc_1', '', 20),
    ('app_2', 3, '{}', 'c', 'ACCOUNT', 'acc_2', '', 10);
INSERT INTO link
    (id, app_id, sealed_parameters, ignored_parameters, redirect_uri, create_time, expire_time)
VALUES
    ('lnk_1', 'app_1', '', '[]', '', 10, 99), ('lnk_2', 'app_1', '', '[]', '', 19, 99),
    ('lnk_3', 'app_1', '', '[]', '', 20, 99), ('lnk_4', 'app_1', '', '[]', '', 21, 99);
"""


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_migration_stays_as_it_was(name):
    text = (files("finlink_server.storage") / "migrations" / name).read_bytes()

    assert sha256(text).hexdigest()[:16] == RELEASED[name]


def test_what_was_there_before_the_banks_is_brought_up_to_date(home):
    up_to_date, catalogue = contents(home)[0], ask(home.database, "SELECT id FROM bank")
    with closing(pysqlite3.connect(home.database)) as database:
        database.executescript(BEFORE_BANKS + A_WORKING_APP)

    migrated = home.run("migrate")

    assert migrated.returncode == 0, migrated.stderr
    assert contents(home)[0] == up_to_date
    assert ask(home.database, "SELECT id FROM bank") == catalogue
    links = ask(home.database, "SELECT id, settings_version FROM link ORDER BY id")
    assert links == [("lnk_1", 1), ("lnk_2", 1), ("lnk_3", 2), ("lnk_4", 2)]
