"""Password hashing, kept away from everything else.

bcrypt at cost 12 takes a core for 250 ms. It runs in a few threads of its own at
the lowest priority, so that a flood of passwords cannot slow down the calls that
need none, and behind a bounded queue, so that the flood is told to come back
instead of being kept waiting.
"""

import base64
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TypeVar

import bcrypt

from finlink_server import deadline, metrics, tracing
from finlink_server.errors import DeadlinePassed, HashQueueFull

_LOWEST_PRIORITY = 19
_LONGEST_WAIT = 60.0  # seconds; far beyond what a full queue takes
_T = TypeVar("_T")


class Hasher:
    """Hashes and checks passwords, a few at a time."""

    def __init__(self, cost: int, threads: int, queue: int) -> None:
        """Start no thread yet; `queue` passwords may wait beside those at work."""
        self.cost = cost
        self.threads = threads
        self.queue = queue
        self._places = threading.BoundedSemaphore(threads + queue)
        self._pool = ThreadPoolExecutor(threads, "hash", initializer=_lower_priority)
        self._nobody: bytes | None = None

    def hash(self, password: str) -> bytes:
        """Hash a new password."""
        return self._run(lambda: bcrypt.hashpw(_prepare(password), bcrypt.gensalt(self.cost)))

    def check(self, password: str, stored: bytes | None) -> bool:
        """Compare a password with a stored hash.

        Without one (an unknown e-mail, an account without a password) the same
        work is done, and the answer is no.
        """
        prepared = _prepare(password)
        return self._run(lambda: self._check(prepared, stored))

    def is_outdated(self, stored: bytes) -> bool:
        """Whether a hash was made at a lower cost than today's (`$2b$12$…`)."""
        return int(stored.split(b"$")[2]) < self.cost

    def _check(self, prepared: bytes, stored: bytes | None) -> bool:
        if stored is not None:
            return bcrypt.checkpw(prepared, stored)
        if self._nobody is None:
            self._nobody = bcrypt.hashpw(os.urandom(16).hex().encode(), bcrypt.gensalt(self.cost))
        bcrypt.checkpw(prepared, self._nobody)
        return False

    def warm_up(self) -> None:
        """Make the hash of nobody, so that the first unknown e-mail costs no more."""
        with suppress(CancelledError, RuntimeError, HashQueueFull):  # it stops already, or is busy
            self.check("", None)

    def _run(self, work: Callable[[], _T]) -> _T:
        with self._place(), tracing.part("password hash"):
            future = self._pool.submit(tracing.carried(lambda: _at_work(work)))
            try:
                return future.result(deadline.remaining(_LONGEST_WAIT))
            except FutureTimeoutError:
                future.cancel()
                raise DeadlinePassed from None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise HashQueueFull(retry_after=1.0)
        metrics.count("hashes")
        try:
            yield
        finally:
            metrics.count("hashes", by=-1)
            self._places.release()

    def close(self) -> None:
        """Finish what is at work and stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def threads_for(cores: int, workers: int) -> int:
    """How many threads may hash: all cores of this process but one, at least one."""
    return max(1, cores // workers - 1)


def _at_work(work: Callable[[], _T]) -> _T:
    with tracing.part("bcrypt"):  # what is before it was waiting
        return work()


def _prepare(password: str) -> bytes:
    """Fold a password of any length into what bcrypt takes.

    bcrypt stops at 72 bytes and at a zero byte; base64 of SHA-256 is 44 bytes
    without one. NFC first (RFC 8265 §4.2.2), so that the same letters typed on
    another keyboard are the same password.
    """
    return base64.b64encode(sha256(unicodedata.normalize("NFC", password).encode()).digest())


def _lower_priority() -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
    except (AttributeError, OSError):  # not Linux: threads share one priority there
        return
