"""Sends one webhook.

The receiver belongs to a customer, or to whoever broke into it. So everything that
it can do is bounded: time, headers, body, and where it can lead us.
"""

import asyncio
import codecs
import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from finlink_server.resolver import AddressRefused, Resolver
from finlink_server.webhook_connections import Attempt, Connections, attempt
from finlink_server.webhook_problems import NotHttp, words

_LONGEST_BODY: Final = 16 * 1024  # bytes that are read of an answer
_LOWEST_STATUS: Final = 100  # the library takes 000 too
_LONGEST_WAIT: Final = 86_400  # seconds that Retry-After may ask for

_SPACING: Final = dict.fromkeys(map(ord, "\n\t"))
_HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "Finlink-Webhooks/1",
    "Accept-Encoding": "identity",  # the body is shown to people, never unpacked
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt: where to, and the exact bytes that were signed."""

    uri: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. The status decides; the body is there to be looked at."""

    status: int | None  # None: no answer
    problem: str  # in words; empty for an answer
    latency: int  # microseconds, of the whole attempt
    response: str  # the beginning of the body, fit to be shown
    truncated: bool  # whether the body went on, or broke off
    retry_after: int | None  # seconds


@dataclass(slots=True)
class _Heard:
    """What has come so far."""

    status: int | None = None
    retry_after: str = ""
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False


class Sender:
    """Lives in one event loop."""

    def __init__(
        self,
        resolver: Resolver,
        now: Callable[[], int],
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = 5.0,
        total_seconds: float = 15.0,
    ) -> None:
        """Trust the system's certificates unless `tls` says otherwise; open nothing yet.

        `connect_seconds` are for TCP and TLS with one address, `total_seconds` for everything.
        """
        self._now = now
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._connections = Connections(resolver, now, tls, connect_seconds)

    async def send(self, outgoing: Outgoing) -> Answer:
        """Make one attempt. Whatever goes wrong is in the answer."""
        begun = time.monotonic_ns()
        heard = _Heard()
        failure: Exception | None = None
        try:
            async with asyncio.timeout(self._total_seconds):
                await self._exchange(outgoing, heard)
        except Exception as error:  # noqa: BLE001 - told in words
            failure = error
        return Answer(
            status=heard.status,
            problem=self._problem(failure) if failure and heard.status is None else "",
            latency=(time.monotonic_ns() - begun) // 1000,
            response=_shown(bytes(heard.body[:_LONGEST_BODY]), whole=heard.whole),
            truncated=heard.status is not None and not heard.whole,
            retry_after=retry_after(heard.retry_after, self._now()),
        )

    async def close(self) -> None:
        """Close the kept connections, when nothing is sent any more."""
        await self._connections.close()

    def _problem(self, failure: Exception) -> str:
        if isinstance(failure, aiohttp.ConnectionTimeoutError):
            return f"no connection within {self._connect_seconds:g} s"
        if isinstance(failure, TimeoutError):
            return f"no answer within {self._total_seconds:g} s"
        return words(failure)

    async def _exchange(self, outgoing: Outgoing, heard: _Heard) -> None:
        url = _url(outgoing.uri)
        this = Attempt(plain=url.scheme == "http")
        attempt.set(this)
        try:
            async with self._connections.kept() as session:
                await _post(session, url, outgoing, heard)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if heard.status is not None or not this.reused:
                raise
        else:
            return
        # The receiver closed a kept connection meanwhile: no failure of anybody. Should it have
        # read this much, it gets it twice, which at-least-once allows for.
        async with self._connections.fresh() as session:
            await _post(session, url, outgoing, heard)


async def _post(
    session: aiohttp.ClientSession, url: URL, outgoing: Outgoing, heard: _Heard
) -> None:
    headers = CIMultiDict(_HEADERS)
    headers.update(outgoing.headers)
    response = await session.post(
        url, data=outgoing.body, headers=headers, allow_redirects=False, read_bufsize=_LONGEST_BODY
    )
    try:
        if response.status < _LOWEST_STATUS:
            raise NotHttp
        heard.status = response.status
        heard.retry_after = response.headers.get("Retry-After", "")
        while len(heard.body) <= _LONGEST_BODY:
            piece = await response.content.read(_LONGEST_BODY + 1 - len(heard.body))
            if not piece:
                heard.whole = True
                return
            heard.body += piece
    finally:
        # A body that was read to its end has given its connection back; no other is waited for.
        if response.connection and response.connection.transport:
            response.connection.transport.abort()
        response.close()


@lru_cache(1024)
def _url(uri: str) -> URL:
    try:
        url = URL(uri)
    except ValueError:
        raise AddressRefused("the URI cannot be read") from None
    if url.user is not None or url.password is not None:
        raise AddressRefused("the URI holds credentials")
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise AddressRefused("the URI is not one of https")
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return url  # with what may not stand in a request escaped
    # The library would escape anew, and a receiver that compares query strings would not know it.
    given = URL(uri, encoded=True)
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=given.raw_path,
        query_string=given.raw_query_string,
        encoded=True,
    )


def _shown(body: bytes, *, whole: bool) -> str:
    """Make text of a body: it is stored and shown, and may be anything."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoded = decoder.decode(body, final=whole).replace("\r\n", "\n")  # no half character at a cut
    if decoded.translate(_SPACING).isprintable():  # most are: letter by letter takes milliseconds
        return decoded
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in decoded)


def retry_after(value: str, now: int) -> int | None:
    """Read Retry-After (RFC 9110 §10.2.3) as seconds from now, a day at most; None if it says none.

    It is a number of seconds or a date; `now` is in microseconds since 1970.
    """
    try:
        if value.isascii() and value.isdecimal():
            return min(int(value), _LONGEST_WAIT)
        date = parsedate_to_datetime(value)  # all three forms of RFC 9110 §5.6.7
        until = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(math.ceil(until - now / 1_000_000), 0), _LONGEST_WAIT)
