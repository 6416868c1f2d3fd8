"""Work in the server held until a test lets it go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from unittest import mock

import bcrypt
import pytest

from finlink_server import hashing

_PATIENCE = 60  # seconds; what is waited for takes milliseconds, unless the machine is busy


class Gate:
    """Holds checks of one password, or of all, from `with Gate():` until it is opened."""

    def __init__(self, password: str | None = None) -> None:
        self._held = hashing._prepare(password) if password is not None else None
        self._open = threading.Event()
        self._entered = threading.Semaphore(0)
        self._check = bcrypt.checkpw
        self._patch = mock.patch.object(bcrypt, "checkpw", self)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open()
        self._patch.stop()

    def __call__(self, password: bytes, stored: bytes) -> bool:
        if self._held in {None, password}:
            self._entered.release()
            assert self._open.wait(_PATIENCE)
        return self._check(password, stored)

    def wait_for(self, checks: int) -> None:
        """Go on when as many checks are at work."""
        for _ in range(checks):
            assert self._entered.acquire(timeout=_PATIENCE)

    @property
    def is_idle(self) -> bool:
        """Whether no check came that was not waited for."""
        return not self._entered.acquire(blocking=False)

    def open(self) -> None:
        self._open.set()


class FirstCall:
    """Holds the first call of a function until it is let go; those after it overtake it.

    What the server does by itself in the background is not held.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._taken = threading.Lock()
        self._came, self._let_go = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        is_a_calls = threading.current_thread().name != "webhooks"
        if is_a_calls and self._taken.acquire(blocking=False):
            self._came.set()
            assert self._let_go.wait(_PATIENCE)
        return self._function(*args, **kwargs)

    def wait(self) -> None:
        """Go on when the first call is held."""
        assert self._came.wait(_PATIENCE)

    def let_go(self) -> None:
        self._let_go.set()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("it never came")
