"""One login at a time, however many threads or tasks want one."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from finlink_client.connections import CLOSED
from finlink_client.deadlines import Deadline
from finlink_client.errors import DeadlineExceeded, FinlinkError
from finlink_client.logins import Login, Token, Tokens

_log = logging.getLogger("finlink_client")
# For everybody who waits for a login, whatever time-outs of their own they have.
_LOGIN_SECONDS = 10.0
_NOT_RENEWED = "The login could not be renewed; it is still good, and tried again: %s"


class Keeper:
    """For threads."""

    def __init__(self, tokens: Tokens, send: Callable[[Login, Deadline], Any]) -> None:
        """Take what sends a login."""
        self._tokens = tokens
        self._send = send
        self._lock = threading.Lock()  # over logins
        self._attempts = 0
        self._failure: FinlinkError | None = None  # of the last attempt

    def get(self, deadline: Deadline) -> Token | None:
        """Give the newest token, after a login if need be; None if none is wanted."""
        token = self._tokens.usable()
        if token is not None or self._tokens.login is None:
            return token
        seen = self._attempts
        with self._alone(deadline):
            token = self._tokens.usable()
            if token is not None:
                return token
            if self._attempts != seen and self._failure is not None:
                raise replace(self._failure)  # it was made for all who waited for it
            self._tokens.check_login()
            return self._log_in(self._tokens.login, deadline)

    def renew_if_due(self, deadline: Deadline) -> None:
        """Log in before the token ends, unless another thread does. Never raises."""
        login = self._tokens.login
        if login is not None and self._tokens.are_due and self._lock.acquire(blocking=False):
            try:
                if self._is_due():  # or another thread was faster
                    self._log_in(login, deadline)
            except FinlinkError as error:
                _log.warning(_NOT_RENEWED, error)
            finally:
                self._lock.release()

    def replace(
        self, used: Token, failure: FinlinkError, deadline: Deadline, *, may_log_in: bool = True
    ) -> bool:
        """Tell whether to send a call again that was refused. Raises SessionTakenOver.

        Waits for a login that is under way: it may be what has ended the token.
        """
        with self._alone(deadline):
            return self._tokens.replace(used, failure, may_log_in=may_log_in)

    def is_newest(self, used: Token, deadline: Deadline) -> bool:
        """Tell whether there is no newer token, nor will be when a login is over."""
        with self._alone(deadline):
            return self._tokens.is_newest(used)

    def _is_due(self) -> bool:
        return self._tokens.are_due

    def _log_in(self, login: Login, deadline: Deadline) -> Token:
        asked = self._tokens.clock()
        self._attempts += 1
        self._failure = None
        try:
            answer = self._send(login, deadline)
            token = self._tokens.take(answer, asked)
        except BaseException as error:
            self._tokens.note_failure(login, error)
            # A time-out was one thread's own: the others have more patience, or less.
            if isinstance(error, FinlinkError) and not isinstance(error, DeadlineExceeded):
                self._failure = error
            raise
        return token

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=deadline.left()):
            raise deadline.exceeded()
        try:
            yield
        finally:
            self._lock.release()


class AsyncKeeper:
    """For the tasks of one event loop.

    A login is a task of its own: whoever waits for it may be cancelled, and it goes on.
    """

    def __init__(self, tokens: Tokens, send: Callable[[Login, Deadline], Awaitable[Any]]) -> None:
        """Take what sends a login."""
        self._tokens = tokens
        self._send = send
        self._task: asyncio.Task[Token] | None = None

    async def get(self, deadline: Deadline) -> Token | None:
        """Give the newest token, after a login if need be; None if none is wanted."""
        token = self._tokens.usable()
        if token is not None or self._tokens.login is None:
            return token
        if self._task is None or self._task.done():
            self._tokens.check_login()
        return await self._wait(self._begin(self._tokens.login), deadline)

    def renew_if_due(self) -> None:
        """Begin to log in before the token ends. Does not wait."""
        if self._tokens.are_due and self._tokens.login is not None:
            self._begin(self._tokens.login)

    async def replace(
        self, used: Token, failure: FinlinkError, deadline: Deadline, *, may_log_in: bool = True
    ) -> bool:
        """Tell whether to send a call again that was refused. Raises SessionTakenOver.

        Waits for a login that is under way: it may be what has ended the token.
        """
        await self._settled(deadline)
        return self._tokens.replace(used, failure, may_log_in=may_log_in)

    async def is_newest(self, used: Token, deadline: Deadline) -> bool:
        """Tell whether there is no newer token, nor will be when a login is over."""
        await self._settled(deadline)
        return self._tokens.is_newest(used)

    async def close(self) -> None:
        """End a login that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _settled(self, deadline: Deadline) -> None:
        """Wait for a login that is under way."""
        if self._task is not None and not self._task.done():
            done, _ = await asyncio.wait([self._task], timeout=deadline.left())
            if not done:
                raise deadline.exceeded()

    def _begin(self, login: Login) -> asyncio.Task[Token]:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._log_in(login), name="finlink-login")
            self._task.add_done_callback(_note)
        return self._task

    async def _wait(self, task: asyncio.Task[Token], deadline: Deadline) -> Token:
        done, _ = await asyncio.wait([task], timeout=deadline.left())
        if not done:
            raise deadline.exceeded()
        if task.cancelled():
            raise RuntimeError(CLOSED)
        failure = task.exception()
        if isinstance(failure, FinlinkError):
            raise replace(failure)  # each who waits raises one of its own
        return task.result()

    async def _log_in(self, login: Login) -> Token:
        asked = self._tokens.clock()
        try:
            answer = await self._send(login, Deadline(None, _LOGIN_SECONDS))
            token = self._tokens.take(answer, asked)
        except BaseException as error:
            self._tokens.note_failure(login, error)
            raise
        return token


def _note(task: asyncio.Task[Token]) -> None:
    """Take a failure off the loop's hands: whoever waits hears of it."""
    if not task.cancelled() and task.exception() is not None:
        _log.info("A login failed: %s", task.exception())
