"""Writing: one connection, and one commit for all who wait for one.

A durable commit costs as much as a few bodies of transactions. So whoever finds others
waiting behind it leaves the commit to them: bodies run one after another, each in a
savepoint of its own, and the last in line commits for all. Nobody returns before that
commit, so nobody is answered before what it wrote is on the disk; a body that fails
takes back its own part alone; a commit that fails, fails for everybody in it.
"""

from __future__ import annotations  # Peewee's classes take no parameters at run time

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from finlink_server import deadline, tracing
from finlink_server.errors import DatabaseBusy
from finlink_server.storage.database import bound

_LONGEST_WAIT: Final = 5.0  # seconds, for our turn
# A group commits at the latest when it has so many bodies, or is so old.
_MOST_BODIES: Final = 64
_LONGEST_GROUP: Final = 0.01  # seconds
# Whoever was to commit may have given up: then somebody who waits does.
_LOOK_EVERY: Final = 0.02  # seconds; each look is a thread woken up
_TRY_EVERY: Final = 0.0005  # seconds


class _Group:
    """Bodies that are committed together."""

    def __init__(self) -> None:
        self.finished = threading.Event()
        self.error: Exception | None = None
        self.began = time.monotonic()
        self.bodies = 0

    def end(self, error: Exception | None) -> None:
        self.error = error
        self.finished.set()

    @property
    def is_full(self) -> bool:
        age = time.monotonic() - self.began
        return self.bodies >= _MOST_BODIES or age >= _LONGEST_GROUP


class _LockFile:
    """A file that one process at a time has locked.

    Made by the first who writes: who only reads may be another user, and leaves nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def lock(self, until: float) -> None:
        """Lock it, before a monotonic time."""
        if self._file is None:
            self._file = self._path.open("w")
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    deadline.check()
                    raise DatabaseBusy from None
                time.sleep(_TRY_EVERY)
            else:
                return

    def unlock(self) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Writer:
    """Runs transactions on one connection of a SQLite database."""

    def __init__(self, database: Any, path: Path) -> None:  # noqa: ANN401 - Peewee's types lack much
        """Open the connection."""
        self._database = database
        self._connection = database._connect()  # noqa: SLF001 - with Peewee's pragmas
        # SQLite's own busy handler is a lottery between processes, too.
        self._turns = _LockFile(path.with_name(path.name + ".write-lock"))
        self._next = _LockFile(path.with_name(path.name + ".write-next"))
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._group: _Group | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write, all or nothing; on return it is on the disk."""
        deadline.check()
        self._wait_for_lock()
        failure: BaseException | None = None
        try:
            group = self._group or self._begin()
            try:
                with self._savepoint(group):
                    yield
            except BaseException as error:  # noqa: BLE001 - raised when its group has ended
                failure = error
            group.bodies += 1
            if self._group is group and (group.is_full or not self._waiting):
                self._commit(group)
        finally:
            self._lock.release()
        if not group.finished.is_set():
            with tracing.part("wait for commit"):
                self._wait_for_commit(group)
        if group.error is not None:  # also what was refused was decided by what is lost now
            raise type(group.error)(*group.error.args) from group.error
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()
            self._turns.close()
            self._next.close()

    def _wait_for_lock(self) -> None:
        with self._counting:
            self._waiting += 1
        try:
            is_ours = self._lock.acquire(timeout=deadline.remaining(_LONGEST_WAIT))
        finally:
            with self._counting:
                self._waiting -= 1
        if not is_ours:
            deadline.check()
            raise DatabaseBusy

    def _begin(self) -> _Group:
        self._take_turn()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._end_turn()
            raise
        self._group = _Group()
        return self._group

    @contextmanager
    def _savepoint(self, group: _Group) -> Iterator[None]:
        """Let this thread's statements run on our connection, as a part of the group."""
        with bound(self._database, self._connection, self):
            try:
                self._connection.execute("SAVEPOINT body")
                yield
                self._connection.execute("RELEASE body")
            except BaseException as error:
                self._take_back(group, error)
                raise

    def _take_back(self, group: _Group, error: BaseException) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK TO body")
                self._connection.execute("RELEASE body")
            except Exception as fault:  # noqa: BLE001 - told to all who wait
                self._give_up(group, fault)  # half a body must not be committed
            return
        # A full disk, for one: SQLite has taken back what the others wrote as well.
        self._end(group, error if isinstance(error, Exception) else DatabaseBusy())

    def _commit(self, group: _Group) -> None:
        try:
            with tracing.part("commit"):
                self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - told to all who wait
            self._give_up(group, error)
        else:
            self._end(group, None)

    def _give_up(self, group: _Group, error: Exception) -> None:
        with suppress(Exception):
            self._connection.execute("ROLLBACK")
        self._end(group, error)

    def _end(self, group: _Group, error: Exception | None) -> None:
        self._group = None
        self._end_turn()
        group.end(error)

    def _wait_for_commit(self, group: _Group) -> None:
        while not group.finished.wait(_LOOK_EVERY):
            if self._lock.acquire(blocking=False):
                try:
                    if self._group is group:
                        self._commit(group)
                finally:
                    self._lock.release()

    def _take_turn(self) -> None:
        """Wait until no other process writes.

        Whoever had the turn comes back at once, and would have it again before another
        process looks: so whoever waits holds the place of the next, and all others
        wait for that.
        """
        until = time.monotonic() + deadline.remaining(_LONGEST_WAIT)
        self._next.lock(until)
        try:
            self._turns.lock(until)
        finally:
            self._next.unlock()

    def _end_turn(self) -> None:
        self._turns.unlock()
