"""Calls from threads: with the newest token, in time, and their failures as errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from finlink_client.connections import Connection
from finlink_client.deadlines import Deadline, Timeout
from finlink_client.errors import FinlinkError
from finlink_client.keepers import Keeper
from finlink_client.logins import OPEN, Login, Token, Tokens
from finlink_client.messages import Answer, Method
from finlink_client.outgoing import Entries, Metadata, entries_of, request_of, with_token
from finlink_client.pages import Pages
from finlink_client.watches import Watch

Item = TypeVar("Item")
# A renewal holds up the call after which it is tried.
_RENEWAL_SECONDS = 2.0


class Calls:
    """What the methods of `Finlink` call with."""

    def __init__(
        self, connection: Connection, tokens: Tokens, timeout: float, *, is_view: bool = False
    ) -> None:
        """Send nothing before the first call."""
        self._connection = connection
        self._is_view = is_view
        self._timeout = timeout
        self._keeper = Keeper(tokens, self._log_in)
        self._tokens = tokens

    def unary(
        self,
        method: Method[Answer],
        timeout: Timeout,
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - what messages.build takes
    ) -> Answer:
        """Call, and give the answer. Raises FinlinkError."""
        deadline = Deadline(timeout, self._timeout)
        request, entries = request_of(method, fields), entries_of(metadata)
        answer = self._send_until_good(method, request, entries, deadline)
        self._tokens.note_answer(method, fields)
        self._keeper.renew_if_due(Deadline(_RENEWAL_SECONDS, self._timeout))
        return answer

    def pages(
        self,
        items: Callable[[Answer], Sequence[Item]],
        method: Method[Answer],
        timeout: Timeout,
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - the same
    ) -> Pages[Item, Answer]:
        """Give a list. Its time-out is for each page."""

        def fetch(page_token: str) -> Answer:
            return self.unary(method, timeout, metadata, **{**fields, "page_token": page_token})

        return Pages(fetch, items, fields["page_token"])

    def watch(
        self,
        method: Method[Answer],
        metadata: Metadata,
        /,
        **fields: Any,  # noqa: ANN401 - the same
    ) -> Watch[Answer]:
        """Give a stream that has not begun."""
        return Watch(self, method, request_of(method, fields), entries_of(metadata))

    def open_stream(
        self, method: Method[Answer], request: Message, entries: Entries, seconds: float
    ) -> tuple[Any, Token | None]:
        """Begin a stream; give it, and the token that it began with."""
        token = self.token_for(method, Deadline(None, self._timeout))
        send = self._connection.stream(method)
        return send(request, metadata=with_token(token, entries), timeout=seconds), token

    def replace(self, used: Token, failure: FinlinkError) -> bool:
        """Tell whether a stream that was refused may be opened again."""
        return self._keeper.replace(used, failure, Deadline(None, self._timeout))

    def token_for(self, method: Method[Any], deadline: Deadline) -> Token | None:
        """Give what a method is called with."""
        self._connection.check()
        return None if method.path in OPEN else self._keeper.get(deadline)

    def token_for_others(self, deadline: Deadline) -> Token | None:
        """Give a token that lives, renewed if it is time, for calls to other services."""
        self._connection.check()
        if self._tokens.login is not None and self._tokens.want_proof:
            self._prove(self._tokens.login, deadline)
        return self._keeper.get(deadline)

    def is_overtaken(self, used: Token, failure: FinlinkError, deadline: Deadline) -> bool:
        """Tell whether another service refused a token in whose place there is one by now.

        What has become of the newest is asked of Finlink Config itself, which may renew it:
        the word of another service ends nothing here. Raises SessionTakenOver.
        """
        login = self._tokens.login
        if login is None or failure.reason != "SESSION_INACTIVE":
            return False
        if self._keeper.is_newest(used, deadline):
            self._prove(login, deadline)
        return not self._keeper.is_newest(used, deadline)

    def deadline(self, timeout: Timeout) -> Deadline:
        """Begin a time-out; None: that of this client."""
        return Deadline(timeout, self._timeout)

    def using(self, token: str) -> Calls:
        """Give calls with another credential over the same connection."""
        tokens = Tokens(None, self._tokens.clock, token)
        return Calls(self._connection, tokens, self._timeout, is_view=True)

    def close(self) -> None:
        """End every call and the connection; a view has none of its own."""
        if self._is_view:
            return
        self._connection.close()

    def _prove(self, login: Login, deadline: Deadline) -> None:
        """Renew after a call for which the token was good, as always."""
        try:
            self.unary(login.proof, deadline.left(), None)
        except FinlinkError:
            if not self._tokens.are_alive:
                raise
            self._tokens.usable()  # raises if another process took over

    def _send_until_good(
        self, method: Method[Answer], request: Message, entries: Entries, deadline: Deadline
    ) -> Answer:
        may_log_in = True  # once; what this client renews meanwhile counts for nothing
        while True:
            token = self.token_for(method, deadline)
            try:
                return self._send(method, request, token, entries, deadline)
            except FinlinkError as failure:
                if token is None or not self._keeper.replace(
                    token, failure, deadline, may_log_in=may_log_in
                ):
                    raise
            may_log_in = False

    def _send(
        self,
        method: Method[Answer],
        request: Message,
        token: Token | None,
        entries: Entries,
        deadline: Deadline,
    ) -> Answer:
        send = self._connection.unary(method)
        try:
            answer: Answer = send(
                request, metadata=with_token(token, entries), timeout=deadline.left()
            )
        except grpc.RpcError as error:
            self._connection.check()  # it may have been closed meanwhile
            raise FinlinkError.of(error) from error
        return answer

    def _log_in(self, login: Login, deadline: Deadline) -> Any:  # noqa: ANN401 - of any login
        return self._send(login.method, login.request, None, (), deadline)
