"""What no service writes, somebody may: it is named, and hides nothing else."""

from __future__ import annotations

import json
from contextlib import closing

import pysqlite3
import pytest
from tests.lived_in import change, read
from tests.vandals import kind_of

pytestmark = pytest.mark.either(
    "rows are read alike; tests/test_audit_verification.py runs on both"
)

_ACCOUNT = "(SELECT min(account_id) FROM journal WHERE account_id <> '')"
ROW = f"seq = (SELECT min(seq) + 1 FROM journal WHERE account_id = {_ACCOUNT})"  # noqa: S608
ODD = [
    "target_id = CAST(x'ff41' AS TEXT)",
    "id = CAST(x'eda080' AS TEXT)",
    "type = char(0) || 'a'",
    "time = 9223372036854775807",
    "time = -9223372036854775808",
    "time = 1e300",
    "chain_number = -9223372036854775808",
]
KINDS = {
    "chain_number = 'abc'": "ADDED",
    "chain_mac = 'abc'": "ADDED",
    "count = 9223372036854775807": "COUNT_ALTERED",
    "count = 1e999": "COUNT_ALTERED",
    "count = 'abc'": "COUNT_ALTERED",
    "count = x'00'": "COUNT_ALTERED",
}
# A row like the journal's first, in the chain that is named.
COPY = """
INSERT INTO journal (seq, id, type, time, account_id, app_id, actor_kind, actor_id, target_id,
    facts, call_id, client_trace_id, client_address, count, event)
SELECT 9999, 'evt_added', type, time, {}, app_id, actor_kind, actor_id, target_id, facts, call_id,
    client_trace_id, client_address, 1, event FROM journal ORDER BY seq LIMIT 1
"""


@pytest.fixture(scope="module")
def operator(scene):
    return scene.operator


@pytest.fixture
def clock(scene):
    return scene.clock


@pytest.mark.sqlite("its columns take anything")
@pytest.mark.parametrize("odd", [*ODD, *KINDS])
def test_one_cell_of_no_sense_is_one_problem(vandal, operator, chain, odd):
    row = vandal.rows(chain)[3]

    vandal.run(f"UPDATE journal SET {odd} WHERE seq = ?", row["seq"])  # noqa: S608

    answer = operator.accounts.VerifyAuditLog(account_id=chain)
    vandal.delete(row)
    assert kind_of(answer) == KINDS.get(odd, "ALTERED")
    assert answer.first_problem.event_type == row["type"] or odd.startswith("type")


def test_counts_that_no_number_holds_together_are_named(vandal, operator, chain):
    rows = vandal.rows(chain)

    for row in rows[3:5]:
        vandal.set(row, count=2**63 - 1)

    answer = operator.accounts.VerifyAuditLog(account_id=chain)
    assert (kind_of(answer), answer.first_problem.event_id) == ("COUNT_ALTERED", rows[3]["id"])


# ------------------------------------------------------------------------- on the command line


@pytest.mark.sqlite("its columns take anything")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (COPY.format("x'61'"), "b'a': ADDED seq 9999 evt_added"),
        (COPY.format("CAST(x'61ff' AS TEXT)"), r"'a\udcff': ADDED seq 9999 evt_added"),
        ("INSERT INTO journal_chain VALUES (x'61', x'00')", "b'a': HEAD_ALTERED"),
        ("INSERT INTO journal_chain VALUES ('a', 1.5)", "a: HEAD_ALTERED"),
    ],
)
def test_a_chain_that_no_account_has_hides_no_other(lived_in, statement, said):
    altered = "UPDATE journal SET type = 'x' WHERE account_id = (SELECT max(id) FROM account)"
    change(lived_in, statement, altered)

    done = lived_in.run("audit", "verify")

    [(last,)] = read(lived_in, "SELECT max(id) FROM account")
    assert (done.returncode, said in done.stdout) == (1, True), done.stdout + done.stderr
    assert f"{last}: ALTERED" in done.stdout


def test_what_somebody_wrote_neither_ends_a_line_nor_fills_the_screen(lived_in):
    forged = "chr(27) || '[2J' || chr(10) || '9 rows are as they were written'"
    forged = forged.replace("chr", "char") if lived_in.place.kind == "sqlite" else forged
    long = "UPDATE journal SET type = '{}' WHERE account_id = ''"
    change(lived_in, COPY.format(forged), long.format("x" * 10_000))

    done = lived_in.run("audit", "verify")

    assert (done.returncode, "\x1b" in done.stdout) == (1, False)
    assert [line for line in done.stdout.splitlines() if line.startswith("9 rows")] == []
    assert max(map(len, done.stdout.splitlines())) < 400


def test_a_row_of_no_account_is_found_in_the_systems_chain(lived_in):
    if lived_in.place.kind == "sqlite":
        text = "replace(sql, 'account_id TEXT NOT NULL', 'account_id TEXT')"
        with closing(pysqlite3.connect(lived_in.database)) as connection:
            connection.execute("PRAGMA writable_schema = 1")
            connection.execute(f"UPDATE sqlite_schema SET sql = {text} WHERE name = 'journal'")  # noqa: S608
            connection.commit()
    else:
        change(lived_in, "ALTER TABLE journal ALTER COLUMN account_id DROP NOT NULL")
    change(lived_in, COPY.format("NULL"))

    done = lived_in.run("audit", "verify")

    assert (done.returncode, "system: ADDED seq 9999 evt_added" in done.stdout) == (1, True)


@pytest.mark.parametrize("facts", ["[" * 200_000, "{", "NaN", "1" * 5000])
def test_facts_that_are_no_json_are_exported_as_they_stand(lived_in, facts):
    change(lived_in, f"UPDATE journal SET facts = '{facts}' WHERE {ROW}")  # noqa: S608

    done = lived_in.run("audit", "export")

    assert (done.returncode, done.stderr) == (0, "")
    rows = list(map(json.loads, filter(None, done.stdout.split("\n"))))
    assert [row["facts"] for row in rows if row.get("facts") == facts] == [facts]


@pytest.mark.parametrize("text", ["journal.head", "a\u2028b\x85c"])
def test_no_row_is_taken_for_a_head(lived_in, tmp_path, text):
    change(lived_in, f"UPDATE journal SET type = '{text}' WHERE {ROW}")  # noqa: S608
    file = tmp_path / "kept.jsonl"
    file.write_text(lived_in.run("audit", "export").stdout, "utf-8")

    done = lived_in.run("audit", "verify", "--heads", str(file))

    [line] = done.stdout.splitlines()
    assert (done.returncode, ": ALTERED" in line) == (1, True)
