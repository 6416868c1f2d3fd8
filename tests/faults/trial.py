"""A server under load, to which something is done while it serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.faults.books import audit
from tests.faults.customers import Scene, settle
from tests.faults.ledger import Client, Entry, Ledger
from tests.faults.load import ORDINARY, Load
from tests.faults.report import Line
from tests.faults.stores import Store
from tests.faults.verdict import compare
from tests.processes import Home, Process

# Seconds that a call may take on a busy machine: it may wait twice, each time at most 5.
_NOT_LONGER = 15.0


@dataclass
class Trial:
    """One server, and everything that was asked of it."""

    home: Home
    store: Store
    server: Process
    scene: Scene
    entries: list[Entry] = field(default_factory=list)

    def endure(
        self,
        line: Line,
        fault: AbstractContextManager[None],
        refusals: Collection[str],
        *,
        reads: bool = True,
    ) -> None:
        """Let it serve before, under and after a fault; nobody starts it anew.

        Under the fault until some were refused as they must be; with no such refusals,
        until some were answered, for nobody may notice.
        """
        ledger = Ledger(f"{line.fault} {line.times}")
        looking = Client(self.server.channel, Ledger("looking"))
        with Load(self.scene, ledger.name, Client(self.server.channel, ledger)):
            _wait_for(ledger, answered=10)
            with fault:
                if reads:
                    _read_on(self.scene, looking)
                if refusals:
                    _wait_for(ledger, refusals, refused=6)
                else:
                    _wait_for(ledger, answered=40)
                if reads:
                    _read_on(self.scene, looking)
            _wait_for(ledger, answered=20)  # by itself
        self.entries += ledger.entries
        line.times += 1
        line.lost += [*audit(self.store)]
        line.lost += compare(self.scene, looking, self.store, ledger.entries)
        line.take(ledger, expected={*ORDINARY, *refusals})
        assert not line.lost, line.lost
        assert ledger.slowest < _NOT_LONGER, ledger.slowest


@contextmanager
def on_trial(home: Home, store: Store) -> Iterator[Trial]:
    """Serve, and at the end see that nothing lives in the memory of the process alone."""
    with home.serving() as server:
        trial = Trial(home, store, server, settle(server, home.operator_key))
        yield trial
        server.kill()
    with home.serving() as server:
        looking = Client(server.channel, Ledger("looking"))
        lost = [*audit(store), *compare(trial.scene, looking, store, trial.entries)]
        assert not lost, lost


def _wait_for(
    ledger: Ledger, refusals: Collection[str] = (), *, answered: int = 0, refused: int = 0
) -> None:
    """Wait for so many more."""
    had, were = ledger.answered, sum(ledger.refusals[one] for one in refusals)
    ledger.wait_until(
        lambda: (
            ledger.answered >= had + answered
            and sum(ledger.refusals[one] for one in refusals) >= were + refused
        )
    )


def _read_on(scene: Scene, looking: Client) -> None:
    """Reads go on, whatever cannot be written."""
    for owner in scene.customers:
        assert looking.ask(owner.token, "GetSettings", app_id=owner.app_id)
        assert looking.ask(owner.token, "ListSecrets", app_id=owner.app_id)
        for token in owner.sessions[-3:]:
            assert looking.ask(scene.verifier, "ValidateSession", access_token=token)
