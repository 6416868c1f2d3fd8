"""`finlink-server audit verify` and `audit export`, on a database of their own."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import pysqlite3
import pytest
from tests import people, quick_server
from tests.faults.stores import store_of
from tests.processes import Home

from finlink.config import v1
from finlink_server.domain.audit_chain import COLUMNS

# As it was before there were chains, but for `schema_migration`, which the runner keeps.
BEFORE_CHAINS = """
ALTER TABLE journal DROP COLUMN chain_number;
ALTER TABLE journal DROP COLUMN chain_mac;
ALTER TABLE journal DROP COLUMN count_mac;
DROP TABLE journal_chain;
DELETE FROM schema_migration WHERE name = '0004_audit_chain';
"""
# What a server of that version writes: it knows of no chain.
AN_OLDER_SERVER_WRITES = """
INSERT INTO journal (id, type, time, account_id, app_id, actor_kind, actor_id, target_id, facts,
    call_id, client_trace_id, client_address, once, count, event)
SELECT 'evt_' || type || '_' || n, 'tests.written', 1, 'acc_' || n % 7, '', 'SERVER', '', '', '{}',
    '', '', '', CASE WHEN n % 3 = 0 THEN 'once ' || n END,
    CASE WHEN n % 3 = 0 THEN n ELSE 1 END, ''
FROM (SELECT type, row_number() OVER (ORDER BY one.seq) AS n FROM journal one,
    (SELECT 1 FROM bank LIMIT 300) AS many) AS numbered
"""


@pytest.fixture(scope="module")
def first_lived_in(first_home, tmp_path_factory):
    """With two customers, of whom one has a session."""
    home = first_home.copy_to(tmp_path_factory.mktemp("lived in") / "home")
    home = replace(home, program=("-P", str(quick_server.__file__)))
    with home.serving() as server:
        operator = server.caller(home.operator_key)
        for name in ("Ana", "Bo"):
            account = people.new_account(operator, name)
            app = people.new_app(account)
        people.new_secret(account, app).start()
    return home


@pytest.fixture
def lived_in(first_lived_in, tmp_path):
    return first_lived_in.copy_to(tmp_path / "home")


def change(home, *statements):
    """Run SQL behind the service's back."""
    postgres = home.place.postgres
    for statement in statements:
        if postgres:
            postgres.execute(statement, database=urlsplit(home.settings["DATABASE_URL"]).path[1:])
        else:
            with closing(pysqlite3.connect(home.database)) as connection:
                connection.execute(statement)
                connection.commit()


def parts(script):
    return [part for part in script.split(";") if part.strip()]


def read(home, sql):
    return store_of(home).read(sql)


def accounts_of(home):
    return [row[0] for row in read(home, "SELECT id FROM account ORDER BY id")]


def exported(home, *options):
    """The rows and the heads that `audit export` prints."""
    done = home.run("audit", "export", *options)
    assert (done.returncode, done.stderr) == (0, "")
    lines = list(map(json.loads, done.stdout.splitlines()))
    heads = [line for line in lines if line["type"] == "journal.head"]
    assert lines[len(lines) - len(heads) :] == heads
    return lines[: len(lines) - len(heads)], heads


# ----------------------------------------------------------------------------------- verify


def test_an_untouched_journal_is_verified_while_others_serve(lived_in):
    with lived_in.serving() as server:
        people.new_account(server.caller(lived_in.operator_key))
        done = lived_in.run("audit", "verify")

    [(rows,)] = read(lived_in, "SELECT count(*) FROM journal")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{rows} rows of 4 chains are as they were written; the head of")


def test_one_account_is_verified_alone(lived_in):
    account, other = accounts_of(lived_in)
    change(lived_in, f"UPDATE journal SET target_id = 'x' WHERE account_id = '{other}'")  # noqa: S608

    done = lived_in.run("audit", "verify", "--account", account)

    [(rows,)] = read(lived_in, f"SELECT count(*) FROM journal WHERE account_id = '{account}'")  # noqa: S608
    assert done.returncode == 0
    assert done.stdout.startswith(f"{rows} rows of 1 chain are as they were written; its head is")


def test_the_first_bad_row_of_each_chain_is_named(lived_in):
    account, other = accounts_of(lived_in)
    chain = "SELECT seq, id FROM journal WHERE account_id = ? ORDER BY seq"
    [(system, system_id), *_] = store_of(lived_in).read(chain, "")
    [_, (gone, _), (after, after_id), *_] = store_of(lived_in).read(chain, other)
    change(
        lived_in,
        f"UPDATE journal SET facts = '{{}}' WHERE seq = {system}",  # noqa: S608
        f"DELETE FROM journal WHERE seq = {gone}",  # noqa: S608
        f"UPDATE journal SET type = 'a' WHERE seq > {after} AND account_id = '{other}'",  # noqa: S608
    )

    done = lived_in.run("audit", "verify")

    first, second = done.stdout.splitlines()
    assert (done.returncode, "2 are not as they were written" in done.stderr) == (1, True)
    assert first.startswith(f"system: ALTERED seq {system} {system_id} 20")
    assert second.startswith(f"{other}: REMOVED seq {after} {after_id} 20")
    assert "number 2 is missing before it (" in second
    assert account not in done.stdout


def test_what_somebody_wrote_into_a_row_does_not_move_the_cursor(lived_in):
    change(lived_in, "UPDATE journal SET type = '\x1b[2J\n{}' WHERE account_id = ''")

    done = lived_in.run("audit", "verify")

    [line] = done.stdout.splitlines()
    assert (done.returncode, "\x1b" in line) == (1, False)


def test_another_master_key_is_named_and_nothing_is_said_of_the_rows(lived_in, tmp_path):
    lived_in.run("master-key", "create", str(tmp_path / "other.key"))

    done = lived_in.run("audit", "verify", MASTER_KEY_FILE=str(tmp_path / "other.key"))

    assert (done.returncode, done.stdout) == (1, "")
    assert "was sealed with" in done.stderr


@pytest.mark.parametrize("command", ["verify", "export"])
def test_where_there_is_no_database_none_is_made(tmp_path, command):
    home = Home(tmp_path / "nowhere")

    done = home.run("audit", command)

    assert (done.returncode, "There is no database" in done.stderr) == (1, True)
    assert not home.path.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("verify", "--account", "acc_1"),
        ("verify", "--head", "12"),
        ("verify", "--heads", __file__),
        ("export", "--since", "yesterday"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_is_refused_before_anything_is_opened(tmp_path, options):
    done = Home(tmp_path / "nowhere").run("audit", *options)

    assert (done.returncode, "Invalid value" in done.stderr) == (2, True)


# ----------------------------------------------------------------------------------- export


def test_every_row_is_exported_with_every_column_and_then_the_heads(lived_in):
    rows, heads = exported(lived_in)

    names = ["seq", *COLUMNS, "count", "chain_number"]
    stored = read(lived_in, f"SELECT {', '.join(names)}, chain_mac FROM journal ORDER BY seq")  # noqa: S608
    assert [row["seq"] for row in rows] == [row[0] for row in stored]
    for row, (*values, mac) in zip(rows, stored, strict=True):
        assert row["chain_mac"] == mac.hex()
        for name in set(names) - {"time", "facts"}:
            assert row[name] == values[names.index(name)]
        assert row["facts"] == json.loads(values[names.index("facts")])
    assert [head["account_id"] for head in heads] == ["", *accounts_of(lived_in)]
    last = {row["account_id"]: (row["chain_number"], row["chain_mac"]) for row in rows}
    assert {one["account_id"]: (one["row_count"], one["head"]) for one in heads} == last


def test_times_and_an_account_leave_what_fits(lived_in):
    account, _ = accounts_of(lived_in)
    rows, _ = exported(lived_in, "--account", account)
    first, middle, *_ = rows

    since, _ = exported(lived_in, "--account", account, "--since", middle["time"])
    until, heads = exported(lived_in, "--account", account, "--until", middle["time"])

    assert {row["account_id"] for row in rows} == {account}
    assert since == rows[1:]
    assert until == [first]
    assert [head["row_count"] for head in heads] == [len(rows)]


def test_an_old_copy_that_was_put_back_is_found_by_an_export(lived_in, tmp_path):
    older = lived_in.copy_to(tmp_path / "older")
    with lived_in.serving() as server:
        account = people.new_account(server.caller(lived_in.operator_key))
    file = tmp_path / "kept.jsonl"
    file.write_text(lived_in.run("audit", "export").stdout)

    mine = lived_in.run("audit", "verify", "--heads", str(file))
    theirs = older.run("audit", "verify", "--heads", str(file))
    unkept = older.run("audit", "verify")

    assert (mine.returncode, unkept.returncode) == (0, 0)
    assert theirs.returncode == 1
    assert f"{account.id}: HEAD_MISSING" in theirs.stdout


def test_one_head_that_was_kept_is_compared(lived_in):
    _, [head, *_] = exported(lived_in)
    kept = f"{head['row_count']}:{head['head']}"
    other = f"{head['row_count']}:{'0' * 64}"
    longer = f"{head['row_count'] + 1}:{head['head']}"

    same, another, more = (
        lived_in.run("audit", "verify", "--head", one) for one in (kept, other, longer)
    )

    assert (same.returncode, another.returncode, more.returncode) == (0, 1, 1)
    assert "system: PUT_BACK" in another.stdout
    assert "system: PUT_BACK" in more.stdout


# -------------------------------------------------------------- from before there were chains


def test_rows_from_before_there_were_chains_are_chained_once(lived_in):
    change(lived_in, *parts(BEFORE_CHAINS), AN_OLDER_SERVER_WRITES)
    [(older,)] = read(lived_in, "SELECT count(*) FROM journal")
    assert older > 1500  # more than are chained at once

    migrated = lived_in.run("migrate")
    again = lived_in.run("migrate")
    verified = lived_in.run("audit", "verify")

    assert (migrated.returncode, again.returncode) == (0, 0), migrated.stderr
    assert (verified.returncode, verified.stdout) == (0, verified.stdout)
    assert verified.stdout.startswith(f"{older + 1:,} rows of ")
    told = read(lived_in, "SELECT seq FROM journal WHERE type = 'journal.chained'")
    assert told == read(lived_in, "SELECT max(seq) FROM journal")


def test_what_a_version_before_wrote_since_is_named(lived_in):
    change(lived_in, AN_OLDER_SERVER_WRITES + " LIMIT 1")
    assert lived_in.run("migrate").returncode == 0

    done = lived_in.run("audit", "verify")

    assert (done.returncode, ": ADDED seq" in done.stdout) == (1, True)


@pytest.mark.parametrize("what", ["journal_chain", "journal_chain WHERE account_id = ''"])
def test_whoever_removes_the_heads_has_nothing_chained_anew(lived_in, what):
    change(lived_in, f"DELETE FROM {what}", AN_OLDER_SERVER_WRITES + " LIMIT 1")  # noqa: S608
    assert lived_in.run("migrate").returncode == 0

    done = lived_in.run("audit", "verify")

    assert (done.returncode, "HEAD_MISSING" in done.stdout) == (1, True)
    assert ": ADDED seq" in done.stdout


@pytest.mark.postgres("there `migrate` alone chains; a start of SQLite does so itself")
def test_nobody_serves_before_all_is_chained(lived_in):
    change(lived_in, "DELETE FROM journal_chain")
    change(lived_in, "UPDATE journal SET chain_number = NULL")

    refused = lived_in.run("serve")

    assert (refused.returncode, "is not chained yet" in refused.stderr) == (1, True)
    assert "finlink-server migrate" in refused.stderr
    assert lived_in.run("migrate").returncode == 0
    with lived_in.serving() as server:
        answer = server.caller(lived_in.operator_key).accounts.VerifyAuditLog()
        assert answer == v1.VerifyAuditLogResponse(row_count=answer.row_count, head=answer.head)
