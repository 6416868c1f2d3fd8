"""Sends webhooks, in the background of a serving process.

Two threads: one works on the database (settles what came back, claims what is due), one
runs an event loop in which any number of slow receivers cost no thread. Between them
nothing is kept that a `kill -9` could lose: what is claimed stands in the database under
a lease, and comes back when the lease runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog

from finlink_server import metrics, tracing
from finlink_server.domain import delivery_queue, housekeeping
from finlink_server.domain.delivery_queue import Job, Message
from finlink_server.domain.delivery_results import Result
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import Refusal
from finlink_server.storage.database import refusal_for

if TYPE_CHECKING:
    from finlink_server.webhook_sender import Answer, Sender

_LOOK_EVERY: Final = 0.01  # seconds; a look takes microseconds
# While more is due than may begin. A few attempts begun together cost a third less each
# than the same begun one by one: the processor keeps at hand what they need.
_LOOK_AT_FULL_PACE_EVERY: Final = 0.025
_LOOK_AHEAD_EVERY: Final = 1.0  # seconds
_AFTER_A_FAULT: Final = 1.0  # seconds
_HOUSEKEEPING_EVERY: Final = 60 * MICROSECONDS
# Attempts at one time: each is a socket and some kilobytes.
_MOST_AT_ONCE: Final = 512
# How much of a second's attempts may be made at once after a quiet while.
_BURST: Final = 0.1
_FAULT: Final = "An unexpected fault of the sender; its log holds the details."
_log = structlog.get_logger("webhook")


class Dispatcher:
    """Makes the attempts that are due, at most `rate` a second."""

    def __init__(self, env: Env, rate: int) -> None:
        """Start at once."""
        self._env = env
        self._pace = _Pace(rate)
        self._seen: object = None
        self._looked_ahead = 0.0
        self._next_time = 0
        self._housekeeping_time = 0
        self._results: deque[Result] = deque()
        self._at_work = 0
        self._paused = threading.Event()
        self._closed = threading.Event()
        self._sender: Sender | None = None
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = (
            threading.Thread(target=self._work, name="webhooks", daemon=True),
            threading.Thread(target=self._run_loop, name="webhooks-send", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Claim nothing more."""
        self._paused.set()

    def close(self, grace: float) -> None:
        """Let attempts under way come to their end within the grace, and stop."""
        self.pause()
        until = time.monotonic() + grace
        while (self._at_work or self._results) and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
        self._closed.set()
        self._threads[0].join()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._threads[1].join()

    # The thread that works on the database.

    def _work(self) -> None:
        pause = _LOOK_EVERY
        while not self._closed.wait(pause):
            pause = _LOOK_EVERY
            try:
                if self._look():
                    pause = _LOOK_AT_FULL_PACE_EVERY
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may do
                self._tell_of(error)
                self._closed.wait(_AFTER_A_FAULT)
        self._env.database.close()  # this thread's connection

    def _look(self) -> bool:
        """Do what there is to do; whether as many attempts began as may begin at once."""
        now = self._env.now()
        if not -_HOUSEKEEPING_EVERY <= now - self._housekeeping_time < _HOUSEKEEPING_EVERY:
            self._housekeeping_time = 0 if self._keep_house() else now
        # Others' claims are in no journal: where nothing else moves, a second is soon enough.
        has_moved = self._env.feed.look().version != self._seen
        if has_moved or time.monotonic() - self._looked_ahead > _LOOK_AHEAD_EVERY:
            self._look_ahead()
        # By the clock as it is now: by an earlier reading, what came while we looked would
        # not be due yet, nor at the next look, as long as more and more comes.
        is_due = self._env.now() >= self._next_time and not self._paused.is_set()
        room = min(_MOST_AT_ONCE - self._at_work, self._pace.room()) if is_due else 0
        if not self._results and room <= 0:
            return False
        return self._step(room) == room > 0

    def _keep_house(self) -> bool:
        """Do what is due every minute; whether there is more. It must not hold up sending."""
        try:
            return housekeeping.run(self._env)
        except Exception as error:  # noqa: BLE001 - the next minute may do
            self._tell_of(error)
            return False

    def _step(self, room: int) -> int:
        results = list(self._results)
        crowded = self._at_work > _MOST_AT_ONCE // 2
        jobs = delivery_queue.step(self._env, results, room, crowded=crowded)
        for _ in results:  # they are settled: what came meanwhile stands behind them
            self._results.popleft()
        self._at_work += len(jobs) - len(results)
        self._pace.spend(len(jobs))
        if jobs:
            self._begin([self._send(message) for message in self._prepare(jobs)])
        self._look_ahead()
        return len(jobs)

    def _look_ahead(self) -> None:
        version = self._env.feed.look().version  # read before what it vouches for
        self._looked_ahead = time.monotonic()
        self._next_time = delivery_queue.next_time(self._env)
        self._seen = version

    def _prepare(self, jobs: Sequence[Job]) -> list[Message]:
        """Sign what is to be sent; what cannot be signed must not hold up the rest."""
        try:
            return delivery_queue.prepare(self._env, jobs)
        except Exception as error:  # noqa: BLE001 - told below
            self._tell_of(error)
        messages = []
        for job in jobs:
            try:
                messages += delivery_queue.prepare(self._env, [job])
            except Exception:  # noqa: BLE001 - told above
                self._results.append(_result(job, self._env.now(), None))
        return messages

    def _tell_of(self, error: Exception) -> None:
        # A disk that is full refuses the log too, and the thread must outlive that.
        with contextlib.suppress(Exception):
            if isinstance(error, Refusal) or refusal_for(error) is not None:
                _log.warning("database", error=error)
            else:
                _log.error("defect", exc_info=error)

    # The thread that sends.

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    def _begin(self, attempts: Sequence[Coroutine[Any, Any, None]]) -> None:
        def start() -> None:
            for attempt in attempts:
                task = self._loop.create_task(attempt)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(start)

    async def _send(self, message: Message) -> None:
        # Here and not above: it takes a quarter of a second, and many servers send nothing.
        from finlink_server.webhook_sender import Outgoing, Sender  # noqa: PLC0415

        job, started = message.job, self._env.now()
        if started >= job.lease_until:  # this process slept: somebody else has it by now
            self._results.append(_result(job, started, None))
            return
        answer: Answer | None = None
        facts = {"delivery_id": job.delivery_id, "endpoint_id": job.endpoint_id}
        span = tracing.attempt(message.traceparent, job.uri, job.number, facts)
        headers = message.headers | ({"traceparent": span.traceparent} if span else {})
        try:
            if self._sender is None:
                self._sender = Sender(self._env.resolver, self._env.now)
            answer = await self._sender.send(Outgoing(job.uri, headers, message.body))
        except Exception as error:  # noqa: BLE001 - a defect must not leave the attempt open
            self._tell_of(error)
        result = _result(job, started, answer)
        self._results.append(result)  # first: the log may be on a disk that is full
        if span:
            span.end(str(result.status or "no_answer"), failed=not result.is_success)
        _tell(result)

    async def _end(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sender is not None:
            await self._sender.close()


class _Pace:
    """Spreads attempts over time: a flood of webhooks must not crowd out calls."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST)
        self._left = self._most
        self._filled = time.monotonic()

    def room(self) -> int:
        """How many attempts may begin now."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._filled) * self._rate)
        self._filled = now
        return int(self._left)

    def spend(self, count: int) -> None:
        self._left -= count


def _result(job: Job, started: int, answer: Answer | None) -> Result:
    status = answer.status if answer else None
    problem = answer.problem if answer else _FAULT
    return Result(
        delivery_id=job.delivery_id,
        lease=job.lease,
        number=job.number,
        endpoint_id=job.endpoint_id,
        uri=job.uri,
        start_time=started,
        latency=answer.latency if answer else 0,
        status=status,
        problem=problem if status is None else _problem_with(status),
        response=answer.response if answer else "",
        truncated=answer.truncated if answer else False,
        retry_after=answer.retry_after if answer else None,
        is_ours=answer is None,
    )


def _problem_with(status: int) -> str:
    """Say why a status is no success; empty if it is one."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    redirected = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return f"answered {phrase}" + ("; redirects are not followed" if redirected else "")


def _tell(result: Result) -> None:
    answered = "delivered" if result.is_success else "refused"
    metrics.count("attempts", "failed" if result.status is None else answered)
    level = "debug" if result.is_success else "info"
    getattr(_log, level)(
        "attempt",
        endpoint_id=result.endpoint_id,
        delivery_id=result.delivery_id,
        number=result.number,
        status=result.status,
        problem=result.problem,
        ms=round(result.latency / 1000, 3),
    )
