"""How often something may be done: counted in the database, for all processes together."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import RateLimited
from finlink_server.storage.webhook_models import Rate

_PURGED_AT_ONCE: Final = 20
_OLD: Final = "SELECT key FROM rate WHERE until <= ? LIMIT ?"
# Whoever has one IPv6 address has a network of them (RFC 6177).
_IPV6_NETWORK: Final = 64


@dataclass(frozen=True)
class Window:
    """Where uses are counted, until when, and how many there may be."""

    key: str
    until: int
    most: int


def window(
    env: Env, what: str, most: int, seconds: int, client_address: str, credential: str = ""
) -> Window:
    """Where uses from a client address are counted, of one credential if it is named."""
    length = seconds * MICROSECONDS
    until = (env.now() // length + 1) * length
    named = f"{what}|{credential}|{_network(client_address)}|{until}"
    return Window(env.keyring.mac("rate", named.encode()).hex(), until, most)


def check(env: Env, windows: Sequence[Window]) -> None:
    """Refuse a use that would be too many in any of the windows."""
    seconds = wait(env, windows)
    if seconds is not None:
        raise RateLimited(retry_after=seconds)


def wait(env: Env, windows: Sequence[Window]) -> float | None:
    """How long to wait, in seconds, until one more use is allowed; None: it is now."""
    ends = [window.until for window in windows if _used(window) >= window.most]
    return max(0, max(ends) - env.now()) / MICROSECONDS if ends else None


def count(env: Env, windows: Sequence[Window]) -> None:
    """Count one use, in the caller's transaction, which has the windows' locks."""
    # A little more is cleared than is added, so the table follows the traffic.
    old = env.database.execute(_OLD + env.database.skip_locked, env.now(), _PURGED_AT_ONCE)
    env.database.write_many("DELETE FROM rate WHERE key = ?", old.fetchall())
    for window in windows:
        (
            Rate.insert(key=window.key, until=window.until, count=1)
            .on_conflict(conflict_target=[Rate.key], update={Rate.count: Rate.count + 1})
            .execute()
        )


def _used(window: Window) -> int:
    row = Rate.get_or_none(Rate.key == window.key)
    return row.count if row is not None else 0


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a peer without an IP address
        return address
    if ip.version == 4:  # noqa: PLR2004
        return str(ip)
    return str(ipaddress.ip_network((ip, _IPV6_NETWORK), strict=False))
