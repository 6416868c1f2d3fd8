"""What came of it, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tests.faults.ledger import Ledger

_HEAD = ("what was done to it", "times", "calls", "acknowledged", "lost", "refused, or cut off")


@dataclass
class Line:
    """One fault: how often, and what came of the calls."""

    fault: str
    times: int = 0
    calls: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def take(self, ledger: Ledger, expected: Collection[str]) -> None:
        """Count all calls of a ledger, none of which was refused in a way that surprises."""
        surprises = {why: count for why, count in ledger.refusals.items() if why not in expected}
        assert not surprises, surprises
        self.calls += len(ledger.entries)
        self.acknowledged += ledger.answered
        self.refused += ledger.refusals
        self.slowest = max(self.slowest, ledger.slowest)


def table(lines: Sequence[Line]) -> str:
    """Markdown."""
    rows = [_HEAD, ("---", "---:", "---:", "---:", "---:", "---")]
    rows += [
        (
            line.fault,
            f"{line.times:,}",
            f"{line.calls:,}",
            f"{line.acknowledged:,}",
            f"{len(line.lost):,}",
            "; ".join(f"{why} {count:,}" for why, count in line.refused.most_common()),
        )
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
