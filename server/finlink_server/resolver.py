"""From a webhook's host to the addresses that may be connected to.

Every address that a name has must be allowed, and the caller connects to the very
addresses that were checked: a second look-up could answer differently.
"""

import asyncio
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Final, NamedTuple

from finlink_server import addresses
from finlink_server.config_values import Network

Lookup = Callable[[str], Sequence[str]]

# A name whose DNS never answers keeps its thread for as long as the system asks, which can
# be half a minute. So there are many, and one name never has more than one.
_THREADS: Final = 32
_WAITING: Final = 1024  # names that may wait for a thread
# Of those, for names whose last look-up was too slow: whoever owns many such names must
# not hold up everybody else's.
_SLOW_THREADS: Final = 4
_SLOW_NAMES: Final = 4096  # so many are remembered


_NUMBER: Final = re.compile(r"\d+|0[xX][0-9a-fA-F]*")


class AddressRefused(Exception):  # noqa: N818 - it reads as what happened
    """The host may not be connected to; the text is part of a sentence."""


def system_lookup(host: str) -> list[str]:
    """Ask the system: /etc/hosts, DNS, whatever it is told to use."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class _Found(NamedTuple):
    addresses: Sequence[str]
    problem: str = ""


class Resolver:
    """Resolves hosts and checks what comes of it."""

    def __init__(
        self,
        allowed: Sequence[Network],
        lookup: Lookup = system_lookup,
        longest: float = 5.0,
    ) -> None:
        """Let a look-up take `longest` seconds."""
        self._allowed = allowed
        self._lookup = lookup
        self._longest = longest
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting: deque[str] = deque()
        self._slow_threads = 0
        self._slow_waiting: deque[str] = deque()
        self._slow: dict[str, None] = {}
        self._under_way: dict[str, Future[_Found]] = {}

    def addresses(self, host: str, *, plain: bool) -> list[str]:
        """Give the addresses of a host, or raise AddressRefused.

        `host` is a name or an IP address, IPv6 with or without brackets. `plain` says
        that it is for `http`, which is for addresses that the operator opened.
        """
        try:
            found = self._find(host).result(self._longest)
        except TimeoutError:
            raise self._too_slow() from None
        return self._check(found, plain=plain)

    async def addresses_async(self, host: str, *, plain: bool) -> list[str]:
        """Do the same without holding up the event loop."""
        try:
            async with asyncio.timeout(self._longest):
                found = await asyncio.wrap_future(self._find(host))
        except TimeoutError:
            raise self._too_slow() from None
        return self._check(found, plain=plain)

    def _find(self, host: str) -> Future[_Found]:
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        literal = _literal(bare)
        return _done(literal) if literal else self._begin(host)

    def _begin(self, host: str) -> Future[_Found]:
        with self._lock:
            if host in self._under_way:
                return self._under_way[host]
            is_slow = host in self._slow
            waiting = self._slow_waiting if is_slow else self._waiting
            if len(waiting) >= _WAITING:
                return _done(_Found((), "too many names are being looked up"))
            future: Future[_Found] = Future()
            future.set_running_or_notify_cancel()  # one who gives up does not cancel it for others
            self._under_way[host] = future
            waiting.append(host)
            # Daemons: a DNS that does not answer must not hold up the end of the process.
            if is_slow and self._slow_threads < _SLOW_THREADS:
                threading.Thread(target=self._work_slowly, name="lookup", daemon=True).start()
                self._slow_threads += 1
            elif not is_slow and self._threads < _THREADS:
                threading.Thread(target=self._work, name="lookup", daemon=True).start()
                self._threads += 1
            return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                host = self._waiting.popleft()
            self._finish(host)

    def _work_slowly(self) -> None:
        while True:
            with self._lock:
                if not self._slow_waiting:
                    self._slow_threads -= 1
                    return
                host = self._slow_waiting.popleft()
            self._finish(host)

    def _finish(self, host: str) -> None:
        began = time.monotonic()
        found = self._look_up(host)
        with self._lock:
            self._slow.pop(host, None)
            if time.monotonic() - began >= self._longest:
                self._slow[host] = None
            while len(self._slow) > _SLOW_NAMES:
                del self._slow[next(iter(self._slow))]
            future = self._under_way.pop(host)
        future.set_result(found)

    def _look_up(self, host: str) -> _Found:
        try:
            found = self._lookup(host)
        except OSError as error:
            return _Found((), f"does not resolve: {(error.strerror or 'no answer').lower()}")
        except Exception:  # noqa: BLE001 - empty or long labels, a zero byte: no name at all
            return _Found((), "does not resolve: it is no name of a host")
        return _Found(found, "" if found else "does not resolve: it has no address")

    def _check(self, found: _Found, *, plain: bool) -> list[str]:
        if found.problem:
            raise AddressRefused(found.problem)
        checked = [ip_address(text) for text in dict.fromkeys(found.addresses)]
        for address in checked:
            problem = addresses.problem(address, self._allowed)
            if not problem and plain and not addresses.is_within(address, self._allowed):
                problem = (
                    f"{address} is public: plain http is for addresses that the operator opened"
                )
            if problem:
                raise AddressRefused(problem)
        return [str(address) for address in checked]

    def _too_slow(self) -> AddressRefused:
        return AddressRefused(f"does not resolve: no answer within {self._longest:g} s")


def _literal(host: str) -> _Found | None:
    """Read an IP address; None for a name.

    What ends in a number is no name (WHATWG URL, ends-in-a-number): the system would
    take `127.1`, `0x7f.1` and `2130706433` for 127.0.0.1, and others for something else.
    """
    try:
        return _Found((str(ip_address(host)),))
    except ValueError:
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) or ":" in host:
            return _Found((), "does not resolve: it is not an IP address as they are written")
    return None


def _done(found: _Found) -> Future[_Found]:
    future: Future[_Found] = Future()
    future.set_result(found)
    return future
