"""How often something may be done: counted in the database, for all processes together."""

import ipaddress
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


def check(env: Env, what: str, client_address: str, most: int, seconds: int) -> Window:
    """Refuse a use from a client address that would be too many; where it is to be counted."""
    length = seconds * MICROSECONDS
    until = (env.now() // length + 1) * length
    key = env.keyring.mac("rate", f"{what}|{_network(client_address)}|{until}".encode()).hex()
    window = Window(key, until, most)
    _refuse_more(env, window)
    return window


def spend(env: Env, window: Window) -> None:
    """Count one use or refuse it, in the caller's transaction, which has the window's lock."""
    _refuse_more(env, window)
    now = env.now()
    # A little more is cleared than is added, so the table follows the traffic.
    old = env.database.execute(_OLD + env.database.skip_locked, now, _PURGED_AT_ONCE)
    env.database.write_many("DELETE FROM rate WHERE key = ?", old.fetchall())
    (
        Rate.insert(key=window.key, until=window.until, count=1)
        .on_conflict(conflict_target=[Rate.key], update={Rate.count: Rate.count + 1})
        .execute()
    )


def _refuse_more(env: Env, window: Window) -> None:
    row = Rate.get_or_none(Rate.key == window.key)
    if row is not None and row.count >= window.most:
        raise RateLimited(retry_after=max(0, window.until - env.now()) / MICROSECONDS)


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a peer without an IP address
        return address
    if ip.version == 4:  # noqa: PLR2004
        return str(ip)
    return str(ipaddress.ip_network((ip, _IPV6_NETWORK), strict=False))
