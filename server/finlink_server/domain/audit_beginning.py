"""The rows from before there were chains: chained once, by whoever prepares the database."""

from dataclasses import replace
from typing import Final

from finlink_server.crypto import SealBroken
from finlink_server.domain import journal
from finlink_server.domain.audit_chain import COLUMNS, HEADS, SET_HEAD, SYSTEM, Chain, Head
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.storage.database import Database, DatabaseError, Rows

_UNCHAINED: Final = (
    f"SELECT seq, {', '.join(COLUMNS)}, count FROM journal"  # noqa: S608
    " WHERE seq > ? AND chain_number IS NULL ORDER BY seq LIMIT ?"
)
_LAST: Final = "SELECT max(seq) FROM journal"
_CHAIN_ROW: Final = (
    "UPDATE journal SET chain_number = ?, chain_mac = ?, count_mac = ? WHERE seq = ?"
)
_ANY_CHAINED: Final = (
    "SELECT 1 FROM journal_chain LIMIT 1",
    "SELECT 1 FROM journal WHERE chain_number IS NOT NULL LIMIT 1",
)
_AT_ONCE: Final = 500


def chain_older(env: Env, caller: Caller) -> int | None:
    """Chain the rows from before there were chains, once, some at a time; the last one's seq.

    Nobody of this version serves meanwhile: see `refuse_unchained`. Whoever makes a
    database look as it was before the chains has its rows chained anew, as they are then:
    that this was done stands in the journal, and a head that was kept tells.
    """
    chain, after, last, is_over = Chain(env.keyring), float("-inf"), None, False
    while not is_over:
        with env.transaction():
            env.database.lock_journal()
            if not _is_to_be_chained(env.database, chain):
                return None
            rows = env.database.execute(_UNCHAINED, after, _AT_ONCE).fetchall()
            is_over = len(rows) < _AT_ONCE  # and nobody writes more before this is committed
            _chain_rows(env.database, chain, rows, is_over=is_over)
            after = rows[-1][0] if rows else after
            last = env.database.execute(_LAST).fetchone()[0]
            if is_over and last is not None:  # whoever chained them, and was broken off
                journal.write(env, caller, "journal.chained", "journal", until=last)
    return last


def refuse_unchained(env: Env) -> None:
    """Refuse a database whose older rows are not chained yet: new ones would come before them."""
    if _is_to_be_chained(env.database, Chain(env.keyring)):
        name, remedy = env.database.name, env.database.remedy
        message = f"The journal of the database {name} is not chained yet. {remedy}"
        raise DatabaseError(message)


def _is_to_be_chained(database: Database, chain: Chain) -> bool:
    """Whether there are no chains yet, or not of all rows. One that was removed is no reason."""
    for _, packed in database.among(HEADS, [SYSTEM]):
        try:
            return chain.unpack(SYSTEM, packed).is_partial
        except SealBroken:
            return False
    return not any(database.execute(sql).fetchone() for sql in _ANY_CHAINED)


def _chain_rows(database: Database, chain: Chain, rows: Rows, *, is_over: bool) -> None:
    accounts = {row[1 + COLUMNS.index("account_id")] for row in rows}
    found = database.among(HEADS, [SYSTEM, *accounts])
    heads = {account: chain.unpack(account, packed) for account, packed in found}
    new, written = len(accounts - heads.keys() - {SYSTEM}), []
    for seq, *values, count in rows:
        row = dict(zip(COLUMNS, values, strict=True))
        head = heads.get(row["account_id"], Head())
        mac = chain.mac(head.mac, head.rows + 1, values)
        count_mac = chain.count_mac(row["id"], count) if row["once"] else None
        written.append((head.rows + 1, mac, count_mac, seq))
        heads[row["account_id"]] = head.after(mac, count)
    system = heads.get(SYSTEM, Head())
    heads[SYSTEM] = replace(system, chains=system.chains + new, is_partial=not is_over)
    database.write_many(_CHAIN_ROW, written)
    database.write_many(SET_HEAD, [(one, chain.pack(one, heads[one])) for one in heads])
