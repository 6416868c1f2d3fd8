"""Verifying the journal: whether its rows are as they were written.

A chain is walked from its first row to its head, some rows at a time, each time with the
head of the same moment: others write on meanwhile. What a row should be follows from the
row before it; when one does not fit, the rest of its chain tells what was done.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from finlink_server.domain import audit_rows, audit_turns, visible
from finlink_server.domain.audit_chain import NOTHING, SYSTEM, Chain, Head
from finlink_server.domain.audit_rows import Row
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import FieldInvalid


class End(NamedTuple):
    """Where a chain ends or ended: its head, as one may keep it elsewhere."""

    rows: int
    mac: bytes


_BEGINNING: Final = End(0, NOTHING)
_MOST_SHOWN: Final = 80  # characters of what stands in a column
_ALTERED: Final = "it does not say what was written"
# Who has an older master key can write rows of its epoch that fit each other, up to the next.
_OR_ONE_BEFORE: Final = f"{_ALTERED}, or one before it was altered with an older master key"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row, or with the end of a chain after it."""

    kind: str
    sentence: str
    row: Row | None


@dataclass
class Verdict:
    """What came of verifying a chain: its rows, its end, and the first problem."""

    chain: str
    rows: int = 0
    end: End = _BEGINNING
    problem: Problem | None = None
    more: int = 0  # problems after the first

    def report(self, kind: str, sentence: str, row: Row | None) -> None:
        """Keep the first problem, and count the others."""
        if self.problem:
            self.more += 1
        else:
            self.problem = Problem(kind, sentence, row)


def verify(env: Env, chain: str, kept: End | None = None) -> Verdict:
    """Verify one chain; `kept` is an end that it had before, and must have had."""
    walk = _Walk(env, chain, kept)
    while not walk.is_over:
        walk.go_on()
    return walk.verdict


def verify_for(env: Env, caller: Caller, account_id: str, kept: End) -> Verdict:
    """Verify the chain of an account; an operator who names none means the system's.

    Takes its turn, and leaves most of the time to other calls.
    """
    if bool(kept.rows) != bool(kept.mac):
        raise FieldInvalid.of("known_head", "must be given together with known_row_count")
    if account_id or not caller.sees_everything:
        account_id = visible.account(caller, account_id).id
    with audit_turns.turn(env, caller):
        walk = _Walk(env, account_id, kept if kept.rows else None)
        while not walk.is_over:
            audit_turns.give_way(env, walk.go_on)
        return walk.verdict


def end_of(env: Env, chain: str) -> End | None:
    """Where a chain ends, as its head says; None if that is missing or was altered."""
    head = audit_rows.head(env, chain)[1]
    return End(head.rows, head.mac) if head else None


class _Walk:
    """A chain, walked up to some row."""

    def __init__(self, env: Env, chain: str, kept: End | None) -> None:
        self._env, self._keys, self._chain, self._kept = env, Chain(env.keyring), chain, kept
        self._seq, self._count = audit_rows.BEFORE_ALL, 0
        self._epoch = 0  # of the last row: none after it is of an older one
        self._last: Row | None = None
        self._head: Head | None = None
        self.verdict = Verdict(chain)
        self.is_over = False

    def go_on(self) -> None:
        """Walk over some rows, and at the end look at the head."""
        with self._env.database.snapshot():
            self._walk_on()

    def _walk_on(self) -> None:
        rows = audit_rows.following(self._env, self._chain, self._seq)
        is_there, self._head = audit_rows.head(self._env, self._chain)
        for row in rows:
            self._take(row)
            self._seq, self._last = row.seq, row
        self.is_over = len(rows) < audit_rows.AT_ONCE
        if self.is_over:
            self._finish(is_there=is_there)

    def _take(self, row: Row) -> None:
        verdict = self.verdict
        verdict.rows += 1
        self._count += row.count if isinstance(row.count, int) else 0
        epoch = self._epoch_after(row, verdict.end)
        if row.number == verdict.end.rows + 1 and epoch is not None:
            self._epoch = epoch
            if row.number == 1 and not self._may_begin(row):
                verdict.report("REMOVED", "what was before it is missing, and the head of it", row)
            verdict.end = End(row.number, row.mac)
            if self._kept and self._kept.rows == row.number and self._kept != verdict.end:
                verdict.report("PUT_BACK", "it is not the row that was at the end then", row)
        else:
            kind, sentence = ("", "") if verdict.problem else self._what_happened(row)
            verdict.report(kind, sentence, row)
            if row.is_chained and kind != "ADDED":
                verdict.end = End(row.number, row.mac)  # the next one may follow it
        if not self._is_counted_right(row):
            what = f"its count, {shown(row.count)}, is not what was counted"
            verdict.report("COUNT_ALTERED", what, row)

    def _finish(self, *, is_there: bool) -> None:
        head, end, report = self._head, self.verdict.end, self.verdict.report
        if head is None:
            kind = "HEAD_ALTERED" if is_there else "HEAD_MISSING"
            what = "is not what the service wrote" if is_there else "is missing"
            report(kind, f"the chain's head {what}, so rows may be missing at the end", self._last)
        elif head.rows > end.rows:
            missing = f"{_numbers(end.rows + 1, head.rows)} missing after it, at the end"
            report("CUT_OFF", missing, self._last)
        elif (head.rows, head.mac) != end:
            report("HEAD_ALTERED", f"the chain's head is of row number {head.rows}", self._last)
        elif self._count != head.count != audit_rows.sum_of_counts(self._env, self._chain):
            # Asked anew: what was passed may have been counted up since.
            report("COUNT_ALTERED", "a count was put back: their sum is not the head's", None)
        behind = audit_rows.count(self._env, self._chain) - self.verdict.rows
        if behind:
            what = f"{abs(behind)} {'more' if behind > 0 else 'fewer'} are there than were passed"
            report(
                "ADDED" if behind > 0 else "REMOVED", f"of the rows before it, {what}", self._last
            )
        if self._chain == SYSTEM:
            self._look_beside()
        if self._kept and end.rows < self._kept.rows:
            what = f"the chain had {self._kept.rows} rows, and has {end.rows}: it was put back"
            report("PUT_BACK", what, self._last)

    def _look_beside(self) -> None:
        """Find what no chain of an account tells: that one is gone, or that a row is in none."""
        if self._head:
            found = audit_rows.count_chains(self._env)
            if found != self._head.chains:
                begun = self._head.chains
                what = f"{found} chains of accounts are there, and {begun} were begun"
                self.verdict.report("CHAIN_REMOVED", what, None)
        row = audit_rows.in_none(self._env)
        if row:
            self.verdict.report("ADDED", "it is in no chain, not even in this one", row)

    def _what_happened(self, row: Row) -> tuple[str, str]:
        """Say what was done where a row stands that does not follow the one before it."""
        end = self.verdict.end
        number = end.rows + 1
        if not row.is_chained:
            return "ADDED", "nothing chains it: the service did not write it, or a version before"
        if row.number != number and self._follows(row, end):
            return "ALTERED", f"its number is {row.number}, and was {number}"
        if self._head and number > self._head.rows:
            return self._surplus(row)
        others = audit_rows.numbered(self._env, self._chain, number, row)
        if row.number != number:
            return self._misplaced(row, number, is_elsewhere=bool(others))
        if any(self._follows(one, end) for one in others):
            return "ADDED", f"the true row number {number} comes after it"
        return "ALTERED", _ALTERED if self._keys.is_newest(self._epoch) else _OR_ONE_BEFORE

    def _misplaced(self, row: Row, number: int, *, is_elsewhere: bool) -> tuple[str, str]:
        is_early = row.number > number  # else one of its number came before it
        if is_early and not is_elsewhere:
            return "REMOVED", f"{_numbers(number, row.number - 1)} missing before it"
        if is_early and self._is_genuine(row):
            return "REORDERED", f"it is number {row.number}, and stands where {number} belongs"
        return self._surplus(row)

    def _surplus(self, row: Row) -> tuple[str, str]:
        if self._is_genuine(row):
            return "HEAD_ALTERED", "the chain's head was put back before this was written"
        return "ADDED", "it is none of the chain's rows"

    def _is_counted_right(self, row: Row) -> bool:
        said = row.said
        if said["once"] is None:
            return bool(row.count == 1 and row.count_mac is None)
        return isinstance(row.count, int) and self._keys.is_counted(
            row.count_mac, said["id"], row.count
        )

    def _may_begin(self, row: Row) -> bool:
        """Whether a chain may begin so: an account's does with its creation."""
        return self._chain == SYSTEM or row.said["type"] == "account.created"

    def _is_genuine(self, row: Row) -> bool:
        """Whether the service wrote it into this chain, after another row that is there."""
        if row.number == 1:
            return self._follows(row, _BEGINNING)
        befores = audit_rows.numbered(self._env, self._chain, row.number - 1, row)
        ends = [End(row.number - 1, one.mac) for one in befores if one.is_chained]
        return any(self._follows(row, end) for end in ends)

    def _follows(self, row: Row, end: End) -> bool:
        """Whether it was written when the chain ended so."""
        return self._epoch_after(row, end) is not None

    def _epoch_after(self, row: Row, end: End) -> int | None:
        """The epoch in which it was written when the chain ended so."""
        return self._keys.epoch(row.mac, end.mac, end.rows + 1, row.values, self._epoch)


def shown(value: object) -> str:
    """What somebody wrote, short and without what would end the line or move a cursor."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _numbers(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
