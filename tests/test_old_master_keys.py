"""The journal across rotations of the master key: the old key alters no row of it unseen."""

from __future__ import annotations

import pytest
from tests.lived_in import blob, change, read
from tests.processes import Home

from finlink_server import key_file
from finlink_server.domain import audit_rows
from finlink_server.domain.audit_chain import COLUMNS, Chain, Head
from finlink_server.domain.audit_rows import Row

pytestmark = pytest.mark.either("what a key is worth is the same on both")


def test_an_altered_row_of_an_old_epoch_is_named(lived_in):
    assert lived_in.run("master-key", "rotate").returncode == 0
    [(seq, row_id), *_] = read(lived_in, "SELECT seq, id FROM journal WHERE account_id <> ''")

    change(lived_in, f"UPDATE journal SET target_id = 'x' WHERE seq = {seq}")  # noqa: S608

    told = lived_in.run("audit", "verify")
    assert told.returncode == 1
    assert f"ALTERED seq {seq} {row_id}" in told.stdout


@pytest.mark.parametrize("grows_on", [True, False])
def test_a_row_altered_with_the_old_key_is_found(lived_in, grows_on):
    """Whoever has the old key makes every row after it fit again, and the head if it helps."""
    old = Chain(key_file.load(lived_in.master_key))
    account = str(read(lived_in, "SELECT max(id) FROM account")[0][0])
    assert lived_in.run("master-key", "rotate").returncode == 0
    before = rows_of(lived_in, account)
    if grows_on:
        with lived_in.serving() as server:
            operator = server.caller(lived_in.operator_key)
            operator.admin.SuspendAccount(account_id=account)

    end = remade(lived_in, old, before)
    if not grows_on:
        head = old.pack(account, Head(len(before), end, len(before)))
        change(lived_in, set_blob(lived_in, "journal_chain", "head", head, "account_id", account))

    told = lived_in.run("audit", "verify", "--account", account)
    assert told.returncode == 1
    assert ("an older master key" if grows_on else "HEAD_ALTERED") in told.stdout


def rows_of(home: Home, account: str) -> list[Row]:
    columns = f"seq, {', '.join(COLUMNS)}, count, chain_number, chain_mac, count_mac"
    sql = f"SELECT {columns} FROM journal WHERE account_id = '{account}' ORDER BY seq"  # noqa: S608
    return [audit_rows._row(row) for row in read(home, sql)]


def remade(home: Home, chain: Chain, rows: list[Row]) -> bytes:
    """Alter the second of some rows, and give it and those after it new MACs; the last MAC."""
    mac: bytes = rows[0].mac
    for row in rows[1:]:
        values = list(row.values)
        if row is rows[1]:
            values[COLUMNS.index("target_id")] = "x"
            change(home, f"UPDATE journal SET target_id = 'x' WHERE seq = {row.seq}")  # noqa: S608
        mac = chain.mac(mac, row.number, values)
        change(home, set_blob(home, "journal", "chain_mac", mac, "seq", row.seq))
    return mac


def set_blob(home: Home, table: str, column: str, value: bytes, key: str, of: object) -> str:
    return f"UPDATE {table} SET {column} = {blob(home, value)} WHERE {key} = '{of}'"  # noqa: S608


def test_an_older_head_is_worth_nothing_afterwards(lived_in):
    account = str(read(lived_in, "SELECT max(id) FROM account")[0][0])
    [(head,)] = read(lived_in, f"SELECT head FROM journal_chain WHERE account_id = '{account}'")  # noqa: S608
    assert lived_in.run("master-key", "rotate").returncode == 0

    change(lived_in, set_blob(lived_in, "journal_chain", "head", head, "account_id", account))

    told = lived_in.run("audit", "verify")
    assert (told.returncode, f"{account}: HEAD_ALTERED" in told.stdout) == (1, True)
