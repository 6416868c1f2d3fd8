"""Tells watchers what happens, from the journal's tail: one thread, whatever their number.

A watcher is a place in the journal, not a queue: nothing is kept for it. Each message is
encoded once and sent to everybody who stands where it begins. A reader that does not
read blocks the send to it; it is cut off after a moment, so that nobody waits for long.
When the journal was put back, no place in it is what it was: all streams end, and their
readers begin anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from finlink_server import metrics
from finlink_server.env import Env
from finlink_server.errors import CursorTooOld, DatabaseUnavailable, Overloaded, Refusal
from finlink_server.storage.feed import AT_ONCE, JournalReplaced, Place, Row
from finlink_server.streams import Stream, Streams
from finlink_server.watchdog import Watchdog

_LOOK_EVERY: Final = 0.005  # seconds; a look takes microseconds
# What happens within this time is told at once; with many watchers, more of it, so that
# telling takes at most half of the time.
_COLLECT: Final = (0.02, 0.1)  # seconds, at least and at most
_HEARTBEAT: Final = 0.5  # seconds
_LONGEST_SEND: Final = 1.0  # seconds
_AFTER_A_FAULT: Final = 0.5  # seconds
_log = structlog.get_logger("watch")


@dataclass(eq=False)
class Watcher:
    """A stream, where in the journal it stands, and of which apps it wants to know."""

    stream: Stream
    place: Place
    check: Callable[[], Refusal | None]  # whether its credential is still good
    app_ids: frozenset[str] = frozenset()  # none: all


class Reading(NamedTuple):
    """What a message vouches for: all up to a place, and all that was committed before a time."""

    place: Place
    time: int
    is_all: bool = True  # else there is more to come of before the watch


# Makes a message of what was read for a watcher; None: nothing for it.
Encode = Callable[[Watcher], bytes | None]
Encoder = Callable[[Sequence[Row], Reading], Encode]


class Broadcast:
    """One kind of news, and those who watch for it."""

    def __init__(
        self, name: str, env: Env, types: frozenset[str], encoder: Encoder, most: int
    ) -> None:
        """Tell of rows of these types; allow so many watchers. Starts at once."""
        self._env = env
        self._name = name
        self._types = types
        self._encoder = encoder
        self.streams = Streams(most)
        self._watchers: set[Watcher] = set()
        self._lock = threading.Lock()  # over the watchers and the place where they stand
        self._place = self._last = env.feed.refresh()
        self._seen: object = None
        self._waiting: list[Row] = []
        self._watchdog = Watchdog(_LONGEST_SEND, look_every=_LONGEST_SEND / 10)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, watcher: Watcher) -> None:
        """Tell a watcher what it has missed, and from then on what happens."""
        while True:
            read_time = self._env.now()
            try:
                rows = self._env.feed.since(watcher.place)
            except JournalReplaced:
                watcher.stream.end(CursorTooOld())
                return
            is_all = len(rows) < AT_ONCE
            last = rows[-1].place if rows else watcher.place
            # It does not vouch for what is left for the next message.
            reading = Reading(last, read_time if is_all else rows[-1].time, is_all)
            self._tell(watcher, self._encoder(self._wanted(rows), reading), last)
            with self._lock:
                if is_all and watcher.place.seq >= self._place.seq:
                    self._watchers.add(watcher)
                    return

    def greet(self, watcher: Watcher, message: bytes) -> None:
        """Send a watcher something before it joins."""
        self._send(watcher, message)

    def drain(self, refusal: Refusal) -> None:
        """End every stream with a reason."""
        self.streams.end_all(refusal)

    def close(self) -> None:
        """Stop telling."""
        self._closed.set()
        self._thread.join()
        self._watchdog.close()

    def _run(self) -> None:
        last_told, last_beat, collect = 0.0, 0.0, _COLLECT[0]
        last_read = time.monotonic()
        while not self._closed.wait(_LOOK_EVERY):
            began = time.monotonic()
            try:
                read_time = self._read()
                last_read = began
                beat = began - last_beat >= _HEARTBEAT
                is_due = beat or (self._waiting and began - last_told >= collect)
                if is_due:
                    self._round(read_time)
            except Exception as error:  # noqa: BLE001 - without a read nothing is certified
                _log.warning("feed", error=error)
                metrics.put("feed lag", began - last_read)
                self._closed.wait(_AFTER_A_FAULT)
                continue
            if is_due:
                took = time.monotonic() - began
                metrics.put("feed lag", took)
                metrics.put("watchers", len(self.streams), self._name)
                collect = min(max(_COLLECT[0], 2 * took), _COLLECT[1])
                last_told = last_beat = began
        self._env.database.close()  # this thread's connection

    def _read(self) -> int:
        """Take in what was committed; the time before which everything is known."""
        version, read_time = self._env.feed.look()  # before what it vouches for
        while version != self._seen:
            try:
                rows = self._env.feed.since(self._last)
            except JournalReplaced:
                self._begin_anew()
                raise
            if rows:
                self._waiting += self._wanted(rows)
                self._last = rows[-1].place
            # It began after the look. What came since waits for the next: while others
            # commit at every moment, there would be no end, and nobody would be told.
            if len(rows) < AT_ONCE:
                self._seen = version
        return read_time

    def _begin_anew(self) -> None:
        place = self._env.feed.refresh()
        self._waiting = []
        with self._lock:
            self._place = self._last = place
            self._watchers = set()
        for stream in self.streams:  # those who are about to join among them
            stream.end(CursorTooOld())

    def _round(self, read_time: int) -> None:
        first, last, wanted = self._place, self._last, self._waiting
        reading = Reading(last, read_time)
        encode = self._encoder(wanted, reading)  # if that fails, they go on waiting
        self._waiting = []
        with self._lock:
            self._place = last
            watchers = [one for one in self._watchers if one.stream.is_open]
            self._watchers = set(watchers)
        for watcher in watchers:
            try:
                refusal = watcher.check()
                if refusal is not None:
                    watcher.stream.end(refusal)
                elif watcher.place.seq <= first.seq:
                    self._tell(watcher, encode, last)
                elif watcher.place.seq < last.seq:  # it knew more than we when it joined
                    late = [row for row in wanted if row.seq > watcher.place.seq]
                    self._tell(watcher, self._encoder(late, reading), last)
            except Exception as error:  # noqa: BLE001 - it was not told, and must not think so
                _log.warning("watcher", call_id=watcher.stream.call_id, error=error)
                watcher.stream.end(DatabaseUnavailable())

    def _wanted(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.type in self._types]

    def _tell(self, watcher: Watcher, encode: Encode, place: Place) -> None:
        message = encode(watcher)
        if message is not None:
            self._send(watcher, message)
        watcher.place = place

    def _send(self, watcher: Watcher, message: bytes) -> None:
        def cut_off() -> None:
            _log.warning("slow reader", call_id=watcher.stream.call_id)
            watcher.stream.cut_off(Overloaded())

        with self._watchdog.guard(cut_off):
            watcher.stream.send(message)
