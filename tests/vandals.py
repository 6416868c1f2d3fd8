"""Somebody who writes to the database himself, without the master key; and then repents.

At a server of its own: what follows the journal there goes astray, and for good.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests import clocked_server, people
from tests.clock import Clock
from tests.clocked_server import SharedClock
from tests.errors import refused
from tests.faults.stores import Store, store_of
from tests.processes import Home

from finlink.config import v1
from finlink_server import key_file
from finlink_server.domain.audit_chain import COLUMNS, Chain

_ALL = ("seq", *COLUMNS, "count", "chain_number", "chain_mac", "count_mac")
_MARKS = ", ".join("?" * len(_ALL))
Record = dict[str, Any]


@dataclass
class Vandal:
    """Knows the tables of the journal, and every trick with them."""

    store: Store
    keys: Chain  # to repent with

    def run(self, sql: str, *values: object) -> None:
        self.store.change(sql, *values)

    def rows(self, account_id: str) -> list[Record]:
        sql = f"SELECT {', '.join(_ALL)} FROM journal WHERE account_id = ? ORDER BY seq"  # noqa: S608
        found = self.store.read(sql, account_id)
        return [dict(zip(_ALL, row, strict=True)) for row in found]

    def heads(self) -> dict[str, bytes]:
        return dict(self.store.read("SELECT account_id, head FROM journal_chain"))

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

    def set_head(self, account_id: str, head: bytes) -> None:
        sql = "UPDATE journal_chain SET head = ? WHERE account_id = ?"
        self.run(sql, head, account_id)

    def delete_head(self, account_id: str) -> None:
        self.run("DELETE FROM journal_chain WHERE account_id = ?", account_id)

    def next_seq(self) -> int:
        return int(self.store.read("SELECT max(seq) FROM journal")[0][0]) + 1000

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
def let_loose(home: Home, *accounts: str) -> Iterator[Vandal]:
    """Let somebody at the chains of some accounts, and put everything back afterwards."""
    somebody = Vandal(store_of(home), Chain(key_file.load(home.master_key)))
    before = {account: somebody.rows(account) for account in accounts}
    heads = somebody.heads()
    yield somebody
    present = somebody.heads()
    for account in accounts:
        somebody.delete(*somebody.rows(account), *before[account])
    for account in accounts:
        for row in before[account]:
            somebody.insert(row, id=row["id"], once=row["once"])
        somebody.delete_head(account)
        present.pop(account, None)
        somebody.run("INSERT INTO journal_chain VALUES (?, ?)", account, heads[account])
    assert heads.keys() == present.keys() | set(accounts)
    system = replace(somebody.keys.unpack("", present[""]), chains=len(heads) - 1)
    somebody.set_head("", somebody.keys.pack("", system))


@dataclass(frozen=True)
class Scene:
    """A server that nobody else needs, by a clock of its own."""

    home: Home
    clock: SharedClock
    operator: people.Caller


@pytest.fixture(scope="module")
def scene(first_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    program = ("-P", str(clocked_server.__file__))
    home = replace(first_home.copy_to(folder / "home"), program=program)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(clocked_server.FILE, str(folder / "clock"))
        clock = SharedClock(folder / "clock")
        with home.serving() as server:
            yield Scene(home, clock, server.caller(home.operator_key))


@pytest.fixture
def chain(account: people.Account, secret: people.Secret, clock: Clock | SharedClock) -> str:
    """An account with ten rows or so, a counted one of two refusals among them."""
    clock.advance(seconds=60 - clock() // 1_000_000 % 60)  # both within one minute
    refuse_sign_in(account)
    refuse_sign_in(account)
    secret.start()
    secret.start()
    return account.id


@pytest.fixture
def other_chain(stranger: people.Account) -> str:
    return stranger.id


@pytest.fixture
def vandal(scene: Scene, chain: str, other_chain: str) -> Iterator[Vandal]:
    """Somebody who is at these two chains."""
    with let_loose(scene.home, chain, other_chain) as somebody:
        yield somebody


def refuse_sign_in(account: people.Account) -> None:
    with refused() as refusal:
        account.caller.using("").accounts.SignIn(email=account.email, password="not the password")
    assert refusal.reason in {"SIGN_IN_FAILED", "RATE_LIMITED"}  # after some it comes too early


def kind_of(answer: v1.VerifyAuditLogResponse) -> str:
    name = v1.AuditProblemKind.Name(answer.first_problem.kind)
    return name.removeprefix("AUDIT_PROBLEM_KIND_")


def found(operator: people.Caller, account_id: str) -> tuple[str, str]:
    """What VerifyAuditLog finds: the kind of the first problem, and the row's id."""
    answer = operator.accounts.VerifyAuditLog(account_id=account_id)
    return kind_of(answer), answer.first_problem.event_id
