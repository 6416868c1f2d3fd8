"""`make faults`: what is done to the service, and what is lost of it: nothing.

Minutes long; `tests/test_faults.py` is the short version. All chances follow from one
seed, which is printed: `ARGS='--seed 7'` plays the same dice again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import report
from tests.faults.disk import DISK_FAULTS, disk_on_trial
from tests.faults.kills import KILL, STOP, end_again_and_again
from tests.faults.leases import kill_workers
from tests.faults.nursery import QuickHome, nursing
from tests.faults.report import Line
from tests.faults.steps import step_the_clock
from tests.faults.stores import SqliteStore
from tests.processes import Home

_KILLS = {"sqlite": 200}
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
            with tempfile.TemporaryDirectory(prefix="finlink-faults-") as folder:
                lines += _on_sqlite(Path(folder), rounds, told.seed)
    finally:
        print(report.table(lines))  # noqa: T201 - what it is for


def _on_sqlite(folder: Path, rounds: int, seed: int) -> Iterator[Line]:
    def new_home(name: str) -> QuickHome:
        return home.renewed(first.copy_to(folder / name))

    first = _first_home(folder)
    with nursing(first) as home:
        killed, stopped, broken = (new_home(name) for name in ("killed", "stopped", "broken"))
        yield end_again_and_again(killed, SqliteStore(killed), KILL, rounds, seed, _say)
        yield end_again_and_again(stopped, SqliteStore(stopped), STOP, _AGAIN, seed, _say)
        with disk_on_trial(broken) as trial:
            for fault in DISK_FAULTS:
                _say(f"SQLite: {fault}, {_AGAIN} times.")
                yield trial.break_and_mend(fault, _AGAIN)
        _say("The clock.")
        yield step_the_clock(new_home("stepped"), _AGAIN)
        _say("Workers.")
        workers = new_home("workers")
        yield kill_workers(workers, SqliteStore(workers), _AGAIN)


def _first_home(folder: Path) -> Home:
    new = Home(folder / "first")
    made = new.run("service-key", "create", "--name", "faults", "--role", "OPERATOR")
    assert made.returncode == 0, made.stderr
    return Home(new.path, operator_key=made.stdout.strip())


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - somebody waits


if __name__ == "__main__":
    main()
