"""What has ended, followed live, and for how long that knowledge may be relied on.

A message of WatchRevocations says: everything that was committed before `read_time` is
told by now. That is worth something only with the moment of the reading on *this*
machine, and there are three times to take it from:

- the arrival of the message: too late. One that lay in a buffer for a minute vouches for
  the world of a minute ago;
- the wall clocks of both machines: whoever sets one of them would decide;
- this machine's monotonic clock when the stream was *asked for*: the service reads the
  journal for the first message after the call began, whatever happened to it on the way.

So the first message that has caught up was read at the earliest when its stream was
asked for, and each later one later by the difference of the two `read_time`s. The
service's clock is used as a stopwatch, this machine's wall clock not at all. What
delays a message, this moment does not move.

What is left is a stopwatch that runs too fast, so it is trusted little. It counts at most
750 ms from one message to the next, which come every 500 ms: whoever sets the service's
clock forward gains a quarter of a second, not an hour. A moment that lies after the
arrival convicts it, and what it measured is thrown away. And it is started anew, with
the next stream, after 30 seconds: clocks that are slewed (500 ppm) gain 15 ms meanwhile.

The bound: what the service answered more than `max_staleness` before a question, the
answer knows. If the service's clock is set forward, it is `max_staleness` and 0.25 s, for
30 seconds at most, and then only if messages are late by as much. A clock that is set
back, or stands still, makes the verifier ask more.

The service's time, with which tokens expire, comes the same way: `read_time` and what
has passed since the earliest moment of its reading. That is never less than it is there.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from finlink.config import v1
from finlink_client.errors import FinlinkError
from finlink_client.verifier_keys import KeyRing
from finlink_client.verifier_outages import Outages, refuses_key

_STREAM_SECONDS: Final = 30.0
_SILENCE: Final = 5.0  # seconds more, after which nothing can be expected
_LONGEST_STEP: Final = 0.75  # seconds from one message to the next; more does not count
_CONVICTED: Final = 0.05  # seconds by which a message seems to come from the future
_SHORTEST_STREAM: Final = 1.0  # seconds, before another is asked for because this one lags
_BACK_OFF: Final = (0.05, 5.0)  # seconds, the first and the longest
# A session lives for an hour at most: what has ended longer ago has expired too.
_REMEMBER: Final = 3600 + 300  # seconds
_NEVER: Final = float("-inf")
_log = logging.getLogger("finlink_client")


class Ended(NamedTuple):
    """The end of a session or a key; times in the service's seconds."""

    time: float  # from when on
    reason: str
    forget: float  # when all its tokens have expired, by the service's clock
    forget_here: float  # and by the monotonic one


class View(NamedTuple):
    """What is known, and until when, by the monotonic clock, it may be relied on.

    `offset` added to the monotonic clock gives the service's time, or a little more.
    """

    until: float
    offset: float
    ended: Mapping[str, Ended]


class Call(Protocol):
    """An open stream."""

    def __iter__(self) -> Iterator[v1.WatchRevocationsResponse]:
        """Give the messages as they come."""

    def cancel(self) -> object:
        """End it."""


class Watch(Protocol):
    """Opens a stream."""

    def __call__(self, request: v1.WatchRevocationsRequest, /, *, timeout: float) -> Call:
        """Call WatchRevocations."""


class Stopwatch:
    """Tells when the journal was read for a message, at the earliest."""

    def __init__(self, asked: float) -> None:
        """Start when a stream is asked for, by the monotonic clock."""
        self.asked = asked
        self.newest = _NEVER  # read_time
        self._at = asked

    def read_at(self, read_time: float, arrived: float) -> float | None:
        """Give the moment for a message that has caught up; None: not to be trusted."""
        if self.newest == _NEVER:
            self.newest = read_time
        elif read_time > self.newest:
            self._at += min(read_time - self.newest, _LONGEST_STEP)
            self.newest = read_time
        return min(self._at, arrived) if self._at <= arrived + _CONVICTED else None


class RevocationStream:
    """Holds WatchRevocations open, in a thread, and knows what it told."""

    def __init__(
        self,
        watch: Watch,
        keys: KeyRing,
        max_staleness: float,
        outages: Outages,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know nothing yet."""
        self._watch = watch
        self._keys = keys
        self._max_staleness = max_staleness
        self._outages = outages
        self._clock = clock
        # Not all in one moment after a restart of the service.
        self._longest = _STREAM_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 - no secret
        self._begin_anew()
        self._back_off = _BACK_OFF[0]
        self._call: Call | None = None
        self._lock = threading.Lock()  # over the call, and whether there may be another
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="finlink-verifier", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End the stream and the thread. A second time changes nothing."""
        with self._lock:
            self._closed.set()
            if self._call is not None:
                self._call.cancel()
        if threading.current_thread() is not self._thread:  # the garbage collector may be there
            self._thread.join()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._cursor = ""
        self._ended: dict[str, Ended] = {}
        self.view = View(_NEVER, 0.0, self._ended)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                if self._follow():
                    continue
            except grpc.RpcError as error:
                self._note(error)
            except Exception:  # noqa: BLE001 - else the thread would end
                _log.exception("The stream of revocations has failed and is opened anew.")
            self._closed.wait(self._back_off * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            self._back_off = min(2 * self._back_off, _BACK_OFF[1])

    def _note(self, error: grpc.RpcError) -> None:
        found = FinlinkError.of(error)
        if found.code is grpc.StatusCode.OUT_OF_RANGE:  # the cursor is too old
            self._begin_anew()
        elif self._closed.is_set():
            return
        elif refuses_key(error) or self._clock() >= self.view.until:
            self._outages.note(error)
        _log.info("The stream of revocations has ended and is opened anew: %s", found)

    def _follow(self) -> bool:
        """Take the messages of one stream; whether it is time for the next at once."""
        if not self._keys:
            self._keys.refresh()
        asked = self._clock()
        with self._lock:
            if self._closed.is_set():
                return False
            request = v1.WatchRevocationsRequest(cursor=self._cursor)
            # A deadline, so that a connection that fell silent is given up too.
            call = self._call = self._watch(request, timeout=_STREAM_SECONDS + _SILENCE)
        stopwatch = Stopwatch(asked)
        try:
            for message in call:
                if not self._take(message, stopwatch, self._clock()):
                    return True
        finally:
            call.cancel()
        return False

    def _take(
        self, message: v1.WatchRevocationsResponse, stopwatch: Stopwatch, arrived: float
    ) -> bool:
        """Take in a message; whether to go on with its stream."""
        revoked_keys = [self._end(one, arrived) for one in message.revocations]
        if message.cursor:
            self._cursor = message.cursor
        if not message.caught_up:
            return True
        at = stopwatch.read_at(_seconds(message.read_time), arrived)
        if at is None:
            return False
        offset = stopwatch.newest - at
        # After what it vouches for, and in one step.
        self.view = View(at + self._max_staleness, offset, self._ended)
        self._back_off = _BACK_OFF[0]
        if arrived < self.view.until:
            self._outages.end()
        self._forget(arrived, arrived + offset)
        if any(kid in self._keys for kid in revoked_keys):
            self._keys.reload()
        age = arrived - stopwatch.asked
        lags = arrived - at > self._max_staleness / 2 and age > _SHORTEST_STREAM
        return age < self._longest and not lags

    def _end(self, revocation: v1.Revocation, arrived: float) -> str:
        """Note an end; the key's id, if it is that of a key."""
        name = revocation.session_id or revocation.kid
        told = _seconds(revocation.end_time)
        # Only this end can be yet to come. Others count at once, whatever their clock said.
        is_planned = revocation.reason == v1.INACTIVE_REASON_SECRET_EXPIRED
        time_of_end = told if is_planned else _NEVER
        known = self._ended.get(name)
        if known is None or time_of_end < known.time:
            reason = v1.InactiveReason.Name(revocation.reason).removeprefix("INACTIVE_REASON_")
            self._ended[name] = Ended(time_of_end, reason, told + _REMEMBER, arrived + _REMEMBER)
        return revocation.kid

    def _forget(self, now_here: float, now: float) -> None:
        """Forget, in the order in which they came, those whose tokens have all expired."""
        while self._ended:
            name = next(iter(self._ended))
            ended = self._ended[name]
            if ended.forget > now or ended.forget_here > now_here:
                return
            del self._ended[name]


def _seconds(timestamp: Timestamp) -> float:
    return timestamp.seconds + timestamp.nanos / 1e9
