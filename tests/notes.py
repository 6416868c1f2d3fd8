"""A database of notes, to write to as the server does, with commits that can be watched."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import peewee
import pysqlite3 as sqlite_driver
from tests.gates import until

from finlink_server.storage.writer import Writer

_SCHEMA = """
CREATE TABLE note (id TEXT PRIMARY KEY, body BLOB);
CREATE TABLE child (parent TEXT REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED);
"""


class Connection:
    """A connection whose COMMIT a test can count, hold and fail, or another statement."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.commits = 0
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.failure: Exception | None = None
        self.fails_at = "COMMIT"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str, *arguments: Any) -> Any:
        if sql == "COMMIT":
            assert self.may_commit.wait(60)
            self.commits += 1
        if sql == self.fails_at and self.failure is not None:
            raise self.failure
        return self._inner.execute(sql, *arguments)


class Notes:
    """A database of notes, behind a writer; one of several, perhaps, of its file."""

    def __init__(self, path: Path) -> None:
        pragmas = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1}
        self.peewee = peewee.SqliteDatabase(str(path), pragmas=pragmas, check_same_thread=False)
        self.writer = Writer(self.peewee, path)
        self.connection = self.writer._connection = Connection(self.writer._connection)
        self._reader = sqlite_driver.connect(str(path), check_same_thread=False)

    def write(self, note: str, size: int = 0) -> str:
        with self.writer.transaction():
            self.insert(note, size)
        return note

    def insert(self, note: str, size: int = 0) -> None:
        self.peewee.execute_sql("INSERT INTO note VALUES (?, zeroblob(?))", (note, size))

    def stored(self) -> set[str]:
        """What another connection sees: what is committed."""
        return {row[0] for row in self._reader.execute("SELECT id FROM note")}

    def hold(self, pool: ThreadPoolExecutor, *bodies: Any) -> list[Any]:
        """Run bodies that all wait for their turn behind one, whose commit they share."""
        go_on = threading.Event()

        def first() -> None:
            with self.writer.transaction():
                self.insert("first")
                assert go_on.wait(60)

        running = [pool.submit(first)]
        until(lambda: self.writer._group is not None)
        running += [pool.submit(body) for body in bodies]
        until(lambda: self.writer._waiting == len(bodies))
        go_on.set()
        return running

    def close(self) -> None:
        self._reader.close()
        self.peewee.close()
        self.writer.close()


def make(path: Path) -> Path:
    """Make the file."""
    with sqlite_driver.connect(str(path)) as connection:
        connection.executescript("PRAGMA journal_mode = wal;" + _SCHEMA)
    connection.close()
    return path
