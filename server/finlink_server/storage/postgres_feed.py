"""The change feed on PostgreSQL, where only a read tells whether anything was committed.

Memory is true for 50 ms after a read began that succeeded (rule 4 of the contract). Then,
and when this process itself has written, or was told that another has, it is read again;
a read that fails makes nothing true, so that whoever asks then is refused.

Being told (`NOTIFY`) makes news travel faster, and bounds nothing: a connection that
is half open tells nothing, and nobody notices.

A new connection may lead to another server, which may never have had what memory was
made of, even where its journal has the row that was read last: so memory begins anew.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import psycopg

from finlink_server.storage.connections import Connection, translated
from finlink_server.storage.feed import LAST, ROWS, Feed, Look, Place, Row

CHANNEL: Final = "finlink_journal"
_TRUE_FOR: Final = 0.05  # seconds
# Who looks by himself does so earlier, so that calls find memory true and need not wait.
_LOOK_AFTER: Final = 0.025
_LONGEST_READ: Final = 2.0  # seconds
_AFTER_A_FAULT: Final = 0.5  # seconds
_LISTEN: Final = 0.2  # seconds; how long closing may take
_ROWS: Final = ROWS.replace("?", "%s")


class _Stamp(NamedTuple):
    """What was so when the last read began."""

    commits: int  # of this process
    wakes: int  # by others
    began: float  # monotonic
    time: int


class PostgresFeed(Feed):
    """Follows the journal of a PostgreSQL database."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        commits: Callable[[], int],
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`commits`: how often this process has committed something to the journal."""
        super().__init__()
        self._connect = connect
        self._connection: Connection | None = None
        self._commits = commits
        self._now = now
        self._monotonic = monotonic
        self._wakes = 0
        self._stamp: _Stamp | None = None
        self._closed = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="listen", daemon=True)
        self._listener.start()

    def refresh(self) -> Place:
        """Read, unless memory is true; the place up to which it is."""
        if not self._is_true(_TRUE_FOR):
            self._read(_TRUE_FOR)
        return self.place

    def look(self) -> Look:
        """See whether there are new rows, by a read of a moment ago at most."""
        if not self._is_true(_LOOK_AFTER):
            self._read(_LOOK_AFTER)
        with self._turn():
            return Look(self.place, self._stamp.time if self._stamp else 0)

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
        self._listener.join()
        with self._lock:
            self._hang_up()

    def _is_true(self, seconds: float) -> bool:
        stamp = self._stamp
        return (
            stamp is not None
            and stamp.commits == self._commits()
            and stamp.wakes == self._wakes
            and self._monotonic() - stamp.began < seconds
        )

    def _read(self, seconds: float) -> None:
        with self._turn():
            if not self._is_true(seconds):  # somebody else has read meanwhile
                stamp = _Stamp(self._commits(), self._wakes, self._monotonic(), self._now())
                if self._stamp is None:
                    self._begin()
                self._apply()
                self._stamp = stamp

    def _last(self) -> Place:
        rows = self._ask(LAST)
        return Place(*rows[0]) if rows else Place(0, "")

    def _read_from(self, seq: int, limit: int) -> list[Row]:
        return list(map(Row._make, self._ask(_ROWS, seq, limit)))

    def _doubt(self) -> None:
        self._stamp = None

    def _ask(self, sql: str, *parameters: int) -> list[Any]:
        """Ask on our own connection, which no call can use up; the lock is held."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                self._connection.longest = _LONGEST_READ
                self._clear()
            with translated():
                return self._connection.execute(sql, parameters or None).fetchall()
        except Exception:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _listen(self) -> None:
        """Note that somebody has written; without that, it is noticed a little later."""
        while not self._closed.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._closed.is_set():
                        for _ in connection.notifies(timeout=_LISTEN, stop_after=1):
                            self._wakes += 1
            except Exception:  # noqa: BLE001 - whatever it is, the next try may do
                self._closed.wait(_AFTER_A_FAULT)
