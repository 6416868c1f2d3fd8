"""Reading the journal for those who verify it and those who take it elsewhere."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from finlink_server import deadline
from finlink_server.crypto import SealBroken
from finlink_server.domain.audit_chain import COLUMNS, SYSTEM, Chain, Head
from finlink_server.domain.journal import Filter
from finlink_server.env import Env

AT_ONCE: Final = 100
_MANY: Final = 1000
BEFORE_ALL: Final = float("-inf")  # every seq, those that no service would give included
_SELECT: Final = (
    f"SELECT seq, {', '.join(COLUMNS)}, count, chain_number, chain_mac, count_mac FROM journal"  # noqa: S608
)
_NEXT: Final = f"{_SELECT} WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?"
_NUMBERED: Final = f"{_SELECT} WHERE account_id = ? AND chain_number = ? AND seq <> ? ORDER BY seq"
_IN_NONE: Final = f"{_SELECT} WHERE account_id IS NULL ORDER BY seq LIMIT 1"
_HEAD: Final = "SELECT head FROM journal_chain WHERE account_id = ?"
_COUNT: Final = "SELECT count(*) FROM journal WHERE account_id = ?"
_COUNTS: Final = (
    "SELECT seq, count FROM journal WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?"
)
_CHAININGS: Final = (
    "SELECT time, facts FROM journal WHERE account_id = ? AND type = 'journal.chained' ORDER BY seq"
)
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


def chains(env: Env) -> Iterator[str]:
    """Every chain there is or should be, the system's first."""
    chain: str | None = SYSTEM
    while chain is not None:
        yield chain
        chain = env.database.read(_NEXT_CHAIN, chain, chain)[0][0]


def following(env: Env, chain: str, seq: float) -> list[Row]:
    """Some rows of a chain after a place, in order."""
    return list(map(_row, env.database.read(_NEXT, chain, seq, AT_ONCE)))


def numbered(env: Env, chain: str, number: int, apart_from: Row) -> list[Row]:
    """Those rows of a chain that have a number, apart from one."""
    if number < 1:  # there is none, and the database may not even take it
        return []
    return list(map(_row, env.database.read(_NUMBERED, chain, number, apart_from.seq)))


def in_none(env: Env) -> Row | None:
    """The first row that is in no chain, where somebody took that rule from the table."""
    found = env.database.read(_IN_NONE)
    return _row(found[0]) if found else None


def count(env: Env, chain: str) -> int:
    """Count the rows of a chain."""
    return int(env.database.read(_COUNT, chain)[0][0])


def sum_of_counts(env: Env, chain: str) -> int:
    """Add up how often everything in a chain happened; here, for a sum may be out of bounds."""
    total, seq, found = 0, BEFORE_ALL, None
    while found != []:
        deadline.check_caller()
        found = env.database.read(_COUNTS, chain, seq, _MANY)
        total += sum(one for _, one in found if isinstance(one, int))
        seq = found[-1][0] if found else seq
    return total


def count_chains(env: Env) -> int:
    """Count the chains of accounts."""
    return int(env.database.read(_CHAINS)[0][0])


def head(env: Env, chain: str) -> tuple[bool, Head | None]:
    """Whether a chain has a head, and what that says if nobody altered it."""
    found = env.database.read(_HEAD, chain)
    if not found:
        return False, None
    try:
        return True, Chain(env.keyring).unpack(chain, found[0][0])
    except SealBroken:
        return True, None


def chainings(env: Env) -> list[tuple[Any, Any]]:
    """When older rows were chained, and up to which one: once, or somebody made it twice."""
    return env.database.read(_CHAININGS, SYSTEM)


def export(env: Env, wanted: Filter) -> Iterator[Mapping[str, Any]]:
    """Read every column of the rows of an account and a time, the oldest first."""
    conditions = {
        "account_id = ?": wanted.account_id or None,
        "time >= ?": wanted.start_time,
        "time < ?": wanted.end_time,
    }
    given = {text: value for text, value in conditions.items() if value is not None}
    sql = f"{_SELECT} WHERE {' AND '.join(['seq > ?', *given])} ORDER BY seq LIMIT ?"
    rows = list(map(_row, env.database.read(sql, BEFORE_ALL, *given.values(), AT_ONCE)))
    while rows:
        yield from map(_columns, rows)
        found = env.database.read(sql, rows[-1].seq, *given.values(), AT_ONCE)
        rows = list(map(_row, found))


def _columns(row: Row) -> dict[str, Any]:
    columns = {"seq": row.seq, **row.said, "count": row.count, "chain_number": row.number}
    columns |= {"chain_mac": row.mac, "count_mac": row.count_mac}
    # What somebody altered is told as it stands: it may be no JSON, or none that can be printed.
    with suppress(TypeError, ValueError, RecursionError):
        facts = json.loads(columns["facts"])
        json.dumps(facts, allow_nan=False)
        columns["facts"] = facts
    return columns


def _row(found: tuple[Any, ...]) -> Row:
    many = 1 + len(COLUMNS)
    return Row(found[0], tuple(found[1:many]), *found[many:])
