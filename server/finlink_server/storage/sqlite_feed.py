"""The change feed on SQLite, which tells without a read whether anything was committed.

The head of the WAL index (see `wal_index`) differs after every commit of every process.
It is read before the rows that it vouches for: what is committed in between changes it
again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from finlink_server.storage.feed import LAST, ROWS, Feed, Look, Place, Row
from finlink_server.storage.wal_index import head_of


class SqliteFeed(Feed):
    """Follows the journal of a SQLite database."""

    def __init__(self, path: Path, connection: Any, now: Callable[[], int]) -> None:  # noqa: ANN401 - the driver's
        """Take over a connection that only reads."""
        super().__init__()
        self._connection = connection
        self._now = now
        self._last()  # from now on there is a WAL index
        self._head = head_of(path)
        self._stamp = b""

    def refresh(self) -> Place:
        """Apply what was committed before this call; the place up to which memory is true."""
        if self._head() == self._stamp:
            return self.place
        with self._turn():
            head = self._head()
            if head != self._stamp:
                if not self._stamp:
                    self._begin()
                self._apply()
                self._stamp = head
            return self.place

    def look(self) -> Look:
        """See whether anything was committed, by any process, up to now."""
        time = self._now()  # before what it vouches for
        return Look(int.from_bytes(self._head()), time)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _last(self) -> Place:
        return Place(*(self._connection.execute(LAST).fetchone() or (0, "")))

    def _read_from(self, seq: int, limit: int) -> list[Row]:
        return list(map(Row._make, self._connection.execute(ROWS, (seq, limit)).fetchall()))

    def _doubt(self) -> None:
        self._stamp = b""
