"""Connections to receivers of webhooks: to addresses that were checked, and kept.

A kept connection stays with the address that was checked when it was opened, and with
the name for which it was opened: it serves no other.
"""

import contextlib
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from finlink_server.resolver import Resolver

_LONGEST_LINE: Final = 8190  # bytes, of the status or of one header
_MOST_HEADERS: Final = 100
_MOST_INTERIM: Final = 10  # answers such as `100 Continue` before the one that counts

# What a receiver can send before anybody looks is parsed in one go, and holds up all others.
_RECEIVE_BUFFER: Final = 32 * 1024  # bytes

# New ones are opened after a minute, so that a busy endpoint follows its DNS too; and after
# so many that the idle ones of rarely used endpoints cannot use up the process's files. Far
# more than attempts are made at one time: else a burst would never find one that it left.
_KEPT_FOR: Final = 60  # seconds
_FILES: Final = resource.getrlimit(resource.RLIMIT_NOFILE)[0]  # when it is first needed
_MOST_OPENED: Final = 2048 if _FILES == resource.RLIM_INFINITY else min(2048, _FILES // 4)


@dataclass(slots=True)
class Attempt:
    """One attempt, as those know it who open a connection for it."""

    plain: bool  # without TLS
    reused: bool = True  # until a socket is opened


# The library opens connections somewhere below its `post`, which passes nothing down.
attempt: ContextVar[Attempt] = ContextVar("attempt")


@dataclass(slots=True)
class _Pool:
    session: aiohttp.ClientSession
    since: int  # microseconds
    users: int = 0
    opened: int = 0
    retired: bool = False

    def is_used_up(self, now: int) -> bool:
        age = abs(now - self.since) / 1_000_000  # a clock can be set back
        return age >= _KEPT_FOR or self.opened >= _MOST_OPENED

    async def close_if_idle(self) -> None:
        if self.retired and not self.users:
            await self.session.close()


class Connections:
    """Lives in one event loop. `attempt` must be set by whoever uses it."""

    def __init__(
        self,
        resolver: Resolver,
        now: Callable[[], int],
        tls: ssl.SSLContext | None,
        connect_seconds: float,
    ) -> None:
        """Trust the system's certificates unless `tls` says otherwise; open nothing yet."""
        self._resolver = resolver
        self._now = now
        self._tls = tls or _system_trust()
        self._connect_seconds = connect_seconds
        self._pool: _Pool | None = None

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Lend connections that may have served before, and keep new ones."""
        now = self._now()
        if self._pool and self._pool.is_used_up(now):
            old, self._pool = self._pool, None
            old.retired = True
            await old.close_if_idle()
        self._pool = self._pool or _Pool(self.fresh(keep=True), now)
        pool = self._pool
        pool.users += 1
        try:
            yield pool.session
        finally:
            pool.users -= 1
            pool.opened += not attempt.get().reused
            await pool.close_if_idle()

    def fresh(self, *, keep: bool = False) -> aiohttp.ClientSession:
        """Give a session without any connection yet, to be closed by the caller."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_Checked(self._resolver),
                use_dns_cache=False,
                socket_factory=self._open_socket,
                ssl=self._tls,
                force_close=not keep,
                limit=0,  # whoever sends decides how many at once
            ),
            response_class=_Response,
            timeout=aiohttp.ClientTimeout(sock_connect=self._connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # no proxies, no .netrc
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
        )

    async def close(self) -> None:
        """Close them, when nothing is sent any more."""
        if self._pool:
            await self._pool.session.close()
            self._pool = None

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Look once more, whatever led here: an IP address in a URI goes past the resolver."""
        family, kind, protocol, _, address = info
        attempt.get().reused = False
        self._resolver.addresses(str(address[0]), plain=attempt.get().plain)  # looks nothing up
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        return opened


class TooManyInterim(Exception):  # noqa: N818 - it reads as what happened
    """The receiver says again and again that it will answer."""


class _Response(aiohttp.ClientResponse):
    """Skips interim answers, but not for ever: a flood of them would keep the loop busy."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        assert protocol is not None  # noqa: S101 - the library has just connected
        left, read = _MOST_INTERIM + 1, protocol.read

        async def bounded() -> tuple[RawResponseMessage, aiohttp.StreamReader]:
            nonlocal left
            left -= 1
            if left < 0:
                raise TooManyInterim
            return await read()

        protocol.read = bounded  # type: ignore[method-assign]  # the library asks it in a loop
        try:
            return await super().start(connection)
        finally:
            del protocol.read


class _Checked(AbstractResolver):
    """What the library asks for addresses: it gets those that were checked, and no others."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family  # the connector asks for any
        checked = await self._resolver.addresses_async(host, plain=attempt.get().plain)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in checked
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _system_trust() -> ssl.SSLContext:
    """Trust what the system trusts; SSL_CERT_FILE can name something else."""
    tls = ssl.create_default_context()
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    return tls
