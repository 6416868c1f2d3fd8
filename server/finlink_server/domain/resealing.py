"""Sealing anew, in small batches, what was sealed with the master key before.

Others serve meanwhile. A batch is a transaction of its own, and what somebody changes
between reading and writing stays as he changed it: it was sealed anew by that. On
PostgreSQL rows that somebody has locked are stepped over, and found in another pass. After
each batch there is a pause, longer than the batch was, in which others have the database.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from finlink_server.crypto import SealBroken
from finlink_server.domain.audit_chain import SET_HEAD, SYSTEM, Chain
from finlink_server.domain.sealed_columns import TABLES, Column, Table
from finlink_server.env import Env

_PAGE: Final = 500  # rows that are read at once
_BATCH: Final = 50  # rows that are written at once
_LONGEST_PAUSE: Final = 0.1  # seconds
_PAUSES: Final = 3  # times as long as what came before it
_CHAINS: Final = (
    "SELECT account_id, head FROM journal_chain WHERE account_id > ? ORDER BY account_id LIMIT ?"
)
_LAST_SEQ: Final = "SELECT max(seq) FROM journal"
_COUNTED: Final = (
    "SELECT seq, id, count, count_mac FROM journal"
    " WHERE seq > ? AND seq <= ? AND count > 1 ORDER BY seq"
)
_SEQS: Final = 10_000  # looked through at once
_SET_COUNT_MAC: Final = "UPDATE journal SET count_mac = ? WHERE seq = ?"

Row = tuple[Any, ...]
# Told what is done, and of how much.
Tell = Callable[[str, int], None]


@dataclass
class Tally:
    """What came of it."""

    rows: int = 0  # that were sealed anew
    left: int = 0  # that somebody had locked
    broken: list[str] = field(default_factory=list)  # what no key opens


@dataclass
class Resealing:
    """One pass or several over everything that is sealed."""

    env: Env
    tell: Tell
    rest: Callable[[float], None] = time.sleep
    tally: Tally = field(default_factory=Tally)

    def seal_all(self) -> None:
        """Seal anew whatever is not sealed with the key that seals."""
        self.tally.left, self.tally.broken = 0, []
        for table in TABLES:
            done = 0
            for rows in _pages(self.env, table, self._pause):
                for first in range(0, len(rows), _BATCH):
                    self._batch(table, rows[first : first + _BATCH])
                done += len(rows)
                self.tell(table.name, done)

    def authenticate_all(self) -> None:
        """Give heads of chains, and counts that grew, MACs of the newest epoch."""
        chain = Chain(self.env.keyring)
        self._heads(chain)
        self._counts(chain)

    def _batch(self, table: Table, rows: Sequence[Row]) -> None:
        began = time.monotonic()
        old = [row for row in rows if self._is_old(table, row)]
        if not old:
            return
        with self.env.transaction():
            free = {row[: len(table.key)]: row for row in _locked(self.env, table, old)}
            for column in table.columns:
                self._write(table, column, list(free.values()))
        self.tally.left += len(old) - len(free)
        self.tally.rows += len(free)
        self._pause(time.monotonic() - began)

    def _write(self, table: Table, column: Column, rows: Sequence[Row]) -> None:
        size, place = len(table.key), len(table.key) + table.columns.index(column)
        where = " AND ".join(f"{name} = ?" for name in (*table.key, column.name))
        written = []
        for row in rows:
            key, stored = row[:size], row[place]
            if stored is None or self._is_new(column, stored):
                continue
            try:
                plain = self.env.keyring.open(column.bytes_of(stored), column.place(*key))
            except (SealBroken, ValueError):
                continue  # told by whoever verifies
            sealed = self.env.keyring.seal(plain, column.place(*key))
            written.append((column.stored(sealed), *key, stored))
        sql = f"UPDATE {table.name} SET {column.name} = ? WHERE {where}"  # noqa: S608 - ours
        self.env.database.write_many(sql, written)

    def _is_old(self, table: Table, row: Row) -> bool:
        """Whether anything in a row is sealed with another key, and can be opened."""
        size = len(table.key)
        is_old = False
        for column, stored in zip(table.columns, row[size:], strict=True):
            if stored is not None and not self._opens(column, stored, row[:size]):
                name = f"{table.name}.{column.name} of {' '.join(map(str, row[:size]))}"
                self.tally.broken.append(name)
            elif stored is not None and not self._is_new(column, stored):
                is_old = True
        return is_old

    def _opens(self, column: Column, stored: object, key: Row) -> bool:
        try:
            self.env.keyring.open(column.bytes_of(stored), column.place(*key))
        except (SealBroken, ValueError):
            return False
        return True

    def _is_new(self, column: Column, stored: object) -> bool:
        return self.env.keyring.is_sealed_newly(column.bytes_of(stored))

    def _heads(self, chain: Chain) -> None:
        after, is_over = SYSTEM, False  # whose own head the rotation itself has moved
        while not is_over:
            began = time.monotonic()
            with self.env.transaction():
                self.env.database.lock_journal()
                found = self.env.database.execute(_CHAINS, after, _BATCH).fetchall()
                self._authenticate_heads(chain, found)
            after, is_over = (found[-1][0], False) if found else ("", True)
            self._pause(time.monotonic() - began)

    def _authenticate_heads(self, chain: Chain, found: Sequence[Row]) -> None:
        written = []
        for account_id, packed in found:
            try:
                head = chain.unpack(account_id, packed)
            except SealBroken:
                continue  # as somebody left it, for `audit verify` to name
            if not chain.is_new(packed):
                written.append((account_id, chain.pack(account_id, head)))
        self.env.database.write_many(SET_HEAD, written)

    def _counts(self, chain: Chain) -> None:
        last = self.env.database.execute(_LAST_SEQ).fetchone()[0] or 0
        for after in range(0, last, _SEQS):
            found = self.env.database.execute(_COUNTED, after, after + _SEQS).fetchall()
            for first in range(0, len(found), _BATCH):
                began = time.monotonic()
                batch = found[first : first + _BATCH]
                with self.env.transaction():
                    self.env.database.lock_journal()
                    now = self.env.database.execute(_COUNTED, batch[0][0] - 1, batch[-1][0])
                    written = [
                        (chain.count_mac(row_id, count), seq)
                        for seq, row_id, count, mac in now.fetchall()
                        if chain.is_counted(mac, row_id, count)
                    ]
                    self.env.database.write_many(_SET_COUNT_MAC, written)
                self._pause(time.monotonic() - began)

    def _pause(self, took: float) -> None:
        self.rest(min(_PAUSES * took, _LONGEST_PAUSE))


def _pages(env: Env, table: Table, pause: Callable[[float], None]) -> Iterator[list[Row]]:
    """Read a table in the order of its key, with what is sealed in it."""
    columns = ", ".join((*table.key, *(column.name for column in table.columns)))
    key, marks = ", ".join(table.key), ", ".join("?" * len(table.key))
    select = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - ours
    ordered = f"ORDER BY {key} LIMIT {_PAGE}"
    rows = env.database.execute(f"{select} {ordered}").fetchall()
    while rows:
        began = time.monotonic()
        yield [tuple(row) for row in rows]
        last = rows[-1][: len(table.key)]
        pause(time.monotonic() - began)
        rows = env.database.execute(f"{select} WHERE ({key}) > ({marks}) {ordered}", *last)
        rows = rows.fetchall()


def _locked(env: Env, table: Table, rows: Sequence[Row]) -> list[Row]:
    """Read these rows again, but for those that are gone or locked, and lock them."""
    size = len(table.key)
    columns = ", ".join((*table.key, *(column.name for column in table.columns)))
    key, marks = ", ".join(table.key), ", ".join("?" * size)
    sql = (
        f"SELECT {columns} FROM {table.name}"  # noqa: S608 - ours
        f" WHERE ({key}) >= ({marks}) AND ({key}) <= ({marks}){env.database.skip_locked}"
    )
    wanted = {row[:size] for row in rows}
    found = env.database.execute(sql, *rows[0][:size], *rows[-1][:size]).fetchall()
    return [tuple(row) for row in found if tuple(row[:size]) in wanted]
