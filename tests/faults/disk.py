"""What a disk can do to SQLite, while the server serves and nobody starts it anew."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pysqlite3
from tests.faults.nursery import QuickHome
from tests.faults.report import Line
from tests.faults.server import SWITCHES, Switches
from tests.faults.stores import SqliteStore
from tests.faults.trial import Trial, on_trial
from tests.processes import Process

_AWAY = ("UNAVAILABLE DATABASE_UNAVAILABLE",)
_BUSY = ("UNAVAILABLE DATABASE_BUSY",)


@dataclass(frozen=True)
class Disk:
    """Where a running server has its data."""

    home: QuickHome
    server: Process
    switches: Switches

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let the database have no more pages."""
        self.switches.full(on=True)
        try:
            yield
        finally:
            self.switches.full(on=False)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self.switches.read_only(on=True)
        try:
            yield
        finally:
            self.switches.read_only(on=False)

    @contextmanager
    def io_errors(self) -> Iterator[None]:
        """Let every write fail, to the database and to any other file."""
        limit = resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (1, limit[1]))
        try:
            yield
        finally:
            resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, limit)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of SQLite's files in another process than the server: in this one."""
        holder = pysqlite3.connect(str(self.home.database), isolation_level=None, timeout=30)
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
            holder.close()

    @contextmanager
    def full_log(self) -> Iterator[None]:
        self.switches.full_log(on=True)
        try:
            yield
        finally:
            self.switches.full_log(on=False)


# What is done, and with what those are refused who meet it; nothing: nobody may notice.
DISK_FAULTS: dict[str, tuple[Callable[[Disk], AbstractContextManager[None]], tuple[str, ...]]] = {
    "disk full": (Disk.full, _AWAY),
    "read-only database": (Disk.read_only, _AWAY),
    "I/O errors": (Disk.io_errors, _AWAY),
    "locked by another process": (Disk.locked, _BUSY),
    "log on a full disk": (Disk.full_log, ()),
}


@dataclass
class DiskTrial:
    """A server whose disk can be broken."""

    trial: Trial
    disk: Disk

    def break_and_mend(self, fault: str, times: int = 1) -> Line:
        """Break the disk under load, see who is refused and how, and mend it; repeat."""
        line = Line(f"SQLite: {fault}")
        breaking, refusals = DISK_FAULTS[fault]
        for _ in range(times):
            self.trial.endure(line, breaking(self.disk), refusals)
        return line


@contextmanager
def disk_on_trial(home: QuickHome) -> Iterator[DiskTrial]:
    """Serve from a disk that can be broken."""
    file = home.path.with_name(f"{home.path.name}-switches")
    with on_trial(home.with_extras(**{SWITCHES: str(file)}), SqliteStore(home)) as trial:
        yield DiskTrial(trial, Disk(home, trial.server, Switches(file)))
