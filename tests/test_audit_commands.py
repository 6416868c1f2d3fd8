"""`finlink-server audit verify` and `audit export`, on a database of their own."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pytest
from tests import people
from tests.faults.stores import store_of
from tests.lived_in import change, read
from tests.processes import Home, run
from tests.races import Race

from finlink_server.domain.audit_chain import COLUMNS

pytestmark = pytest.mark.either("rows are read alike; what reads and writes at once runs on both")


def on_both(test):
    """Run on both databases."""
    return pytest.mark.sqlite("here it locks")(pytest.mark.postgres("and here")(test))


_NOBODY = 65534
# Everything is imported before that, from where nobody may read.
_AS_NOBODY = f"""
import os, sys
from finlink_server import commands
commands.main(["audit", sys.argv[1]], standalone_mode=False)
if os.geteuid() == 0:
    os.setuid({_NOBODY})
os.environ["FINLINK_DATA_DIR"] = sys.argv[2]
commands.main(["audit", sys.argv[1]])
"""


def accounts_of(home):
    return [row[0] for row in read(home, "SELECT id FROM account ORDER BY id")]


def exported(home, *options):
    """The rows and the heads that `audit export` prints."""
    done = home.run("audit", "export", *options)
    assert (done.returncode, done.stderr) == (0, "")
    lines = list(map(json.loads, done.stdout.splitlines()))
    heads = [line for line in lines if "head" in line]
    assert lines[len(lines) - len(heads) :] == heads
    return lines[: len(lines) - len(heads)], heads


# ----------------------------------------------------------------------------------- verify


@on_both
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


@pytest.mark.parametrize("command", ["verify", "export"])
def test_a_copy_that_nobody_has_used_stays_one(lived_in, command):
    change(lived_in, "INSERT INTO property (key, value) VALUES ('unused_copy', '')")

    done = lived_in.run("audit", command)

    assert done.returncode == 0, done.stderr
    assert read(lived_in, "SELECT 1 FROM property WHERE key = 'unused_copy'")


@pytest.mark.sqlite("the other is read in transactions that may not write")
@pytest.mark.parametrize("command", ["verify", "export"])
def test_a_file_on_a_disk_that_is_read_only_can_be_read(lived_in, command):
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # for somebody else, if we are root: who may write anywhere
        home = lived_in.copy_to(Path(folder) / "home")
        before = {one.name: one.read_bytes() for one in home.path.iterdir()}
        for one in (*home.path.iterdir(), home.path):
            one.chmod(0o500 if one.is_dir() else 0o400)
            if os.geteuid() == 0:
                os.chown(one, _NOBODY, _NOBODY)
        done = run("-c", _AS_NOBODY, command, str(home.path), env=lived_in.environment({}))
        home.path.chmod(0o700)

        after = {one.name: one.read_bytes() for one in home.path.iterdir()}
    assert done.returncode == 0, done.stderr
    assert after == before


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


@on_both
def test_two_processes_write_one_chain_and_one_is_killed(lived_in):
    with lived_in.serving() as one, lived_in.serving() as other:
        operator = one.caller(lived_in.operator_key)
        account = people.new_account(operator)
        made = people.new_secret(account, people.new_app(account))
        callers = [one.caller(), other.caller()]

        def work(number):
            with suppress(grpc.RpcError):  # of those who were with the one that is killed
                for _ in range(10):
                    replace(made, caller=callers[number % 2]).start()
                one.kill()

        Race(8, work)
        answer = other.caller(lived_in.operator_key).accounts.VerifyAuditLog(account_id=account.id)

    done = lived_in.run("audit", "verify", "--account", account.id)
    assert not answer.HasField("first_problem")
    assert answer.row_count > 50
    assert (done.returncode, f"{answer.row_count}:{answer.head}" in done.stdout) == (0, True)


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
