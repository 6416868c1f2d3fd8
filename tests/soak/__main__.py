"""`make soak`: minutes of mixed load on each database, and what grows meanwhile.

Customers, services and end users call at once, readers validate, one watches. Looked at
every second, from outside: memory, threads and open files of the server, and the log of
the database. Memory of the last minute is compared with that of the second: what leaks
grows, and what is a cache has filled by then.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from tests import postgres
from tests.databases import Place
from tests.faults.customers import Scene, settle
from tests.faults.ledger import Client, Entry, Ledger
from tests.faults.load import ORDINARY, Load
from tests.faults.nursery import nursing
from tests.processes import Home, Process, new_home

from finlink.config import v1

_MEMORY_GROWS_AT_MOST = 0.10
_LARGEST_LOG = {"sqlite": 80, "postgres": 1200}  # MiB: journal_size_limit, max_wal_size
_MIB = 1024 * 1024
# What works in the background says of a database that is busy what calls are told.
_COMPLAINT = re.compile('"level": "(error|warning)"')
_AS_USUAL = ("-c", "autovacuum=on")  # and it syncs
_WRITERS, _READERS = 6, 2


@dataclass
class Counts(Ledger):
    """Counts calls, and keeps none: there are hundreds of thousands."""

    calls: int = 0

    def add(self, entry: Entry, seconds: float) -> None:
        with self._changed:
            self.calls += 1
            self.slowest = max(self.slowest, seconds)
            if not entry.is_answered:
                self.refusals[entry.why] += 1


@dataclass
class Soaked:
    """What was seen of one database."""

    name: str
    minutes: float
    memory: list[float] = field(default_factory=list)  # MB, each second
    log: list[float] = field(default_factory=list)  # MiB
    threads: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    size: list[float] = field(default_factory=list)  # MiB
    calls: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory of the last minute by that of the second, less 1."""
        minute = max(1, min(60, len(self.memory) // 3))
        second, last = self.memory[minute : 2 * minute], self.memory[-minute:]
        return statistics.fmean(last) / statistics.fmean(second) - 1

    def problems(self, kind: str) -> Iterator[str]:
        """What must not be."""
        if self.growth > _MEMORY_GROWS_AT_MOST:
            yield f"memory grew by {self.growth:.0%}"
        if max(self.log) > _LARGEST_LOG[kind]:
            yield f"the database's log had {max(self.log):.0f} MiB"
        odd = {why: count for why, count in self.refusals.items() if why not in ORDINARY}
        if odd:
            yield f"calls were refused: {odd}"
        if self.complaints:
            yield f"the log complains: {self.complaints[:5]}"

    def row(self) -> str:
        cells = (
            self.name,
            f"{self.minutes:g}",
            f"{self.calls:,}",
            f"{self.memory[0]:.0f}",
            f"{self.growth:+.1%}",
            f"{self.memory[-1]:.0f}",
            f"{max(self.log):.0f}",
            f"{self.size[0]:.0f} → {self.size[-1]:.0f}",
            f"{min(self.threads)} to {max(self.threads)}",
            f"{min(self.files)} to {max(self.files)}",
            f"{sum(self.refusals.values()):,}",
        )
        return f"| {' | '.join(cells)} |"


_HEAD = """\
| database | minutes | calls | MB at first | last minute by second | MB at last | \
log, MiB at most | data, MiB | threads | open files | refused, as they must be |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def soak(home: Home, kind: str, minutes: float, say: Callable[[str], None]) -> Soaked:
    """Put the load on one server, and look at it every second."""
    seen = Soaked({"sqlite": "SQLite", "postgres": "PostgreSQL"}[kind], minutes)
    with home.serving() as server:
        scene = settle(server, home.operator_key)
        counts = Counts("soak")
        client = Client(server.channel, counts)
        enough = threading.Event()
        with ExitStack() as stack:
            stack.enter_context(Load(scene, "soak", client, threads=_WRITERS))
            stack.callback(enough.set)
            for _ in range(_READERS):
                stack.enter_context(_reading(client, scene, enough))
            stack.enter_context(_watching(server, scene))
            until = time.monotonic() + minutes * 60
            while time.monotonic() < until:
                time.sleep(1)
                _look(seen, home, kind, server)
                if len(seen.memory) % 60 == 0:
                    say(f"{seen.name}: {len(seen.memory) // 60} min, {seen.memory[-1]:.0f} MB.")
        seen.calls, seen.refusals = counts.calls, counts.refusals
        seen.complaints = [line for line in server.err.splitlines() if _COMPLAINT.search(line)]
    return seen


@contextmanager
def _reading(client: Client, scene: Scene, enough: threading.Event) -> Iterator[None]:
    """Ask for what is asked for most: sessions and settings."""

    def read() -> None:
        while not enough.is_set():
            for owner in scene.customers:
                tokens = owner.sessions[-20:]
                client.ask(
                    scene.verifier, "BatchValidateSessions", access_tokens=tokens or ["none"]
                )
                for token in tokens[-3:]:
                    client.ask(scene.verifier, "ValidateSession", access_token=token)
                client.ask(owner.token, "GetSettings", app_id=owner.app_id)
                client.ask(owner.token, "ListSessions", app_id=owner.app_id, page_size=50)
                del owner.sessions[:-100], owner.link_tokens[:-100], owner.versions[1:-100]

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


@contextmanager
def _watching(server: Process, scene: Scene) -> Iterator[None]:
    """Follow everything, as a verifier does."""
    watch = v1.SessionServiceStub(server.channel).WatchRevocations
    stream = watch(
        v1.WatchRevocationsRequest(), metadata=(("authorization", f"Bearer {scene.verifier}"),)
    )

    def read() -> None:
        with suppress(grpc.RpcError):
            for _ in stream:
                pass

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        stream.cancel()
        thread.join()


def _look(seen: Soaked, home: Home, kind: str, server: Process) -> None:
    process = Path(f"/proc/{server.id}")
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    seen.memory.append(int(status["VmRSS"].split()[0]) * 1024 / 1e6)
    seen.threads.append(int(status["Threads"]))
    seen.files.append(len(list((process / "fd").iterdir())))
    if kind == "sqlite":  # by stat alone: to open the files would drop SQLite's locks
        wal = home.database.with_name(home.database.name + "-wal")
        seen.log.append(wal.stat().st_size / _MIB)
        seen.size.append(home.database.stat().st_size / _MIB)
        return
    assert home.place.postgres
    name = home.settings["DATABASE_URL"].split("?")[0].rpartition("/")[2]
    (sizes,) = home.place.postgres.execute(
        "SELECT (SELECT sum(size) FROM pg_ls_waldir()), pg_database_size(%s)", name
    )
    seen.log.append(float(str(sizes[0])) / _MIB)
    seen.size.append(float(str(sizes[1])) / _MIB)


def main() -> None:
    """Soak each database, and print the table."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="on each database")
    parser.add_argument("--database", choices=sorted(_LARGEST_LOG), help="one of them only")
    told = parser.parse_args()
    seen: list[Soaked] = []
    problems: list[str] = []
    for kind in [told.database] if told.database else ["sqlite", "postgres"]:
        with tempfile.TemporaryDirectory(prefix="finlink-soak-") as folder, ExitStack() as stack:
            running = postgres.running(_AS_USUAL) if kind == "postgres" else nullcontext()
            server = stack.enter_context(running)
            first = new_home(Path(folder) / "home", Place(server))
            home = stack.enter_context(nursing(first))
            seen.append(soak(home, kind, told.minutes, _say))
        problems += [f"{seen[-1].name}: {one}" for one in seen[-1].problems(kind)]
    print("\n".join([_HEAD, *(one.row() for one in seen)]))  # noqa: T201 - what it is for
    sys.exit("\n".join(problems))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - somebody waits


if __name__ == "__main__":
    main()
