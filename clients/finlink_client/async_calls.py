"""Calls from tasks: with the newest token, in time, and their failures as errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from finlink_client.connections import AsyncConnection
from finlink_client.deadlines import Deadline, Timeout
from finlink_client.errors import FinlinkError
from finlink_client.keepers import AsyncKeeper
from finlink_client.logins import OPEN, Login, Token, Tokens
from finlink_client.messages import Answer, Method
from finlink_client.outgoing import Entries, Metadata, entries_of, request_of, with_token
from finlink_client.pages import AsyncPages
from finlink_client.watches import AsyncWatch

Item = TypeVar("Item")


class AsyncCalls:
    """What the methods of `AsyncFinlink` call with, in one event loop: that of the first call."""

    def __init__(
        self, connection: AsyncConnection, tokens: Tokens, timeout: float, *, is_view: bool = False
    ) -> None:
        """Send nothing before the first call."""
        self._connection = connection
        self._is_view = is_view
        self._timeout = timeout
        self._keeper = AsyncKeeper(tokens, self._log_in)
        self._tokens = tokens

    async def unary(
        self,
        method: Method[Answer],
        timeout: Timeout,  # noqa: ASYNC109 - of the whole call, its login included
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - what messages.build takes
    ) -> Answer:
        """Call, and give the answer. Raises FinlinkError."""
        deadline = Deadline(timeout, self._timeout)
        request, entries = request_of(method, fields), entries_of(metadata)
        answer = await self._send_until_good(method, request, entries, deadline)
        self._tokens.note_answer(method, fields)
        self._keeper.renew_if_due()
        return answer

    def pages(
        self,
        items: Callable[[Answer], Sequence[Item]],
        method: Method[Answer],
        timeout: Timeout,
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - the same
    ) -> AsyncPages[Item, Answer]:
        """Give a list. Its time-out is for each page."""

        async def fetch(page_token: str) -> Answer:
            asked = {**fields, "page_token": page_token}
            return await self.unary(method, timeout, metadata, **asked)

        return AsyncPages(fetch, items, fields["page_token"])

    def watch(
        self,
        method: Method[Answer],
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - the same
    ) -> AsyncWatch[Answer]:
        """Give a stream that has not begun."""
        return AsyncWatch(self, method, request_of(method, fields), entries_of(metadata))

    async def open_stream(
        self, method: Method[Answer], request: Message, entries: Entries, seconds: float
    ) -> tuple[Any, Token | None]:
        """Begin a stream; give it, and the token that it began with."""
        token = await self.token_for(method, Deadline(None, self._timeout))
        send = self._connection.stream(method)
        return send(request, metadata=with_token(token, entries), timeout=seconds), token

    async def replace(self, used: Token, failure: FinlinkError) -> bool:
        """Tell whether a stream that was refused may be opened again."""
        return await self._keeper.replace(used, failure, Deadline(None, self._timeout))

    async def token_for(self, method: Method[Any], deadline: Deadline) -> Token | None:
        """Give what a method is called with."""
        self._connection.check()
        return None if method.path in OPEN else await self._keeper.get(deadline)

    async def token_for_others(self, deadline: Deadline) -> Token | None:
        """Give a token that lives, renewed if it is time, for calls to other services."""
        self._connection.check()
        if self._tokens.login is not None and self._tokens.want_proof:
            await self._prove(self._tokens.login, deadline)
        return await self._keeper.get(deadline)

    async def is_overtaken(self, used: Token, failure: FinlinkError, deadline: Deadline) -> bool:
        """Tell whether another service refused a token in whose place there is one by now.

        What has become of the newest is asked of Finlink Config itself, which may renew it:
        the word of another service ends nothing here. Raises SessionTakenOver.
        """
        login = self._tokens.login
        if login is None or failure.reason != "SESSION_INACTIVE":
            return False
        if await self._keeper.is_newest(used, deadline):
            await self._prove(login, deadline)
        return not await self._keeper.is_newest(used, deadline)

    def check_cancelled(self) -> None:
        """Raise RuntimeError if a call was cancelled by closing this, and not with its task.

        Otherwise a task that nobody cancelled would seem to be, and its failure go unheard.
        """
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            self._connection.check()

    def deadline(self, timeout: Timeout) -> Deadline:
        """Begin a time-out; None: that of this client."""
        return Deadline(timeout, self._timeout)

    def using(self, token: str) -> AsyncCalls:
        """Give calls with another credential over the same connection."""
        tokens = Tokens(None, self._tokens.clock, token)
        return AsyncCalls(self._connection, tokens, self._timeout, is_view=True)

    async def close(self) -> None:
        """End every call and the connection; a view has none of its own."""
        if self._is_view:
            return
        await self._keeper.close()
        await self._connection.close()

    async def _prove(self, login: Login, deadline: Deadline) -> None:
        """Renew after a call for which the token was good, as always."""
        try:
            await self.unary(login.proof, deadline.left(), None)
        except FinlinkError:
            if not self._tokens.are_alive:
                raise
            self._tokens.usable()  # raises if another process took over

    async def _send_until_good(
        self, method: Method[Answer], request: Message, entries: Entries, deadline: Deadline
    ) -> Answer:
        may_log_in = True  # once; what this client renews meanwhile counts for nothing
        while True:
            token = await self.token_for(method, deadline)
            try:
                return await self._send(method, request, token, entries, deadline)
            except FinlinkError as failure:
                if token is None or not await self._keeper.replace(
                    token, failure, deadline, may_log_in=may_log_in
                ):
                    raise
            may_log_in = False

    async def _send(
        self,
        method: Method[Answer],
        request: Message,
        token: Token | None,
        entries: Entries,
        deadline: Deadline,
    ) -> Answer:
        send = self._connection.unary(method)
        try:
            answer: Answer = await send(
                request, metadata=with_token(token, entries), timeout=deadline.left()
            )
        except grpc.RpcError as error:
            self._connection.check()  # it may have been closed meanwhile
            raise FinlinkError.of(error) from error
        except asyncio.CancelledError:
            self.check_cancelled()
            raise
        return answer

    async def _log_in(self, login: Login, deadline: Deadline) -> Any:  # noqa: ANN401 - of any login
        return await self._send(login.method, login.request, None, (), deadline)
