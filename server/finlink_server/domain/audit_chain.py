"""The chain of the journal's rows: who alters one, without the master key, is found out.

Each account's rows are a chain, and so are those about no account (the system's chain,
with an empty id). A row bears its number in its chain and a MAC over that, over all that
it says, and over the MAC of the row before it. Where a chain ends, its head says, under a MAC too.
So an altered row breaks the chain at its place, and so does one that was taken away, put
in, or moved; what is missing at the end, the head tells.

A row of refusals is counted up later, so its count has a MAC of its own; an older count,
put back with the MAC that it had, is missing in the head's sum. A chain that is missing as
a whole is missing in the number of chains, in the head of the system's.

What no MAC here can tell is what was put back together with all that vouches for it: an old
copy of the whole database, or the rows of one chain with the head that they had. A head that
was exported, and kept elsewhere, does.
"""

import hmac
import json
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from finlink_server.crypto import Keyring, SealBroken
from finlink_server.domain import journal
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.storage.database import Database, DatabaseError, Entry, Rows, Statement

SYSTEM: Final = ""  # the chain of rows about no account
NOTHING: Final = bytes(32)  # stands before the first row
# What a row says. Its seq is its place; its count changes.
COLUMNS: Final = (
    "id",
    "type",
    "event",
    "time",
    "account_id",
    "app_id",
    "actor_kind",
    "actor_id",
    "target_id",
    "facts",
    "call_id",
    "client_trace_id",
    "client_address",
    "once",
)
_INSERT: Final = (
    f"INSERT INTO journal ({', '.join(COLUMNS)}, count, chain_number, chain_mac, count_mac)"  # noqa: S608
    f" VALUES ({'?, ' * len(COLUMNS)}1, ?, ?, ?) RETURNING seq"
)
_COUNT: Final = "UPDATE journal SET count = ?, count_mac = ? WHERE once = ?"
_COUNTED: Final = "SELECT once, id, account_id, count, count_mac FROM journal WHERE once IN (...)"
_HEADS: Final = "SELECT account_id, head FROM journal_chain WHERE account_id IN (...)"
# A row may be about another account than what is counted in it: about one that was made since.
_OF_COUNTED: Final = " OR account_id IN (SELECT account_id FROM journal WHERE once IN (...))"
_SET_HEAD: Final = (
    "INSERT INTO journal_chain (account_id, head) VALUES (?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET head = excluded.head"
)
_LAYOUT: Final = struct.Struct(">QQQ?32s")
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
_MOST: Final = 2**63 - 1  # that a column holds


@dataclass(frozen=True)
class Head:
    """Where a chain ends."""

    rows: int = 0
    mac: bytes = NOTHING  # of the last row
    count: int = 0  # the sum of all rows' counts
    # In the system's head alone: how many chains there are beside it, and whether rows from
    # before there were any are still being chained.
    chains: int = 0
    is_partial: bool = False

    def after(self, mac: bytes, count: int = 1) -> "Head":
        """Where it ends with one row more."""
        return replace(self, rows=self.rows + 1, mac=mac, count=self.count + count)


class Chain:
    """Chains rows with keys that are derived from the master key."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def questions(self, entries: Sequence[Entry]) -> list[Statement]:
        """Ask for the heads of the chains, and for what is to be counted."""
        chains = {SYSTEM, *(entry.row["account_id"] for entry in entries)}
        counted = {entry.row["once"] for entry in entries if entry.is_counted}
        heads, names = _among(_HEADS, chains)
        if not counted:
            return [(heads, names)]
        more, keys = _among(_OF_COUNTED, counted)
        return [(heads + more, [*names, *keys]), _among(_COUNTED, counted)]

    def statements(self, entries: Sequence[Entry], answers: Sequence[Rows]) -> list[Statement]:
        """Make the statements that write the rows, and the heads after them."""
        heads = self._heads(answers[0])
        counted = {once: Count(*found) for found_all in answers[1:] for once, *found in found_all}
        made: list[Statement] = []
        ends = dict(heads)
        for row, is_counted in entries:
            found = counted.get(row["once"]) if is_counted else None
            chain = found.account_id if found else row["account_id"]
            head = ends.get(chain, Head())
            if found:
                found = self._count_up(found)
                made.append((_COUNT, (found.count, found.mac, row["once"])))
                ends[chain] = replace(head, count=head.count + 1)
            else:
                ends[chain], statement, found = self._insert(head, row)
                made.append(statement)
            if is_counted:
                counted[row["once"]] = found
        new = len(ends.keys() - {chain for chain, _ in answers[0]} - {SYSTEM})
        if new:
            system = ends.get(SYSTEM, Head())
            ends[SYSTEM] = replace(system, chains=system.chains + new)
        return made + [
            (_SET_HEAD, (chain, self.pack(chain, head)))
            for chain, head in ends.items()
            if head != heads.get(chain)
        ]

    def mac(self, before: bytes, number: int, values: Sequence[object]) -> bytes:
        """The MAC of a row with this number, after the row with that MAC."""
        return self._keyring.mac("journal-chain", before + _encode(number, *values))

    def count_mac(self, row_id: str, count: int) -> bytes:
        """The MAC of a row's count."""
        return self._keyring.mac("journal-count", _encode(row_id, count))

    def pack(self, chain: str, head: Head) -> bytes:
        """Pack the head of a chain, with its MAC.

        Not sealed by AES-GCM: nothing in it is secret, and with a random nonce for each row
        of the journal a busy service would use up what one key may (NIST SP 800-38D §8.3).
        """
        packed = _LAYOUT.pack(head.rows, head.count, head.chains, head.is_partial, head.mac)
        return packed + self._head_mac(chain, packed)

    def unpack(self, chain: object, found: object) -> Head:
        """Unpack the head of a chain, or raise SealBroken."""
        size = _LAYOUT.size
        if not isinstance(found, bytes) or not isinstance(chain, str):
            raise SealBroken(str(chain))
        if not is_mac(found[size:], self._head_mac(chain, found[:size])):
            raise SealBroken(chain)
        rows, count, chains, is_partial, mac = _LAYOUT.unpack(found[:size])
        return Head(rows, mac, count, chains, is_partial)

    def _head_mac(self, chain: str, packed: bytes) -> bytes:
        return self._keyring.mac("journal-head", packed + chain.encode(errors="surrogateescape"))

    def _heads(self, found: Rows) -> dict[str, Head]:
        """Open heads. In the place of one that somebody broke begins another, which shows."""
        heads = {}
        for chain, packed in found:
            with suppress(SealBroken):
                heads[chain] = self.unpack(chain, packed)
        return heads

    def _insert(self, head: Head, row: Mapping[str, Any]) -> tuple[Head, Statement, "Count"]:
        values = [row[name] for name in COLUMNS]
        mac = self.mac(head.mac, head.rows + 1, values)
        count_mac = self.count_mac(row["id"], 1) if row["once"] else None
        statement = (_INSERT, (*values, head.rows + 1, mac, count_mac))
        return head.after(mac), statement, Count(row["id"], row["account_id"], 1, count_mac)

    def _count_up(self, found: "Count") -> "Count":
        """Count once more. What somebody altered stays wrong: it is given no MAC."""
        is_number = isinstance(found.count, int) and found.count < _MOST
        count = found.count + 1 if is_number else found.count
        is_right = is_mac(found.mac, self.count_mac(found.id, found.count))
        return replace(
            found, count=count, mac=self.count_mac(found.id, count) if is_right else None
        )


@dataclass(frozen=True)
class Count:
    """A counted row, as it stands."""

    id: str
    account_id: str
    count: Any
    mac: Any


def is_mac(found: object, expected: bytes) -> bool:
    """Whether that stands in a column which should: anything may stand there."""
    return isinstance(found, bytes) and hmac.compare_digest(found, expected)


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
    for _, packed in database.among(_HEADS, [SYSTEM]):
        try:
            return chain.unpack(SYSTEM, packed).is_partial
        except SealBroken:
            return False
    return not any(database.execute(sql).fetchone() for sql in _ANY_CHAINED)


def _chain_rows(database: Database, chain: Chain, rows: Rows, *, is_over: bool) -> None:
    accounts = {row[1 + COLUMNS.index("account_id")] for row in rows}
    found = database.among(_HEADS, [SYSTEM, *accounts])
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
    database.write_many(_SET_HEAD, [(one, chain.pack(one, heads[one])) for one in heads])


def _encode(*values: object) -> bytes:
    """A text for values that no others have; `repr` for what only somebody else puts there."""
    return json.dumps(values, default=repr).encode()


def _among(sql: str, values: set[str]) -> Statement:
    return sql.replace("...", ", ".join("?" * len(values))), sorted(values)
