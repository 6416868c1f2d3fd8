"""The chain of the journal's rows: who alters one, without the master key, is found out.

Each account's rows are a chain, and so are those about no account (the system's chain,
with an empty id). A row bears its number in its chain and a MAC over that, over all that
it says, and over the MAC of the row before it. Where a chain ends, its head says, under a MAC too.
So an altered row breaks the chain at its place, and so does one that was taken away, put
in, or moved; what is missing at the end, the head tells.

A row of refusals is counted up later, so its count has a MAC of its own; an older count,
put back with the MAC that it had, is missing in the head's sum. A chain that is missing as
a whole is missing in the number of chains, in the head of the system's.

Each master key begins an epoch, with keys of its own (`crypto.AuditKeys`). Rows keep the
MACs of theirs, for the row after the last of an epoch covers it: so whoever has an older
master key can alter none of them unseen. Heads, and counts that grew, get MACs of the new
epoch when the master key is rotated, and none of before is taken for good after that. The
head of the system's chain is read with every row that is written, and tells that a new
epoch has begun: no process writes on in the one before.

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
from hashlib import sha256
from typing import Any, Final

from finlink_server.crypto import AuditKeys, Keyring, SealBroken
from finlink_server.storage.database import Entry, Rows, Statement

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
HEADS: Final = "SELECT account_id, head FROM journal_chain WHERE account_id IN (...)"
# A row may be about another account than what is counted in it: about one that was made since.
_OF_COUNTED: Final = " OR account_id IN (SELECT account_id FROM journal WHERE once IN (...))"
SET_HEAD: Final = (
    "INSERT INTO journal_chain (account_id, head) VALUES (?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET head = excluded.head"
)
_LAYOUT: Final = struct.Struct(">QQQ?32s")
_MOST: Final = 2**63 - 1  # that a column holds
_MAC_BYTES: Final = 32
_TAIL: Final = _LAYOUT.size + _MAC_BYTES  # of a head, after what tells its epoch


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
        heads, names = _among(HEADS, chains)
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
            (SET_HEAD, (chain, self.pack(chain, head)))
            for chain, head in ends.items()
            if head != heads.get(chain)
        ]

    def mac(self, before: bytes, number: int, values: Sequence[object]) -> bytes:
        """The MAC of a row with this number, after the row with that MAC."""
        return _row_mac(self._keyring.standing.epochs[-1], before, number, values)

    def epoch(
        self, found: object, before: bytes, number: int, values: Sequence[object], since: int = 0
    ) -> int | None:
        """The epoch in which a row got the MAC that was found: that one or a later one."""
        for index, keys in enumerate(self._keyring.standing.epochs[since:], since):
            if is_mac(found, _row_mac(keys, before, number, values)):
                return index
        return None

    def is_newest(self, epoch: int) -> bool:
        """Whether no epoch came after that one."""
        return epoch == len(self._keyring.standing.epochs) - 1

    def count_mac(self, row_id: str, count: int) -> bytes:
        """The MAC of a row's count."""
        return _count_mac(self._keyring.standing.epochs[-1], row_id, count)

    def is_counted(self, found: object, row_id: str, count: int) -> bool:
        """Whether a count has a MAC that is good: one that grew, of no epoch that is over."""
        standing = self._keyring.standing
        good = standing.epochs[standing.oldest_good if count > 1 else 0 :]
        return any(is_mac(found, _count_mac(keys, row_id, count)) for keys in good)

    def pack(self, chain: str, head: Head) -> bytes:
        """Pack the head of a chain, with its MAC.

        Not sealed by AES-GCM: nothing in it is secret, and with a random nonce for each row
        of the journal a busy service would use up what one key may (NIST SP 800-38D §8.3).
        """
        keys = self._keyring.standing.epochs[-1]
        packed = _LAYOUT.pack(head.rows, head.count, head.chains, head.is_partial, head.mac)
        return self._mark(keys) + packed + _head_mac(keys, chain, packed)

    def unpack(self, chain: object, found: object) -> Head:
        """Unpack the head of a chain, or raise SealBroken."""
        if not isinstance(found, bytes) or not isinstance(chain, str):
            raise SealBroken(str(chain))
        mark, packed, mac = found[:-_TAIL], found[-_TAIL:-_MAC_BYTES], found[-_MAC_BYTES:]
        keys = self._keys_of(mark)
        if keys is None or not is_mac(mac, _head_mac(keys, chain, packed)):
            raise SealBroken(chain)
        rows, count, chains, is_partial, last = _LAYOUT.unpack(packed)
        return Head(rows, last, count, chains, is_partial)

    def is_new(self, packed: bytes) -> bool:
        """Whether a head was written in the newest epoch."""
        return packed[:-_TAIL] == self._mark(self._keyring.standing.epochs[-1])

    def _mark(self, keys: AuditKeys) -> bytes:
        """What a head begins with: in the first epoch nothing, as before there were others."""
        is_first = keys.master_id == self._keyring.standing.first_id
        return b"" if is_first else bytes.fromhex(keys.master_id)

    def _keys_of(self, mark: bytes) -> AuditKeys | None:
        """The keys of a head that begins so, if its epoch is not over."""
        if mark not in map(self._mark, self._keyring.standing.epochs):
            self._keyring.learn()
        standing = self._keyring.standing
        good = standing.epochs[standing.oldest_good :]
        return next((keys for keys in good if self._mark(keys) == mark), None)

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
        is_right = is_number and self.is_counted(found.mac, found.id, found.count)
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


def _row_mac(keys: AuditKeys, before: bytes, number: int, values: Sequence[object]) -> bytes:
    return hmac.digest(keys.of_rows, before + _encode(number, *values), sha256)


def _count_mac(keys: AuditKeys, row_id: str, count: int) -> bytes:
    return hmac.digest(keys.of_counts, _encode(row_id, count), sha256)


def _head_mac(keys: AuditKeys, chain: str, packed: bytes) -> bytes:
    return hmac.digest(keys.of_heads, packed + chain.encode(errors="surrogateescape"), sha256)


def _encode(*values: object) -> bytes:
    """A text for values that no others have; `repr` for what only somebody else puts there."""
    return json.dumps(values, default=repr).encode()


def _among(sql: str, values: set[str]) -> Statement:
    return sql.replace("...", ", ".join("?" * len(values))), sorted(values)
