"""What can happen to PostgreSQL, and to the network on the way, while the server serves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from signal import SIGINT, SIGKILL
from typing import Any

import psycopg
from tests.faults.nursery import QuickHome
from tests.faults.proxy import Cut, Proxy, between
from tests.faults.report import Line
from tests.faults.stores import PostgresStore
from tests.faults.trial import Trial, on_trial
from tests.postgres import Postgres

_AWAY = "UNAVAILABLE DATABASE_UNAVAILABLE"
_BUSY = "UNAVAILABLE DATABASE_BUSY"
_UNKNOWN = "ABORTED OUTCOME_UNKNOWN"
_ANY = {_AWAY, _BUSY, _UNKNOWN}  # who has to wait while it goes may find it busy first
_JOURNAL = "SELECT pg_advisory_xact_lock(1181314668, 0)"


@dataclass(frozen=True)
class Way:
    """PostgreSQL, and the proxy through which it is reached."""

    postgres: Postgres
    proxy: Proxy
    database: str

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.postgres.stop(SIGINT)
        try:
            yield
        finally:
            self.postgres.start()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """End it as a power cut would: all of its processes at once."""
        self.postgres.signal_all(SIGKILL)
        self.postgres.stop(SIGKILL)
        try:
            yield
        finally:
            self.postgres.start()

    @contextmanager
    def terminated(self) -> Iterator[None]:
        """Terminate backends, in the middle of whatever they are doing."""
        with _again_and_again(lambda: self.postgres.cut(self.database)):
            yield

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Cut connections, in the middle of whatever is on the way."""
        with _again_and_again(self.proxy.cut_all):
            yield

    @contextmanager
    def cut_before_commit(self) -> Iterator[None]:
        with _again_and_again(lambda: self.proxy.cut_next(Cut.BEFORE_COMMIT)):
            yield
        self.proxy.cut_next(Cut.NEVER)

    @contextmanager
    def cut_after_commit(self) -> Iterator[None]:
        with _again_and_again(lambda: self.proxy.cut_next(Cut.AFTER_COMMIT)):
            yield
        self.proxy.cut_next(Cut.NEVER)

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Hold the lock that every writer needs, until all of the pool's connections wait."""
        with psycopg.connect(self.postgres.url(self.database)) as other:
            other.execute(_JOURNAL)
            yield


@contextmanager
def _again_and_again(work: Callable[[], Any]) -> Iterator[None]:
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(0.03):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


# What is done; with what those are refused who meet it.
AWAY_FAULTS: dict[str, tuple[Callable[[Way], AbstractContextManager[None]], set[str]]] = {
    "stopped and started": (Way.stopped, _ANY),
    "killed (kill -9)": (Way.killed, _ANY),
    "backends terminated": (Way.terminated, _ANY),
    "connections cut": (Way.cut, _ANY),
    "cut off before COMMIT arrives": (Way.cut_before_commit, _ANY),
    "cut off before COMMIT answers": (Way.cut_after_commit, _ANY),
    "every connection of the pool waits": (Way.crowded, {_BUSY}),
}


@dataclass
class AwayTrial:
    """A server whose PostgreSQL can go away."""

    trial: Trial
    way: Way

    def break_and_mend(self, fault: str, times: int = 1) -> Line:
        """Break it under load, see who is refused and how, and mend it; repeat."""
        line = Line(f"PostgreSQL: {fault}")
        breaking, refusals = AWAY_FAULTS[fault]
        for _ in range(times):
            self.trial.endure(line, breaking(self.way), refusals, reads=False)
        return line


@contextmanager
def away_on_trial(home: QuickHome) -> Iterator[AwayTrial]:
    """Serve by way of a proxy."""
    store = PostgresStore(home)
    folder = store.postgres.folder
    (folder / "proxy").mkdir(exist_ok=True)
    with between(folder / "proxy", folder) as proxy:
        url = home.settings["DATABASE_URL"].replace(str(folder), str(folder / "proxy"))
        way = replace(home, settings={**home.settings, "DATABASE_URL": url})
        with on_trial(way, store) as trial:
            yield AwayTrial(trial, Way(store.postgres, proxy, store.database))
