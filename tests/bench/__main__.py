"""`make bench`: what a call costs, and how fast an end is known everywhere.

One table, its ratios taken in one run: the rows take turns, round by round, and a ratio
is the median of the rounds' ratios, because the machine may be busy with something else.
The server has a core of its own, the load another.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench import ends, figures, report, rows
from tests.bench.figures import Figure
from tests.bench.load import H2LOAD
from tests.bench.population import Population, settle
from tests.bench.report import Line
from tests.bench.servers import Server, running

_INSTALL = """\
make bench needs h2load, which puts the load on the server. Install it:
  Debian, Ubuntu   apt install nghttp2-client
  Fedora           dnf install nghttp2
  Alpine           apk add nghttp2
  macOS            brew install nghttp2"""
_IN_TURN, _MANY_IN_TURN, _STORED = 1000, 10_000, 1_000_000
_AT_ONCE = 64


def main() -> None:
    """Measure, and write the table, the JSON and the picture."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few minutes, a rougher table")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="folder for the results")
    parser.add_argument("--only", default="", help="rows whose names begin so, and no figures")
    told = parser.parse_args()
    if not H2LOAD:
        sys.exit(_INSTALL)
    rounds, seconds = (3, 1.0) if told.short else (5, 2.0)
    core = _take_cores()
    with tempfile.TemporaryDirectory(prefix="finlink-bench-") as folder:
        _say("Settling customers.")
        who = settle(Path(folder) / "data", tokens_in_turn=_IN_TURN)
        with (
            running("bare", core=core) as bare,
            running("serve", core=core, data=who.path) as server,
        ):
            lines = _table(who, bare, server, told.only, rounds, seconds)
            _say(report.table(lines))
            found: list[Figure] = []
            if not told.only:
                found += figures.of_one_server(who, server, rounds, seconds)
        if not told.only:
            # A database of its own: nobody has to be told first of all that the rows ended.
            fresh = settle(Path(folder) / "fresh", tokens_in_turn=_IN_TURN)
            found += ends.measure(fresh, core, tries=200 if told.short else 1000)
            found += figures.start(who.path, core, rounds)
        if not (told.short or told.only):
            found += _with_many(Path(folder), who, core, rounds, seconds)
    report.write(lines, found, told.out)


def _table(
    who: Population, bare: Server, server: Server, only: str, rounds: int, seconds: float
) -> list[Line]:
    framework, empty = rows.references(who)
    wanted = [row for row in rows.all_of(who, server) if row.name.startswith(only)]
    taken: dict[str, Line] = {}
    for number in range(rounds):
        for row in [framework, empty, *wanted]:
            _say(f"Round {number + 1} of {rounds}: {row.name}.")
            line = taken.setdefault(row.name, Line(row.name, row.target, row.things))
            measured = bare if row is framework else server
            # What it is compared with comes just before: in a minute the machine is another.
            if row in (framework, empty):
                beside = framework.measure(bare, seconds / 2, _AT_ONCE)
            else:
                beside = empty.measure(server, seconds / 2, _AT_ONCE)
            line.add(
                row.measure(measured, seconds, _AT_ONCE),
                row.measure(measured, seconds / 2, 1),
                beside,
            )
    refused = server.refusals()
    assert not refused, refused[:10]
    return list(taken.values())


def _with_many(
    folder: Path, few: Population, core: int, rounds: int, seconds: float
) -> list[Figure]:
    """Compare the rows with the same at a database with a million sessions, in turns."""
    _say("Settling a million sessions.")
    many = settle(folder / "many", tokens_in_turn=_MANY_IN_TURN, stored=_STORED)
    ratios: dict[str, list[float]] = {}
    with (
        running("serve", core=core, data=few.path) as small,
        running("serve", core=core, data=many.path) as large,
    ):
        here, there = rows.all_of(few, small), rows.all_of(many, large)
        for number in range(rounds):
            for row, same in zip(here, there, strict=True):
                _say(f"A million sessions, round {number + 1} of {rounds}: {row.name}.")
                less = row.measure(small, seconds, _AT_ONCE)
                more = same.measure(large, seconds, _AT_ONCE)
                ratios.setdefault(row.name, []).append(more.rate / less.rate)
        found = figures.memory_watched(many, large)
    compared = [
        Figure(
            f"{name}: with 1,000,000 sessions stored",
            f"{statistics.median(of_rounds):.2f} ×",
            "≥ 0.90 ×",
            statistics.median(of_rounds) >= 0.9,
        )
        for name, of_rounds in ratios.items()
    ]
    return [*compared, *found]


def _take_cores() -> int:
    """Give the server the last core, and keep the others for the load."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("make bench needs two cores: one for the server, one for the load.")
    os.sched_setaffinity(0, set(cores[:-1]))
    return cores[-1]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 - somebody waits


if __name__ == "__main__":
    main()
