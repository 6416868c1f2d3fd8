"""The change feed: the journal's tail, read in order, and by whom it is followed.

What a process keeps in memory is true while the database says that nothing was
committed since; when it says so no longer, the new rows of the journal are read and
applied, and memory is true again. Nothing else announces a change.

The head of the WAL index (see `wal_index`) differs after every commit of every process.
It is read before the rows that it vouches for: what is committed in between changes it
again.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from finlink_server.storage.database import connect_reader
from finlink_server.storage.wal_index import head_of

AT_ONCE: Final = 1000
_ROWS: Final = (
    "SELECT seq, type, time, account_id, app_id, target_id, facts, event FROM journal"
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)


class Row(NamedTuple):
    """What a follower gets to know of a row of the journal."""

    seq: int
    type: str
    time: int
    account_id: str
    app_id: str
    target_id: str
    facts: str
    event: str


# Takes new rows in order; called by one thread at a time.
Follower = Callable[[Sequence[Row]], None]


class Feed:
    """Follows the journal of one database."""

    def __init__(self, path: Path) -> None:
        """Begin at the end: followers have nothing in memory yet."""
        self._connection = connect_reader(path)
        self._lock = threading.Lock()
        self._followers: list[Follower] = []
        self._last()  # from now on there is a WAL index
        self._head = head_of(path)
        self._stamp = b""
        self.seq = 0

    def follow(self, follower: Follower) -> None:
        """Give every row from now on to a follower."""
        self.refresh()
        with self._lock:
            self._followers.append(follower)

    def version(self) -> int:
        """A number that differs after each commit of any process."""
        return int.from_bytes(self._head())

    def refresh(self) -> int:
        """Apply what was committed before this call; the seq up to which memory is true."""
        if self._head() == self._stamp:
            return self.seq
        with self._lock:
            head = self._head()
            if head != self._stamp:
                if not self._stamp:
                    self.seq = self._last()
                self._apply()
                self._stamp = head
            return self.seq

    def unless_moved(self, seq: int, action: Callable[[], None]) -> None:
        """Put something into memory, unless rows were applied since it was read."""
        with self._lock:
            if self.seq == seq:
                action()

    def since(self, seq: int, limit: int = AT_ONCE) -> list[Row]:
        """Rows after one, in order."""
        with self._lock:
            return self._since(seq, limit)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _last(self) -> int:
        row = self._connection.execute("SELECT max(seq) FROM journal").fetchone()
        return int(row[0] or 0)

    def _apply(self) -> None:
        while True:
            rows = self._since(self.seq, AT_ONCE)
            if rows:
                for follower in self._followers:
                    follower(rows)
                self.seq = rows[-1].seq
            if len(rows) < AT_ONCE:
                return

    def _since(self, seq: int, limit: int) -> list[Row]:
        return list(map(Row._make, self._connection.execute(_ROWS, (seq, limit)).fetchall()))
