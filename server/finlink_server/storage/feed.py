"""The change feed: the journal's tail, read in order, and by whom it is followed.

What a process keeps in memory is true as long as the feed says so; when it says so no
longer, the new rows of the journal are read and applied, and memory is true again.
Nothing else announces a change. How long memory is true is what the databases differ in.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

AT_ONCE: Final = 1000
LAST: Final = "SELECT max(seq) FROM journal"
ROWS: Final = (
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


class Look(NamedTuple):
    """A number that differs when there are new rows, and the time before which it counts all."""

    version: int
    time: int


# Takes new rows in order; called by one thread at a time.
Follower = Callable[[Sequence[Row]], None]


class Feed:
    """Follows the journal of one database."""

    def __init__(self) -> None:
        """Begin at the end: followers have nothing in memory yet."""
        self._lock = threading.Lock()
        self._followers: list[Follower] = []
        self.seq = 0

    def follow(self, follower: Follower) -> None:
        """Give every row from now on to a follower."""
        self.refresh()
        with self._lock:
            self._followers.append(follower)

    def refresh(self) -> int:
        """Make memory true; the seq up to which it is."""
        raise NotImplementedError

    def look(self) -> Look:
        """See whether there are new rows."""
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError
