"""The change feed: the journal's tail, read in order, and by whom it is followed.

What a process keeps in memory is true as long as the feed says so; when it says so no
longer, the new rows of the journal are read and applied, and memory is true again.
Nothing else announces a change. How long memory is true is what the databases differ in.

A journal only grows, but a database can be put back: by a failover to a replica that
lagged, or from a backup. Then rows that were read are gone, and others come in their
places. So every read begins with the row that it goes on from, and that row's id tells
whether it is still there; if not, memory and those who watch begin anew.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from finlink_server import deadline
from finlink_server.errors import DatabaseUnavailable

AT_ONCE: Final = 1000
LAST: Final = "SELECT seq, id FROM journal ORDER BY seq DESC LIMIT 1"
ROWS: Final = (
    "SELECT seq, type, time, account_id, app_id, target_id, facts, event, id FROM journal"
    " WHERE seq >= ? ORDER BY seq LIMIT ?"
)
_LONGEST_WAIT: Final = 4.0  # seconds, for the feed's turn


class JournalReplaced(Exception):  # noqa: N818 - what happened, and not a defect
    """The journal has no longer the row from which it was to be read on."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the journal was put back: rows that were read are no longer in it")


class Place(NamedTuple):
    """A place in the journal: after a row."""

    seq: int
    id: str  # of that row: in a journal that was put back, it is another's
    beginning: int = 0  # how often memory had begun anew when it was there


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
    id: str

    @property
    def place(self) -> Place:
        """The place after it."""
        return Place(self.seq, self.id)


class Look(NamedTuple):
    """What differs when there are new rows, and the time before which it counts all."""

    version: object
    time: int


class Follower(Protocol):
    """What is kept in memory. Called by one thread at a time, which holds the feed's lock."""

    def apply(self, rows: Sequence[Row]) -> None:
        """Take in new rows, in order."""

    def clear(self) -> None:
        """Forget everything."""


class Feed:
    """Follows the journal of one database."""

    def __init__(self) -> None:
        """Begin at the end: followers have nothing in memory yet."""
        self._lock = threading.Lock()
        self._followers: list[Follower] = []
        self.place = Place(0, "")

    def follow(self, follower: Follower) -> None:
        """Give every row from now on to a follower."""
        self.refresh()
        with self._turn():
            self._followers.append(follower)

    def refresh(self) -> Place:
        """Make memory true; the place up to which it is."""
        raise NotImplementedError

    def look(self) -> Look:
        """See whether there are new rows."""
        raise NotImplementedError

    def unless_moved(self, place: Place, action: Callable[[], None]) -> None:
        """Put something into memory, unless rows were applied since it was read.

        Whoever does not get his turn in time goes without: it will be looked up again.
        """
        if not self._lock.acquire(timeout=deadline.remaining(_LONGEST_WAIT)):
            return
        try:
            if self.place == place:
                action()
        finally:
            self._lock.release()

    def since(self, place: Place, limit: int = AT_ONCE) -> list[Row]:
        """Rows after a place, in order; JournalReplaced if there is no such place any more."""
        with self._turn():
            try:
                return self._since(place, limit)
            except JournalReplaced:
                self._doubt()
                raise

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock; wait for it no longer than the call may."""
        if not self._lock.acquire(timeout=deadline.remaining(_LONGEST_WAIT)):
            deadline.check()
            raise DatabaseUnavailable
        try:
            yield
        finally:
            self._lock.release()

    def _apply(self) -> None:
        while True:
            try:
                rows = self._since(self.place, AT_ONCE)
            except JournalReplaced:
                self._begin()
                return
            if rows:
                for follower in self._followers:
                    follower.apply(rows)
                self.place = rows[-1].place._replace(beginning=self.place.beginning)
            if len(rows) < AT_ONCE:
                return

    def _begin(self) -> None:
        """Go to the journal's end, with nothing in memory."""
        last = self._last()
        self._clear()
        self.place = last._replace(beginning=self.place.beginning)

    def _clear(self) -> None:
        for follower in self._followers:
            follower.clear()
        self.place = self.place._replace(beginning=self.place.beginning + 1)

    def _since(self, place: Place, limit: int) -> list[Row]:
        rows = self._read_from(place.seq, limit + 1)
        if not place.seq:
            return rows[:limit]
        if not rows or (rows[0].seq, rows[0].id) != (place.seq, place.id):
            raise JournalReplaced
        return rows[1:]

    def _last(self) -> Place:
        raise NotImplementedError

    def _read_from(self, seq: int, limit: int) -> list[Row]:
        raise NotImplementedError

    def _doubt(self) -> None:
        """Take nothing in memory for true before it has begun anew."""
        raise NotImplementedError
