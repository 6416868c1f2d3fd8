"""Somebody who writes to the database himself, without the master key; and then repents."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from finlink_server.domain.audit_chain import COLUMNS
from finlink_server.env import Env

_ALL = ("seq", *COLUMNS, "count", "chain_number", "chain_mac", "count_mac")
_MARKS = ", ".join("?" * len(_ALL))
Record = dict[str, Any]


@dataclass
class Vandal:
    """Knows the tables of the journal, and every trick with them."""

    env: Env

    def run(self, sql: str, *values: object) -> None:
        with self.env.transaction():
            self.env.database.execute(sql, *values)

    def rows(self, account_id: str) -> list[Record]:
        sql = f"SELECT {', '.join(_ALL)} FROM journal WHERE account_id = ? ORDER BY seq"  # noqa: S608
        found = self.env.database.execute(sql, account_id).fetchall()
        return [dict(zip(_ALL, row, strict=True)) for row in found]

    def heads(self) -> dict[str, bytes]:
        sql = "SELECT account_id, sealed_head FROM journal_chain"
        return dict(self.env.database.execute(sql).fetchall())

    def set(self, row: Record, **columns: object) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.run(f"UPDATE journal SET {names} WHERE seq = ?", *columns.values(), row["seq"])  # noqa: S608

    def insert(self, row: Record, **columns: object) -> None:
        """Write a row like another one, with an id of its own unless one is given."""
        new = row | {"id": f"evt_{secrets.token_hex(13)}", "once": None} | columns
        sql = f"INSERT INTO journal ({', '.join(_ALL)}) VALUES ({_MARKS})"  # noqa: S608
        self.run(sql, *(new[name] for name in _ALL))

    def delete(self, *rows: Record) -> None:
        for row in rows:
            self.run("DELETE FROM journal WHERE seq = ?", row["seq"])

    def set_head(self, account_id: str, sealed: bytes) -> None:
        sql = "UPDATE journal_chain SET sealed_head = ? WHERE account_id = ?"
        self.run(sql, sealed, account_id)

    def delete_head(self, account_id: str) -> None:
        self.run("DELETE FROM journal_chain WHERE account_id = ?", account_id)

    def next_seq(self) -> int:
        return int(self.env.database.execute("SELECT max(seq) FROM journal").fetchone()[0]) + 1000

    def swap(self, one: Record, other: Record, names: Sequence[str]) -> None:
        """Let two rows change what stands in some columns; what must be unique goes round."""
        spare = {name: f"spare {name}" for name in names if name == "id"}
        spare |= {"seq": -one["seq"]} if "seq" in names else {}
        if spare:
            self.set(one, **spare)
        place = {"seq": spare.get("seq", one["seq"])}
        self.set(other, **{name: one[name] for name in names})
        self.set(one | place, **{name: other[name] for name in names})


@contextmanager
def vandal(env: Env, *accounts: str) -> Iterator[Vandal]:
    """Let somebody at the chains of some accounts, and put everything back afterwards."""
    somebody = Vandal(env)
    before = {account: somebody.rows(account) for account in accounts}
    heads = somebody.heads()
    yield somebody
    present = somebody.heads()
    for account in accounts:
        somebody.delete(*somebody.rows(account), *before[account])
        for row in before[account]:
            somebody.insert(row, id=row["id"], once=row["once"])
        somebody.delete_head(account)
        present.pop(account, None)
        somebody.run("INSERT INTO journal_chain VALUES (?, ?)", account, heads[account])
    assert heads.keys() == present.keys() | set(accounts)
