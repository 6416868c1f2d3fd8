"""What every domain function works with: one object, made by the composition root."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from finlink_server import ids, metrics, tracing
from finlink_server.crypto import Keyring
from finlink_server.hashing import Hasher
from finlink_server.resolver import Resolver
from finlink_server.storage.database import Database, Parents
from finlink_server.storage.feed import Feed

MICROSECONDS = 1_000_000  # in a second
# Of the call at hand: whether the transaction under way has changed something, and whether
# one that did was committed.
_has_changed: ContextVar[bool] = ContextVar("has_changed", default=False)
_has_committed: ContextVar[bool] = ContextVar("has_committed", default=False)


def system_clock() -> int:
    """The time in microseconds since 1970."""
    return time.time_ns() // 1000


def begin_call() -> None:
    """Begin a call, which has committed nothing."""
    _has_committed.set(False)


def has_committed() -> bool:
    """Whether the call at hand has committed a change: then it has not simply failed."""
    return _has_committed.get()


@dataclass(frozen=True)
class Limits:
    """How often something may be done from one client address: see `domain/rates`."""

    failed_sign_ins: int  # in ten minutes, whatever the e-mails
    failed_logins: int  # in a minute
    failed_logins_of_secret: int  # of these, with one client secret
    leak_reports: int  # in a minute
    leak_reports_of_secret: int  # of these, of one client secret


@dataclass(frozen=True)
class Env:
    """The service's surroundings. The clock comes in here and nowhere else."""

    database: Database
    feed: Feed
    keyring: Keyring
    hasher: Hasher
    issuer: str
    max_sign_in_failures: int
    limits: Limits
    signing_key_age: int  # at which a key is replaced, in microseconds; 0: at none
    resolver: Resolver
    now: Callable[[], int] = system_clock
    # What a domain module keeps in memory, under its own name.
    memory: dict[str, Any] = field(default_factory=dict)

    def new_id(self, prefix: str) -> str:
        """Make an id, ordered by time."""
        return ids.new_id(prefix, self.now())

    def end(self) -> None:
        """Let go of everything, when nothing is done any more."""
        self.hasher.close()
        self.feed.close()
        self.database.end()

    @contextmanager
    def transaction(self, *locks: str, under: Parents = ()) -> Iterator[None]:
        """Write, all or nothing.

        `locks` are the ids of what is about to be decided over: the app for its
        secrets, the secret for its session, the Link token for its opens. `under` are
        their parents, which must not end meanwhile. SQLite has one writer at a time, so
        they are given for the reader, and for PostgreSQL, which has more: see there.
        """
        _has_changed.set(False)
        with (
            tracing.part("transaction"),
            metrics.timed("transactions"),
            self.database.transaction(locks, under),
        ):
            yield
        if _has_changed.get():
            _has_committed.set(True)

    @staticmethod
    def note_change() -> None:
        """Note that the transaction under way changes what callers see."""
        _has_changed.set(True)
