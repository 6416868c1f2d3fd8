"""`finlink-server master-key rotate`: everything is sealed anew, and nobody who calls notices."""

from __future__ import annotations

import base64
import runpy
from contextlib import nullcontext
from importlib.resources import files
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP

import psycopg
import pytest
from tests.gates import until
from tests.lived_in import blob, change, read
from tests.rotating import (
    SEALED,
    Life,
    assert_sealed_with,
    drop_old_key,
    going_on,
    keys,
    rotate_and_die,
)
from tests.sleeping import asleep
from tests.watches import Watch
from tests.workers import supervised

from finlink_server import bootstrap, config, key_file
from finlink_server.crypto import Keyring
from finlink_server.domain import events
from finlink_server.domain.master_key_rotation import finish
from finlink_server.domain.resealing import Resealing
from finlink_server.domain.sealed_columns import TABLES
from finlink_server.storage.database import DatabaseError
from finlink_server.storage.models import Account
from finlink_server.storage.schema import MODELS

# Whether somebody asks whether all who wrote have ended.
ASKS = """
SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_snapshot_xmin%' AND pid <> pg_backend_pid()
"""
PLACES = (
    "begin",
    "go_on",
    "batch",
    "authenticate_all",
    "_keep_out_others",
    "_wait_for_writers",
    "finish",
    "_report",
)


def test_everything_is_sealed_anew_under_load_and_no_call_fails(lived_in):
    [before] = keys(lived_in)
    with supervised(lived_in) as workers:
        server = workers.supervisor
        lives = [Life(server, lived_in.operator_key) for _ in range(2)]
        watch = Watch(server.caller(lived_in.operator_key).sessions.WatchRevocations())
        with going_on(lives[0]) as one, going_on(lives[1]) as other:
            rotated = lived_in.run("master-key", "rotate")
            watch.until_heartbeat().close()
        resumed = Watch(lives[0].operator.sessions.WatchRevocations(cursor=watch.cursor))
        resumed.until_heartbeat().close()

    assert rotated.returncode == 0, rotated.stderr
    assert (one, other) == ([], [])
    after, kept = keys(lived_in)
    assert kept == before
    assert f"needs master key {before} any more" in rotated.stderr
    assert_sealed_with(lived_in, after)
    assert lived_in.run("audit", "verify").returncode == 0


def test_without_the_old_key_everything_goes_on(lived_in):
    with lived_in.serving() as server:
        life = Life(server, lived_in.operator_key)
        made = life.account.secrets.CreateSecret(
            app_id=life.app.id, display_name="once", request_id=life.request_id
        )
        assert lived_in.run("master-key", "rotate").returncode == 0
    drop_old_key(lived_in)

    with lived_in.serving() as server:
        life.at(server).do_everything()
        Life(server, lived_in.operator_key).do_everything()
        same = life.create_secret_once()
        again = lived_in.run("audit", "verify")

    assert same == made.secret.id
    assert again.returncode == 0, again.stdout
    assert lived_in.run("check").returncode == 0


def test_a_key_is_rotated_more_than_once(lived_in):
    assert lived_in.run("master-key", "rotate").returncode == 0
    drop_old_key(lived_in)

    again = lived_in.run("master-key", "rotate")

    assert again.returncode == 0, again.stderr
    assert_sealed_with(lived_in, keys(lived_in)[0])
    assert lived_in.run("audit", "verify").returncode == 0


@pytest.mark.either("where it goes on stands in the same rows")
@pytest.mark.parametrize("place", PLACES)
def test_a_rotation_that_was_killed_goes_on(lived_in, place):
    [before] = keys(lived_in)
    killed = rotate_and_die(lived_in, place)
    verified = lived_in.run("audit", "verify")
    with lived_in.serving() as server:
        Life(server, lived_in.operator_key).do_everything()

    resumed = lived_in.run("master-key", "rotate")

    assert killed == -SIGKILL
    assert verified.returncode == 0, verified.stdout
    assert resumed.returncode == 0, resumed.stderr
    assert f"needs master key {before} any more" in resumed.stderr
    after, kept = keys(lived_in)
    assert kept == before
    assert_sealed_with(lived_in, after)
    assert lived_in.run("audit", "verify").returncode == 0


def test_a_server_that_slept_through_it_all_serves_on(lived_in):
    with lived_in.serving() as server:
        life = Life(server, lived_in.operator_key)
        with asleep(lived_in, server):
            rotated = lived_in.run("master-key", "rotate")

        life.do_everything()

    assert rotated.returncode == 0, rotated.stderr
    assert_sealed_with(lived_in, keys(lived_in)[0])


@pytest.mark.postgres("SQLite has one writer at a time")
def test_who_wrote_before_others_were_kept_out_is_waited_for(lived_in):
    old = key_file.load(lived_in.master_key).seal(b"{}", events.payload_place(1))
    with psycopg.connect(lived_in.settings["DATABASE_URL"]) as late:
        late.execute("INSERT INTO event_payload VALUES (1, %s)", (old,))
        rotation = lived_in.start("master-key", "rotate")
        until(lambda: rotation.poll() is not None or bool(read(lived_in, ASKS)))

    _, told = rotation.communicate(timeout=60)

    assert rotation.returncode == 0, told
    assert_sealed_with(lived_in, keys(lived_in)[0])


@pytest.mark.postgres("SQLite has one writer at a time")
def test_who_got_his_number_last_is_waited_for_too(env, server):
    url = server.config.url
    with psycopg.connect(url) as keeper, psycopg.connect(url) as late:
        keeper.execute("SELECT pg_current_xact_id()")
        late.execute("SELECT pg_current_xact_id()")
        keeper.commit()

        writers = env.database.writers_now()

        assert not env.database.have_ended(writers)
        late.commit()
        until(lambda: env.database.have_ended(writers))


@pytest.mark.postgres("SQLite has one writer at a time")
def test_who_writes_has_his_number_before_he_looks_whether_he_is_kept_out(lived_in):
    old = key_file.load(lived_in.master_key).seal(b"{}", events.payload_place(1))
    assert lived_in.run("master-key", "rotate").returncode == 0

    with psycopg.connect(lived_in.settings["DATABASE_URL"]) as late:
        late.execute("SAVEPOINT before")
        with pytest.raises(psycopg.Error, match="was replaced"):
            late.execute("INSERT INTO event_payload VALUES (1, %s)", (old,))
        late.execute("ROLLBACK TO before")
        [(number,)] = late.execute("SELECT pg_current_xact_id_if_assigned()").fetchall()

    assert number is not None


def test_a_second_rotation_at_once_is_refused(lived_in):
    first = lived_in.start("master-key", "rotate")
    assert first.stderr
    lines = iter(first.stderr.readline, "")
    assert any("Waiting until all servers" in line for line in lines)

    first.send_signal(SIGSTOP)
    second = lived_in.run("master-key", "rotate")
    first.send_signal(SIGCONT)

    assert (second.returncode, "Another process is at it" in second.stderr) == (1, True)
    first.communicate(timeout=60)
    assert first.returncode == 0


@pytest.mark.parametrize("what", ["put back", "mark"])
def test_a_database_that_was_changed_meanwhile_is_not_written_to(lived_in, server, what):
    assert rotate_and_die(lived_in, "finish") == -SIGKILL
    env = bootstrap.open_env(config.load(lived_in.environment({})), prepares=False, is_command=True)
    try:
        key = "master_key_id" if what == "put back" else "sealed_only_with"
        change(lived_in, f"UPDATE property SET value = '00' WHERE key = '{key}'")  # noqa: S608
        with pytest.raises(DatabaseError, match="Run this again"):
            finish(env, bootstrap.command_line("tests"))
        found = read(lived_in, f"SELECT value FROM property WHERE key = '{key}'")  # noqa: S608
    finally:
        env.end()
        server.env.database.bind()  # the models are one database's at a time

    assert found == [("00",)]


# --------------------------------------------------------------- what a rotation goes over


def test_every_column_that_is_sealed_is_known_to_a_rotation():
    named = {
        f"{model._meta.table_name}.{field.column_name}"
        for model in MODELS
        for field in model._meta.sorted_fields
        if field.column_name.startswith("sealed_")
    }

    assert named | {"link.ignored_parameters"} == SEALED
    for model in MODELS:
        for table in TABLES:
            if table.name == model._meta.table_name:
                primary = [field.column_name for field in model._meta.get_primary_keys()]
                assert list(table.key) == primary


def test_every_such_column_is_watched_by_the_database():
    folder = Path(str(files("finlink_server.storage"))) / "migrations"
    watched = runpy.run_path(str(folder / "0006_sealed_only_with.py"))["COLUMNS"]

    assert {f"{table}.{column}" for table, columns in watched.items() for column in columns} == (
        SEALED
    )


def test_what_is_sealed_with_another_key_is_kept_out(lived_in):
    with lived_in.serving() as server:
        Life(server, lived_in.operator_key)
    assert lived_in.run("master-key", "rotate").returncode == 0
    old = b"\x01" + bytes(40)

    for table, column in sorted(one.split(".") for one in SEALED):
        [(there,)] = read(lived_in, f"SELECT count({column}) FROM {table}")  # noqa: S608
        is_text = column == "ignored_parameters"
        value = f"'{base64.b64encode(old).decode()}'" if is_text else blob(lived_in, old)
        with pytest.raises(Exception, match="was replaced") if there else nullcontext():
            where = f"WHERE {column} IS NOT NULL"
            change(lived_in, f"UPDATE {table} SET {column} = {value} {where}")  # noqa: S608


def test_what_nobody_can_open_keeps_no_one_from_changing_the_rest_of_its_row(lived_in):
    broken = b"\x01" + bytes(40)
    setup = f"sealed_setup_hash = {blob(lived_in, broken)}"
    change(lived_in, f"UPDATE account SET {setup}")  # noqa: S608
    assert lived_in.run("master-key", "rotate").returncode == 0

    change(lived_in, f"UPDATE account SET display_name = 'New', {setup}")  # noqa: S608

    names = read(lived_in, "SELECT DISTINCT display_name, sealed_setup_hash FROM account")
    assert [(name, bytes(value)) for name, value in names] == [("New", broken)]


def test_what_somebody_changed_since_it_was_read_is_not_overwritten(env, account, monkeypatch):
    table = next(one for one in TABLES if one.name == "account")
    stale = (account.id, _sealed_password(account.id), None)
    account.accounts.ChangePassword(current_password=account.password, new_password="pw-" * 5)
    changed = _sealed_password(account.id)
    monkeypatch.setattr(Keyring, "is_sealed_newly", lambda *_: False)

    with env.transaction():
        Resealing(env, lambda *_: None)._write(table, table.columns[0], [stale])

    assert _sealed_password(account.id) == changed


def _sealed_password(account_id: str) -> bytes:
    sealed = Account.get_by_id(account_id).sealed_password
    assert sealed
    return bytes(sealed)
