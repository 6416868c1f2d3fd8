"""Reading the journal for those who verify it and those who take it elsewhere."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from finlink_server.crypto import SealBroken
from finlink_server.domain.audit_chain import COLUMNS, SYSTEM, Chain, Head
from finlink_server.domain.journal import Filter
from finlink_server.env import Env

AT_ONCE: Final = 500
_SELECT: Final = (
    f"SELECT seq, {', '.join(COLUMNS)}, count, chain_number, chain_mac, count_mac FROM journal"  # noqa: S608
)
_NEXT: Final = f"{_SELECT} WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?"
_NUMBERED: Final = f"{_SELECT} WHERE account_id = ? AND chain_number = ? AND seq <> ? ORDER BY seq"
_HEAD: Final = "SELECT head FROM journal_chain WHERE account_id = ?"
_COUNTS: Final = "SELECT sum(count) FROM journal WHERE account_id = ?"
_CHAINS: Final = "SELECT count(*) FROM journal_chain WHERE account_id <> ''"
_NEXT_CHAIN: Final = """
SELECT min(account_id) FROM (
    SELECT min(account_id) AS account_id FROM journal WHERE account_id > ?
    UNION ALL SELECT min(account_id) FROM journal_chain WHERE account_id > ?
) AS both_tables
"""


class Row(NamedTuple):
    """A row of the journal as it stands, with what chains it."""

    seq: int
    values: tuple[Any, ...]  # of COLUMNS
    count: Any
    number: Any
    mac: Any
    count_mac: Any

    @property
    def is_chained(self) -> bool:
        """Whether it says where in a chain it stands: rightly or not."""
        return isinstance(self.number, int) and isinstance(self.mac, bytes)

    @property
    def said(self) -> dict[str, Any]:
        """What it says, by column."""
        return dict(zip(COLUMNS, self.values, strict=True))


_BEFORE_ALL: Final = Row(0, (), 0, 0, b"", b"")


def chains(env: Env) -> Iterator[str]:
    """Every chain there is or should be, the system's first."""
    chain: str | None = SYSTEM
    while chain is not None:
        yield chain
        chain = env.database.execute(_NEXT_CHAIN, chain, chain).fetchone()[0]


def following(env: Env, chain: str, seq: int) -> list[Row]:
    """Some rows of a chain after a place, in order."""
    return list(map(_row, env.database.execute(_NEXT, chain, seq, AT_ONCE).fetchall()))


def numbered(env: Env, chain: str, number: int, apart_from: Row) -> list[Row]:
    """Those rows of a chain that have a number, apart from one."""
    found = env.database.execute(_NUMBERED, chain, number, apart_from.seq)
    return list(map(_row, found.fetchall()))


def sum_of_counts(env: Env, chain: str) -> int:
    """Add up how often everything in a chain happened."""
    return int(env.database.execute(_COUNTS, chain).fetchone()[0] or 0)


def count_chains(env: Env) -> int:
    """Count the chains of accounts."""
    return int(env.database.execute(_CHAINS).fetchone()[0])


def head(env: Env, chain: str) -> tuple[bool, Head | None]:
    """Whether a chain has a head, and what that says if nobody altered it."""
    found = env.database.execute(_HEAD, chain).fetchone()
    if found is None:
        return False, None
    try:
        return True, Chain(env.keyring).unpack(chain, found[0])
    except SealBroken:
        return True, None


def export(env: Env, wanted: Filter) -> Iterator[Mapping[str, Any]]:
    """Read every column of the rows of an account and a time, the oldest first."""
    conditions = {
        "account_id = ?": wanted.account_id or None,
        "time >= ?": wanted.start_time,
        "time < ?": wanted.end_time,
    }
    given = {text: value for text, value in conditions.items() if value is not None}
    sql = f"{_SELECT} WHERE {' AND '.join(['seq > ?', *given])} ORDER BY seq LIMIT ?"
    rows = [_BEFORE_ALL]
    while rows:
        found = env.database.execute(sql, rows[-1].seq, *given.values(), AT_ONCE).fetchall()
        rows = list(map(_row, found))
        yield from map(_columns, rows)


def _columns(row: Row) -> dict[str, Any]:
    columns = {"seq": row.seq, **row.said, "count": row.count, "chain_number": row.number}
    columns |= {"chain_mac": row.mac, "count_mac": row.count_mac}
    with suppress(TypeError, ValueError):  # what somebody altered is told as it stands
        columns["facts"] = json.loads(columns["facts"])
    return columns


def _row(found: tuple[Any, ...]) -> Row:
    many = 1 + len(COLUMNS)
    return Row(found[0], tuple(found[1:many]), *found[many:])
