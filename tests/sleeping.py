"""A server that stands still for a while, at a moment when nobody waits for it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from signal import SIGCONT, SIGSTOP

import pysqlite3
from tests.faults.stores import store_of
from tests.gates import until
from tests.processes import Home, Process
from tests.workers import is_stopped

# Whoever has written and not yet committed.
WRITES = "SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND pid <> pg_backend_pid()"


@contextmanager
def asleep(home: Home, server: Process) -> Iterator[None]:
    """Stop a server; not one that is writing, for it would hold up everybody."""

    def stop() -> bool:
        server.signal(SIGSTOP)
        until(lambda: is_stopped(server.pid))
        if _can_be_written(home):
            return True
        server.signal(SIGCONT)
        return False

    until(stop)
    try:
        yield
    finally:
        server.signal(SIGCONT)


def _can_be_written(home: Home) -> bool:
    if home.place.postgres:
        return not store_of(home).read(WRITES)
    try:
        for path in home.path.glob("*.write-*"):
            with path.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(pysqlite3.connect(str(home.database), timeout=0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except (BlockingIOError, pysqlite3.OperationalError):
        return False
    return True
