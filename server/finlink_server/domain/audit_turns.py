"""Who verifies when: a chain may take long, and others need the same threads and processor.

An account has one call at a time, and few run at once, in the order in which they came; so
many calls of one customer keep no other from verifying, nor anybody from anything else.
Operators have a place of their own.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from finlink_server import deadline
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import Overloaded, RateLimited

RUNNING: Final = 2  # calls of customers
OF_OPERATORS: Final = 1
WAITING: Final = 8  # of each
_LONGEST: Final = 30.0  # seconds, for a caller who gave no deadline
_LATER: Final = 5.0  # seconds
_LOOK_EVERY: Final = 0.1  # seconds: whether the caller is still there
_SHARE: Final = 0.3  # of the time that is spent on verifying, by all together
_MEMORY: Final = "audit_turns"
_T = TypeVar("_T")


class _Lane:
    """Room for some, and some more who wait, the first of them the next."""

    def __init__(self, running: int) -> None:
        self._room = running
        self._line: deque[object] = deque()
        self._moved = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place as long as the caller does, and hold it."""
        me = object()
        with self._moved:
            if not self._room and len(self._line) >= WAITING:
                raise Overloaded(retry_after=_LATER)
            self._line.append(me)
            try:
                while not self._room or self._line[0] is not me:
                    self._moved.wait(deadline.remaining(_LOOK_EVERY))
                    deadline.check_caller()
                self._room -= 1
            finally:
                self._line.remove(me)
                self._moved.notify_all()
        try:
            yield
        finally:
            with self._moved:
                self._room += 1
                self._moved.notify_all()


class _Turns:
    """Those who verify in this process."""

    def __init__(self) -> None:
        self.customers, self.operators = _Lane(RUNNING), _Lane(OF_OPERATORS)
        self.accounts: set[str] = set()
        self.lock = threading.Lock()
        self.batches = threading.Lock()


@contextmanager
def turn(env: Env, caller: Caller) -> Iterator[None]:
    """Wait for one's turn to verify, and have it until the end.

    Raises RateLimited where the account verifies already, Overloaded if too many wait.
    """
    deadline.unless_given(_LONGEST)
    turns = _of(env)
    if caller.sees_everything:
        with turns.operators.place():
            yield
        return
    with turns.lock:
        if caller.account_id in turns.accounts:
            raise RateLimited(retry_after=_LATER)
        turns.accounts.add(caller.account_id)
    try:
        with turns.customers.place():
            yield
    finally:
        with turns.lock:
            turns.accounts.remove(caller.account_id)


def give_way(env: Env, work: Callable[[], _T]) -> _T:
    """Do a little, alone among those who verify, and then leave the processor to others.

    Python runs one thread at a time, and who computes keeps it for milliseconds: calls that
    take one would wait for several such pieces.
    """
    deadline.check_caller()
    with _of(env).batches:
        began = time.thread_time()
        done = work()
        time.sleep((time.thread_time() - began) * (1 / _SHARE - 1))
    return done


def _of(env: Env) -> _Turns:
    turns: _Turns = env.memory.setdefault(_MEMORY, _Turns())
    return turns
