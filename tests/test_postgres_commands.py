"""The commands on PostgreSQL: one of them prepares it, and the others say what is missing."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from tests.processes import Home

from finlink_server import key_file
from finlink_server.storage.postgres_fitness import sorts_by_code_point

pytestmark = pytest.mark.postgres("what SQLite does by itself has to be asked for here")


@pytest.fixture
def new_home(database, tmp_path):
    """An empty database, with a master key for it."""
    (tmp_path / "new").mkdir()
    return Home(tmp_path / "new").on(database)


@pytest.fixture
def ask(database):
    """Ask the database of a home."""

    def run(home, statement):
        name = urlsplit(home.settings["DATABASE_URL"]).path[1:]
        return database.postgres.execute(statement, database=name)

    return run


def assert_refused_with(done, *parts):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr + done.stdout


def test_of_three_who_migrate_at_once_none_fails_and_one_makes_the_keys(new_home, ask):
    migrating = [new_home.start("migrate") for _ in range(3)]
    ended = [one.communicate(timeout=60) for one in migrating]

    assert [one.returncode for one in migrating] == [0, 0, 0], ended
    kinds = [kind for (kind,) in ask(new_home, "SELECT kind FROM signing_key ORDER BY kind")]
    assert kinds == ["ACCOUNT", "LINK", "SESSION"]
    assert ask(new_home, "SELECT count(*) FROM journal WHERE type = 'banks.imported'") == [(1,)]
    assert "is sound and up to date" in new_home.run("check").stdout


@pytest.mark.parametrize("command", ["serve", "service-key", "banks"])
def test_nothing_but_migrate_makes_the_schema(new_home, ask, command):
    arguments = {
        "service-key": ["service-key", "create", "--name", "x", "--role", "LINK"],
        "banks": ["banks", "import", "--country", "ES"],
    }.get(command, [command])

    done = new_home.run(*arguments)

    assert_refused_with(done, "0001_foundation", "Run `finlink-server migrate`")
    assert ask(new_home, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_refuses_an_older_schema_and_a_newer_one(home, ask, workers):
    ask(home, "DELETE FROM schema_migration WHERE name = '0003_webhooks'")
    older = home.run("serve", WORKERS=workers)
    ask(home, "INSERT INTO schema_migration (name, applied) VALUES ('0003_webhooks', now())")
    ask(home, "INSERT INTO schema_migration (name, applied) VALUES ('0999_later', now())")
    ask(home, "UPDATE property SET value = '0999_later' WHERE key = 'readable_since'")
    newer = home.run("serve", WORKERS=workers)

    assert_refused_with(older, "0003_webhooks", "Run `finlink-server migrate`")
    assert_refused_with(newer, "0999_later", "a newer version of this service")


def test_no_master_key_is_made_by_itself(new_home):
    new_home.master_key.unlink()

    done = new_home.run("migrate")

    assert_refused_with(done, f"finlink-server master-key create {new_home.master_key}")
    assert not new_home.master_key.exists()


@pytest.mark.parametrize("command", ["serve", "migrate", "check"])
def test_the_wrong_master_key_is_named(home, command):
    right = key_file.load(home.master_key).id
    home.master_key.unlink()
    key_file.create(home.master_key)

    assert_refused_with(
        home.run(command), right, key_file.load(home.master_key).id, "MASTER_KEY_FILE"
    )


def test_the_demo_is_for_sqlite(home):
    assert_refused_with(home.run("serve", "--demo"), "--demo", "FINLINK_DATABASE_URL")


def test_a_database_of_another_encoding_is_refused(new_home, database):
    how = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    database.postgres.execute(f"CREATE DATABASE latin {how}")

    for command in ("migrate", "check"):
        done = new_home.run(command, DATABASE_URL=database.postgres.url("latin"))
        assert_refused_with(done, "in LATIN1", "LOCALE 'C'")


@pytest.mark.parametrize(
    ("provider", "collation", "is_ours"),
    [
        *[("c", "C", True), ("c", "C.UTF-8", True), ("c", "POSIX", True), ("b", "C", True)],
        *[("c", "en_US.UTF-8", False), ("i", "en", False), ("i", "C", False), ("d", "C", False)],
    ],
)
def test_only_an_order_by_code_point_is_that_of_our_lists(provider, collation, is_ours):
    assert sorts_by_code_point(provider, collation) == is_ours


def test_a_database_that_may_lose_what_was_acknowledged_is_refused(home, ask):
    ask(home, f"ALTER DATABASE {name_of(home)} SET synchronous_commit = off")

    assert_refused_with(home.run("serve"), "synchronous_commit")


def name_of(home):
    return urlsplit(home.settings["DATABASE_URL"]).path[1:]


@pytest.mark.parametrize("command", ["serve", "migrate", "check"])
@pytest.mark.parametrize(
    "form",
    ["postgresql://ana:{}@127.0.0.1:9/x", "postgresql://127.0.0.1:9/x?user=ana&password={}"],
    ids=["before the host", "as a parameter"],
)
def test_no_message_tells_the_password(new_home, form, command):
    done = new_home.run(command, DATABASE_URL=form.format("hunter-2-hunter"))

    assert_refused_with(done, "postgresql://127.0.0.1:9/x", "cannot be reached")
    assert "hunter" not in done.stderr + done.stdout


def test_a_url_that_is_none_is_named_and_not_told(new_home):
    done = new_home.run("serve", DATABASE_URL="postgresql://ana:hunter-2@[half/x")

    assert_refused_with(done, "FINLINK_DATABASE_URL")
    assert "hunter" not in done.stderr + done.stdout


def test_tables_are_as_the_models_say(home, ask):
    """What the SQL of SQLite's types became: times are in microseconds and need 64 bits."""
    small = ask(
        home,
        "SELECT table_name, column_name FROM information_schema.columns WHERE"
        " table_schema = 'public' AND data_type = 'integer' AND column_name LIKE '%time%'",
    )
    bytes_ = ask(
        home,
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE"
        " table_schema = 'public' AND column_name LIKE 'sealed%'",
    )

    assert small == []
    assert bytes_ == [("bytea",)]
