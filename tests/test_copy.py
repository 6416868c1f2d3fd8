"""`copy` moves a database to another, and `backup` into a file: whole, compared, repeatable."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import people, quick_server
from tests.databases import Place
from tests.processes import Home
from tests.races import Race

from finlink.config import v1
from finlink_server.storage import copies
from finlink_server.storage.copies import TABLES
from finlink_server.storage.database import DatabaseError
from finlink_server.storage.migrate import migrate
from finlink_server.storage.opening import open_database

# From SQLite; PostgreSQL is started for what is copied to it.
pytestmark = pytest.mark.sqlite

_INSIDE = {"WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8"}


@pytest.fixture
def source(first_home, tmp_path) -> Home:
    """SQLite, with customers in it."""
    home: Home = first_home.copy_to(tmp_path / "source")
    home = replace(home, program=("-P", str(quick_server.__file__)))
    with home.serving(**_INSIDE) as server:
        fill(server.caller(home.operator_key))
    return home


@pytest.fixture
def target(source, tmp_path, postgres_server) -> Home:
    """A new, empty database of PostgreSQL, and the same master key."""
    folder = tmp_path / "target"
    folder.mkdir()
    shutil.copy(source.master_key, folder / "master.key")
    home: Home = replace(source, path=folder)
    return home.on(Place(postgres_server))


def fill(operator: people.Caller) -> people.Session:
    account = people.new_account(operator)
    app = people.new_app(account)
    redirect_id = people.add_redirect(account, app)
    session = people.new_secret(account, app).start()
    made = people.new_secret(account, app)
    made.start()
    account.links.CreateLinkToken(
        app_id=app.id,
        parameters=v1.LinkParameters(redirect_id=redirect_id, product=v1.PRODUCT_TRANSACTIONS),
    )
    account.secrets.RevokeSecret(secret_id=made.id, password=account.password)
    account.webhooks.CreateEndpoint(app_id=app.id, uri="https://127.0.0.1:9/hook")
    return session


def url_of(home: Home) -> str:
    return home.settings["DATABASE_URL"]


def copy(source: Home, target: Home):
    return source.run("copy", "--to", url_of(target))


@contextmanager
def opened(home: Home):
    url = home.settings.get("DATABASE_URL") or f"sqlite:///{home.database}"
    database = open_database(url, connections=2, is_patient=True)
    try:
        yield database
    finally:
        database.end()


def rows_of(home: Home) -> dict[str, list[Any]]:
    with opened(home) as database:
        return {table.name: list(copies._rows(database, table)) for table in TABLES}


def test_every_table_and_column_of_the_schema_is_copied(source):
    with sqlite3.connect(source.database) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {row[0] for row in tables}
        columns = {
            name: {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
            for name in names
        }

    known = {table.name: set(table.columns) for table in TABLES}
    assert {name: columns[name] for name in known} == known
    assert names - set(known) == {"sqlite_sequence", "schema_migration"}


def test_a_service_goes_on_from_the_copy_where_it_was(source, target):
    with source.serving(**_INSIDE) as server:
        operator = server.caller(source.operator_key)
        session = fill(operator)

    done = copy(source, target)

    assert done.returncode == 0, done.stderr
    assert "every row is the same" in done.stderr
    assert rows_of(target) == rows_of(source)
    with target.serving(**_INSIDE) as server:
        operator = server.caller(source.operator_key)
        assert people.why_inactive(operator, session) == ""
        fill(operator)  # what is new gets numbers of its own
    assert max(row[0] for row in rows_of(target)["journal"]) > len(rows_of(source)["journal"])
    assert target.run("audit", "verify").returncode == 0


def test_a_repeat_replaces_a_copy_that_nobody_has_used(source, target):
    assert copy(source, target).returncode == 0
    with source.serving(**_INSIDE) as server:
        fill(server.caller(source.operator_key))

    assert copy(source, target).returncode == 0

    assert rows_of(target) == rows_of(source)


@pytest.mark.parametrize("use", ["serve", "migrate", "service-key"])
def test_what_was_used_since_is_not_overwritten(source, target, use):
    assert copy(source, target).returncode == 0
    if use == "serve":  # and changes nothing
        with target.serving(**_INSIDE):
            pass
    elif use == "migrate":
        assert target.run("migrate").returncode == 0
    else:
        key = target.run("service-key", "create", "--name", "new", "--role", "LINK")
        assert key.returncode == 0
    before = rows_of(target)

    done = copy(source, target)

    assert (done.returncode, "Copy into an empty database" in done.stderr) == (1, True)
    assert rows_of(target) == before


def test_a_database_that_was_prepared_otherwise_is_not_overwritten(source, target):
    assert target.run("migrate").returncode == 0
    before = rows_of(target)

    done = copy(source, target)

    assert (done.returncode, "Copy into an empty database" in done.stderr) == (1, True)
    assert rows_of(target) == before


def test_a_database_by_another_name_is_not_copied_into_itself(source, target):
    assert copy(source, target).returncode == 0
    with target.serving(**_INSIDE) as server:
        operator = server.caller(source.operator_key)
        people.new_account(operator)
        before = rows_of(target)["account"]

        done = target.run("copy", "--to", url_of(target).replace("host=/", "host=//"))

        assert (done.returncode, "is in use" in done.stderr) == (1, True), done.stderr
        assert rows_of(target)["account"] == before


def test_a_copy_that_breaks_off_leaves_nothing(source, target):
    with opened(source) as ours, opened(target) as theirs:
        with theirs.preparing():
            migrate(theirs)

        def cut(name: str, _rows: int) -> None:
            if name == "journal":
                raise ConnectionError

        with pytest.raises(ConnectionError):
            copies.copy(ours, theirs, cut)

        assert copies.is_empty(theirs)
        assert copies.copy(ours, theirs, lambda *_: None).is_last_word


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("journal", "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)"),
        ("secret", "UPDATE secret SET scopes = 'read'"),
        ("property", "INSERT INTO property (key, value) VALUES ('zzz', '1')"),
        ("account", "UPDATE account SET sealed_password = NULL"),
    ],
)
def test_a_row_that_differs_is_found_and_named(source, target, monkeypatch, table, change):
    compare = copies._compare

    def compare_late(ours, theirs, of) -> None:
        if of is TABLES[0]:
            theirs.execute(change)
        compare(ours, theirs, of)

    monkeypatch.setattr(copies, "_compare", compare_late)

    with opened(source) as ours, opened(target) as theirs:
        with theirs.preparing():
            migrate(theirs)
        with pytest.raises(DatabaseError, match=rf"Row \d+ of {table}.*copy again"):
            copies.copy(ours, theirs, lambda *_: None)


def test_a_source_that_is_written_to_meanwhile_is_copied_as_of_one_moment(source, target):
    with opened(source) as ours, opened(target) as theirs, source.serving(**_INSIDE) as server:
        operator = server.caller(source.operator_key)
        with theirs.preparing():
            migrate(theirs)
        at_first = {table.name: list(copies._rows(ours, table)) for table in TABLES}

        def write_meanwhile(name: str, _rows: int) -> None:
            if name == "account":
                people.new_account(operator)

        done = copies.copy(ours, theirs, write_meanwhile)

        assert not done.is_last_word
        found = {table.name: list(copies._rows(theirs, table)) for table in TABLES}
    assert found["account"] == at_first["account"]
    assert found["journal"] == at_first["journal"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://localhost/finlink", "must begin with"),
        ("postgresql://finlink:hunter2@localhost/finlink", "PGPASSFILE"),
        ("postgresql://localhost/finlink?password=hunter2", "PGPASSFILE"),
        ("postgresql://localhost:1/finlink", "cannot be reached"),
        ("postgresql://finlink:hunter2/x@localhost/finlink", "%2F"),
        ("postgresql://finlink:hunter2@x@localhost/finlink", "%40"),
        ("postgresql://[::1/finlink", "must be `postgresql://"),
    ],
)
def test_what_cannot_be_copied_to_is_refused_with_the_remedy(source, url, words):
    done = source.run("copy", "--to", url)

    assert done.returncode != 0
    assert words in done.stderr
    assert "hunter2" not in done.stderr


def test_a_file_is_not_copied_into_itself(source):
    before = rows_of(source)
    other = source.database.parent / ".." / source.path.name / source.database.name

    for path, words in ((source.database, "Name another one"), (other, "is in use")):
        done = source.run("copy", "--to", f"sqlite:///{path}")
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr

    assert rows_of(source) == before


@pytest.mark.parametrize("command", [("copy", "--to", "sqlite:////nowhere"), ("backup", "file")])
def test_where_no_database_is_none_is_made(tmp_path, command):
    home = Home(tmp_path / "wrong")

    done = home.run(*command)

    assert (done.returncode, "There is no database" in done.stderr) == (1, True)
    assert not home.path.exists()


def test_who_may_not_make_tables_is_told_so(source, target, postgres_server):
    postgres_server.execute("CREATE ROLE nobody_special LOGIN")
    url = url_of(target).replace("finlink@", "nobody_special@")

    done = source.run("copy", "--to", url)

    assert (done.returncode, "permission denied" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------------------- backup


def restored(home: Home, file: Path, folder: Path) -> Home:
    folder.mkdir()
    shutil.copy(file, folder / "finlink.db")
    shutil.copy(home.master_key, folder / "master.key")
    return Home(folder, home.operator_key, program=home.program)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_backup_made_while_serving_has_what_was_acknowledged_and_no_key(
    source, target, tmp_path, kind
):
    file = tmp_path / "backup.db"
    home = source
    if kind == "postgres":
        assert copy(source, target).returncode == 0
        home = target
    with home.serving(**_INSIDE) as server:
        operator = server.caller(source.operator_key)
        session = fill(operator)
        enough = []

        def work(number: int) -> None:
            if number == 0:
                done = home.run("backup", str(file))
                enough.append(done)
                assert done.returncode == 0, done.stderr
                assert "worthless" in done.stderr
            while not enough:
                people.new_account(operator)

        Race(3, work)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if "backup" in one.name] == ["backup.db"]
    assert source.master_key.read_text().strip().encode() not in file.read_bytes()
    again = restored(source, file, tmp_path / "restored")
    with again.serving(**_INSIDE) as server:
        assert people.why_inactive(server.caller(source.operator_key), session) == ""
    assert again.run("check").returncode == 0
    assert again.run("audit", "verify").returncode == 0


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(source, tmp_path):
    there, nowhere = tmp_path / "[there]", tmp_path / "no" / "folder" / "backup"
    there.write_text("mine")

    for file, words in ((there, "exists already"), (nowhere, "cannot be written")):
        done = source.run("backup", str(file))
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr

    assert there.read_text() == "mine"
    assert source.run("backup", str(tmp_path / "[new]")).returncode == 0
    left = sorted(one.name for one in tmp_path.iterdir() if one.is_file())
    assert left == ["[new]", "[there]"]
