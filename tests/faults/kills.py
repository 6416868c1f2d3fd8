"""A server that ends at random moments under load, again and again on one database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random
from signal import SIGTERM

from tests.faults.books import audit
from tests.faults.customers import settle
from tests.faults.ledger import Client, Entry, Ledger, Outcome
from tests.faults.load import ORDINARY, Load
from tests.faults.report import Line
from tests.faults.stores import Store
from tests.faults.verdict import compare
from tests.processes import Home, Process

_LONGEST = 0.5  # seconds from the first answers to the end
_CUT_OFF = "UNAVAILABLE (connection)"

# A way to end a server, and with what calls may be refused that meet the end.
Ending = tuple[str, Callable[[Process], object], set[str]]


def _stop(server: Process) -> None:
    server.signal(SIGTERM)
    server.wait()


KILL: Ending = ("killed (kill -9)", Process.kill, {_CUT_OFF})
# grpc itself says CANCELLED to a call whose request never came, when it meets the end.
STOP: Ending = (
    "stopped (SIGTERM)",
    _stop,
    {_CUT_OFF, "UNAVAILABLE SHUTTING_DOWN", "CANCELLED (connection)"},
)


def end_again_and_again(
    home: Home,
    store: Store,
    ending: Ending,
    rounds: int,
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Line:
    """End it under load, start it, and compare everything acknowledged with what is there."""
    name, end, refusals = ending
    line = Line(f"{store.name}: the server {name} at a random moment under load")
    dice = Random(seed)  # noqa: S311 - moments, no secrets
    ledger, mark = Ledger(f"load{seed}"), 0
    with home.serving() as server:
        scene = settle(server, home.operator_key)
        server.kill()
    for number in range(rounds + 1):
        entries, wrong = ledger.since(mark), audit(store)
        if ending is STOP:
            wrong += _unanswered(store, entries)
        with home.serving() as server:
            looking = Client(server.channel, Ledger(f"look{seed}-{number}"))
            of_all = ledger.entries if number == rounds else entries
            wrong += compare(scene, looking, store, of_all)
            line.lost += [f"After end {number} of seed {seed}: {one}." for one in wrong]
            if line.lost or number == rounds:
                break
            mark = len(ledger.entries)
            with Load(scene, f"{seed} {number}", Client(server.channel, ledger)):
                _wait_for_more(ledger)
                threading.Event().wait(dice.uniform(0, _LONGEST))  # at any moment
                end(server)
        line.times += 1
        tell(f"{line.fault}: {line.times} of {rounds}, {ledger.answered:,} acknowledged.")
    line.take(ledger, expected=ORDINARY | refusals)
    assert not line.lost, "\n".join(line.lost)
    return line


def _wait_for_more(ledger: Ledger) -> None:
    mark = len(ledger.entries)
    ledger.wait_until(lambda: len(ledger.entries) > mark + 12)


def _unanswered(store: Store, entries: Sequence[Entry]) -> list[str]:
    """Calls that happened, though nobody was told so: a stop in order leaves none."""
    traces = {row[0] for row in store.read("SELECT client_trace_id FROM journal")}
    return [
        f"{entry.method} was taken, and never answered"
        for entry in entries
        if entry.outcome is Outcome.UNKNOWN and entry.trace in traces
    ]
