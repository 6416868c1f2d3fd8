"""A journal from before there were chains: chained once, and never again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.faults.stores import store_of
from tests.lived_in import change, read

from finlink.config import v1
from finlink_server import key_file
from finlink_server.domain.audit_chain import Chain

pytestmark = pytest.mark.either("rows are chained alike on both")

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
SELECT 'evt_' || type || '_' || n, CASE WHEN n <= 7 THEN 'account.created' ELSE 'tests' END, 1,
    'acc_' || n % 7, '', 'SERVER', '', '', '{}',
    '', '', '', CASE WHEN n % 3 = 0 THEN 'once ' || n END,
    CASE WHEN n % 3 = 0 THEN n ELSE 1 END, ''
FROM (SELECT type, row_number() OVER (ORDER BY one.seq) AS n FROM journal one,
    (SELECT 1 FROM bank LIMIT 300) AS many) AS numbered
"""


def parts(script):
    return [part for part in script.split(";") if part.strip()]


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
    assert ("journal chained" in migrated.stderr, "journal chained" in again.stderr) == (
        True,
        False,
    )
    assert f'{{"until":{told[0][0] - 1}}}' in verified.stderr


def test_chaining_that_was_broken_off_after_its_last_rows_is_told_too(lived_in):
    [(last,)] = read(lived_in, "SELECT max(seq) FROM journal")
    chain = Chain(key_file.load(lived_in.master_key))
    [(packed,)] = read(lived_in, "SELECT head FROM journal_chain WHERE account_id = ''")
    partial = replace(chain.unpack("", bytes(packed)), is_partial=True)
    store_of(lived_in).change(
        "UPDATE journal_chain SET head = ? WHERE account_id = ''", chain.pack("", partial)
    )

    assert lived_in.run("migrate").returncode == 0

    [told] = read(lived_in, "SELECT seq, facts FROM journal WHERE type = 'journal.chained'")
    assert told == (last + 1, f'{{"until":{last}}}')


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
