"""`make faults`: what is done to the service, and what is lost of it: nothing.

Minutes long; `tests/test_faults.py` is the short version. All chances follow from one
seed, which is printed: `ARGS='--seed 7'` plays the same dice again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import postgres
from tests.databases import Place
from tests.faults import report
from tests.faults.away import AWAY_FAULTS, away_on_trial
from tests.faults.disk import DISK_FAULTS, disk_on_trial
from tests.faults.kills import KILL, STOP, end_again_and_again
from tests.faults.leases import kill_workers
from tests.faults.nursery import QuickHome, nursing
from tests.faults.report import Line
from tests.faults.steps import step_the_clock
from tests.faults.stores import store_of
from tests.processes import new_home

_KILLS = {"sqlite": 200, "postgres": 50}
_AGAIN = 10  # how often everything else is done


def main() -> None:
    """Do it all, and print the table."""
    parser = argparse.ArgumentParser(prog="make faults ARGS=…", description=__doc__)
    parser.add_argument("--kills", type=int, help="rounds of kill -9 on each database")
    parser.add_argument("--database", choices=sorted(_KILLS), help="one of them only")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    told = parser.parse_args()
    _say(f"The seed is {told.seed}.")
    lines: list[Line] = []
    try:
        for database in [told.database] if told.database else _KILLS:
            rounds = told.kills or _KILLS[database]
            on = {"sqlite": _on_sqlite, "postgres": _on_postgres}[database]
            with tempfile.TemporaryDirectory(prefix="finlink-faults-") as folder:
                for line in on(Path(folder), rounds, told.seed):
                    lines.append(line)  # noqa: PERF402 - what is done stands, whatever comes
    finally:
        print(report.table(lines))  # noqa: T201 - what it is for


def _on_sqlite(folder: Path, rounds: int, seed: int) -> Iterator[Line]:
    first = new_home(folder / "first", Place())
    with nursing(first) as nursery:

        def copy(name: str) -> QuickHome:
            return nursery.renewed(first.copy_to(folder / name))

        yield from _ends(copy, rounds, seed)
        with disk_on_trial(copy("broken")) as trial:
            for fault in DISK_FAULTS:
                _say(f"SQLite: {fault}, {_AGAIN} times.")
                yield trial.break_and_mend(fault, _AGAIN)
        _say(f"SQLite: the clock stepped, {_AGAIN} times.")
        yield step_the_clock(copy("stepped"), _AGAIN)


def _on_postgres(folder: Path, rounds: int, seed: int) -> Iterator[Line]:
    with postgres.running(options=()) as server:  # it syncs
        first = new_home(folder / "first", Place(server))
        with nursing(first) as nursery:

            def copy(name: str) -> QuickHome:
                return nursery.renewed(first.copy_to(folder / name))

            yield from _ends(copy, rounds, seed)
            with away_on_trial(copy("away")) as trial:
                for fault in AWAY_FAULTS:
                    _say(f"PostgreSQL: {fault}, {_AGAIN} times.")
                    yield trial.break_and_mend(fault, _AGAIN)


def _ends(copy: Callable[[str], QuickHome], rounds: int, seed: int) -> Iterator[Line]:
    killed, stopped, workers = (copy(name) for name in ("killed", "stopped", "workers"))
    yield end_again_and_again(killed, store_of(killed), KILL, rounds, seed, _say)
    yield end_again_and_again(stopped, store_of(stopped), STOP, _AGAIN, seed, _say)
    _say(f"{store_of(workers).name}: workers killed, {_AGAIN} times.")
    yield kill_workers(workers, store_of(workers), _AGAIN)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - somebody waits


if __name__ == "__main__":
    main()
