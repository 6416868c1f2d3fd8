"""What was asked of the service, and what it said: what everything is compared with later.

Each call carries a trace id of its own, which the journal keeps beside what the call
changed. So of every call, answered or not, it can be told whether it happened.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import grpc
from tests import people
from tests.errors import Refused

from finlink.config import v1

_LONGEST = 20.0  # seconds; every call is answered before that, whatever is broken
_PATIENCE = 60.0  # seconds; what is waited for takes one, unless the machine is busy


class Outcome(Enum):
    """What the caller knows."""

    ANSWERED = "it happened"
    REFUSED = "it did not"
    UNKNOWN = "either"


@dataclass(frozen=True)
class Entry:
    """One call."""

    trace: str
    credential: str = field(repr=False)
    method: str
    request: Any = field(repr=False)
    outcome: Outcome
    answer: Any = field(default=None, repr=False)
    why: str = ""  # code and reason
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return self.outcome is Outcome.ANSWERED

    def is_(self, *methods: str) -> bool:
        """Whether it is an answered call of such a method."""
        return self.is_answered and self.method in methods


@dataclass
class Ledger:
    """All calls, in the order in which they ended."""

    name: str  # in front of the trace ids
    entries: list[Entry] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()

    def new_trace(self) -> str:
        return f"{self.name}-{next(self._numbers)}"

    def add(self, entry: Entry, seconds: float) -> None:
        with self._changed:
            self.entries.append(entry)
            self.slowest = max(self.slowest, seconds)
            if not entry.is_answered:
                self.refusals[entry.why] += 1
            self._changed.notify_all()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the calls are about to bring."""
        with self._changed:
            assert self._changed.wait_for(condition, _PATIENCE), f"it never came: {self.refusals}"

    def since(self, mark: int) -> Sequence[Entry]:
        return self.entries[mark:]

    @property
    def answered(self) -> int:
        return sum(entry.is_answered for entry in self.entries)


class Client:
    """Calls a server, and writes down what came of it."""

    def __init__(self, channel: grpc.Channel, ledger: Ledger) -> None:
        self.ledger = ledger
        self.is_unavailable = False  # the last time
        self._methods: dict[str, Any] = {}
        for stub in people.STUBS.values():
            self._methods |= vars(stub(channel))

    def ask(self, credential: str, method: str, request: Any = None, **fields: Any) -> Any:
        """Give the answer, or nothing."""
        return self.call(credential, method, request, **fields).answer

    def call(self, credential: str, method: str, request: Any = None, **fields: Any) -> Entry:
        """Call, and give the entry."""
        request = request or getattr(v1, f"{method}Request")(**fields)
        trace, answer, began = self.ledger.new_trace(), None, time.monotonic()
        metadata = [("x-client-trace-id", trace)]
        if credential:
            metadata.append(("authorization", f"Bearer {credential}"))
        outcome, why = Outcome.ANSWERED, ""
        facts: dict[str, str] = {}
        try:
            answer = self._methods[method](request, metadata=metadata, timeout=_LONGEST)
        except grpc.RpcError as error:
            outcome, why, facts = _read(error)
        entry = Entry(trace, credential, method, request, outcome, answer, why, facts)
        self.is_unavailable = why.startswith("UNAVAILABLE")
        self.ledger.add(entry, time.monotonic() - began)
        return entry


def _read(error: Any) -> tuple[Outcome, str, dict[str, str]]:
    if "grpc-status-details-bin" not in dict(error.trailing_metadata() or ()):
        # Said by the transport: of a connection that broke off, or of a deadline.
        return Outcome.UNKNOWN, f"{error.code().name} (connection)", {}
    refusal = Refused()
    refusal.read(error)
    outcome = Outcome.UNKNOWN if refusal.reason == "OUTCOME_UNKNOWN" else Outcome.REFUSED
    return outcome, f"{refusal.code.name} {refusal.reason}", refusal.facts
