"""The client: every RPC as a method, with a credential that renews itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self, Unpack

import grpc
import grpc.aio

from finlink_client import authorization, logins
from finlink_client.async_calls import AsyncCalls
from finlink_client.calls import Calls
from finlink_client.connections import AsyncConnection, Connection
from finlink_client.deadlines import seconds_of
from finlink_client.logins import Login, Tokens
from finlink_client.resources import AsyncResources, Resources
from finlink_client.transport import Options, Transport

_TIMEOUT: Final = 10.0  # seconds


class Finlink(Resources):
    """A client of Finlink Config, for as many threads as want to.

    `Finlink(target, client_id=…, client_secret=…)` acts as an app's server: it opens a session
    with the first call and renews it in time, once however many threads ask. The other
    credentials are `with_password`, `with_service_key`, `with_token` and `anonymous`.

    Every RPC is a method: `client.secrets.rotate(…)`. They take plain Python values and raise
    FinlinkError. `get` gives the thing and `list` the things, page by page as they are needed;
    the others give the answer as it is. `timeout` is how long a call may take in all (seconds
    or a timedelta; 10 s), `metadata` goes along with it. What changes nothing, or takes a
    request_id, is made again by itself while the service is away. `client.settings.watch` and
    `client.sessions.watch_revocations` go on from their cursor when they are cut off.

    Speaks plaintext to loopback and TLS to everything else; `Options` says what else can be
    chosen. Make it in the process that uses it, not before a fork, and close it when it is not
    needed any more: `with Finlink(…) as client`. Nothing is sent before the first call.
    """

    def __init__(
        self,
        target: str,
        *,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> None:
        """Act as an app's server, with all the secret's scopes unless some are named."""
        login = logins.with_client_secret(client_id, client_secret, scopes)
        self._begin(target, client_id, login, None, options)

    @classmethod
    def with_password(
        cls, target: str, *, email: str, password: str, **options: Unpack[Options]
    ) -> Self:
        """Act as a customer, who signs in with the first call and again in time."""
        return cls._new(target, "account", logins.with_password(email, password), None, options)

    @classmethod
    def with_service_key(cls, target: str, *, service_key: str, **options: Unpack[Options]) -> Self:
        """Act as a service of the platform."""
        logins.check_given(service_key=service_key)
        return cls._new(target, "service key", None, service_key, options)

    @classmethod
    def with_token(cls, target: str, *, token: str, **options: Unpack[Options]) -> Self:
        """Act with an account token or a session token that somebody else renews."""
        logins.check_given(token=token)
        return cls._new(target, "token", None, token, options)

    @classmethod
    def anonymous(cls, target: str, **options: Unpack[Options]) -> Self:
        """Act as nobody, or as whom a client certificate names."""
        return cls._new(target, "anonymous", None, None, options)

    def using(self, *, token: str) -> Self:
        """Give a client with this token over the same connection, which ends with this one.

        For back ends that act for many customers: it costs next to nothing to make, and to
        close it changes nothing.
        """
        logins.check_given(token=token)
        client = type(self).__new__(type(self))
        client._stand_on(self._target, "token", self._calls.using(token))  # noqa: SLF001 - its own
        return client

    def authorize(self, channel: grpc.Channel) -> grpc.Channel:
        """Give a view of a channel to another service of the platform, whose calls carry the token.

        Each carries the newest one, unless it brings a credential of its own. A call with one
        answer that is refused because the session was renewed meanwhile, or has to be, is sent
        once more; one made as a future is not. Calls raise what grpc raises, and FinlinkError
        where there is no session to be had. The channel stays its owner's to close.
        """
        return authorization.view(channel, self._calls)

    def access_token(self) -> str:
        """Give the token that calls carry, for calls to other services of the platform.

        It lives, as far as this client knows, until the session is renewed: ask for it before
        each call and do not keep it. With gRPC, `authorize` does that.
        """
        token = self._calls.token_for_others(self._calls.deadline(None))
        return token.value if token else ""

    def close(self) -> None:
        """End every call and the connection. The session is left to its end."""
        self._calls.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say where to and as whom, without any credential."""
        return f"<{type(self).__name__} {self._target}, {self._name}>"

    @classmethod
    def _new(
        cls, target: str, name: str, login: Login | None, credential: str | None, options: Options
    ) -> Self:
        client = cls.__new__(cls)
        client._begin(target, name, login, credential, options)  # noqa: SLF001 - its own
        return client

    def _begin(
        self, target: str, name: str, login: Login | None, credential: str | None, options: Options
    ) -> None:
        tokens = Tokens(login, options.get("clock", time.monotonic), credential)
        seconds = seconds_of(options.get("timeout", _TIMEOUT))
        connection = Connection(Transport.of(target, options))
        self._stand_on(target, name, Calls(connection, tokens, seconds))

    def _stand_on(self, target: str, name: str, calls: Calls) -> None:
        self._target, self._name, self._calls = target, name, calls
        super().__init__(calls)


class AsyncFinlink(AsyncResources):
    """A client of Finlink Config, for as many tasks of one event loop as want to.

    `AsyncFinlink(target, client_id=…, client_secret=…)` acts as an app's server: it opens a session
    with the first call and renews it in time, once however many tasks ask. The other
    credentials are `with_password`, `with_service_key`, `with_token` and `anonymous`.

    Every RPC is a method: `await client.secrets.rotate(…)`. They take plain Python values and raise
    FinlinkError. `get` gives the thing and `list` the things, page by page as they are needed;
    the others give the answer as it is. `timeout` is how long a call may take in all (seconds
    or a timedelta; 10 s), `metadata` goes along with it. What changes nothing, or takes a
    request_id, is made again by itself while the service is away. `client.settings.watch` and
    `client.sessions.watch_revocations` go on from their cursor when they are cut off.

    Speaks plaintext to loopback and TLS to everything else; `Options` says what else can be
    chosen. Its event loop is that of the first
    call. Make it in the process that uses it, not before a fork, and close it when it is not
    needed any more: `async with AsyncFinlink(…) as client`. Nothing is sent before the first call.
    """

    def __init__(
        self,
        target: str,
        *,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> None:
        """Act as an app's server, with all the secret's scopes unless some are named."""
        login = logins.with_client_secret(client_id, client_secret, scopes)
        self._begin(target, client_id, login, None, options)

    @classmethod
    def with_password(
        cls, target: str, *, email: str, password: str, **options: Unpack[Options]
    ) -> Self:
        """Act as a customer, who signs in with the first call and again in time."""
        return cls._new(target, "account", logins.with_password(email, password), None, options)

    @classmethod
    def with_service_key(cls, target: str, *, service_key: str, **options: Unpack[Options]) -> Self:
        """Act as a service of the platform."""
        logins.check_given(service_key=service_key)
        return cls._new(target, "service key", None, service_key, options)

    @classmethod
    def with_token(cls, target: str, *, token: str, **options: Unpack[Options]) -> Self:
        """Act with an account token or a session token that somebody else renews."""
        logins.check_given(token=token)
        return cls._new(target, "token", None, token, options)

    @classmethod
    def anonymous(cls, target: str, **options: Unpack[Options]) -> Self:
        """Act as nobody, or as whom a client certificate names."""
        return cls._new(target, "anonymous", None, None, options)

    def using(self, *, token: str) -> Self:
        """Give a client with this token over the same connection, which ends with this one.

        For back ends that act for many customers: it costs next to nothing to make, and to
        close it changes nothing.
        """
        logins.check_given(token=token)
        client = type(self).__new__(type(self))
        client._stand_on(self._target, "token", self._calls.using(token))  # noqa: SLF001 - its own
        return client

    def interceptors(self) -> Sequence[grpc.aio.ClientInterceptor]:
        """Give what makes the calls of a channel to another service carry the token.

        `grpc.aio.insecure_channel(target, interceptors=client.interceptors())`: grpc.aio has no
        views of a channel. Each call carries the newest token, unless it brings a credential of
        its own. A call with one answer that is refused because the session was renewed
        meanwhile, or has to be, is sent once more. Calls raise what grpc raises, and
        FinlinkError where there is no session to be had.
        """
        return authorization.interceptors(self._calls)

    async def access_token(self) -> str:
        """Give the token that calls carry, for calls to other services of the platform.

        It lives, as far as this client knows, until the session is renewed: ask for it before
        each call and do not keep it. With gRPC, `interceptors` do that.
        """
        token = await self._calls.token_for_others(self._calls.deadline(None))
        return token.value if token else ""

    async def close(self) -> None:
        """End every call and the connection. The session is left to its end."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    def __repr__(self) -> str:
        """Say where to and as whom, without any credential."""
        return f"<{type(self).__name__} {self._target}, {self._name}>"

    @classmethod
    def _new(
        cls, target: str, name: str, login: Login | None, credential: str | None, options: Options
    ) -> Self:
        client = cls.__new__(cls)
        client._begin(target, name, login, credential, options)  # noqa: SLF001 - its own
        return client

    def _begin(
        self, target: str, name: str, login: Login | None, credential: str | None, options: Options
    ) -> None:
        tokens = Tokens(login, options.get("clock", time.monotonic), credential)
        seconds = seconds_of(options.get("timeout", _TIMEOUT))
        connection = AsyncConnection(Transport.of(target, options))
        self._stand_on(target, name, AsyncCalls(connection, tokens, seconds))

    def _stand_on(self, target: str, name: str, calls: AsyncCalls) -> None:
        self._target, self._name, self._calls = target, name, calls
        super().__init__(calls)
