"""How often something may be done: counted in the database, for all processes together."""

import ipaddress
from typing import Final

from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import RateLimited
from finlink_server.storage.webhook_models import Rate

_PURGED_AT_ONCE: Final = 20
_OLD: Final = "SELECT key FROM rate WHERE until <= ? LIMIT ?"
# Whoever has one IPv6 address has a network of them (RFC 6177).
_IPV6_NETWORK: Final = 64


def spend(env: Env, what: str, client_address: str, most: int, seconds: int) -> None:
    """Count one use from a client address, in the caller's transaction, or refuse it."""
    now = env.now()
    key, until = check(env, what, client_address, most, seconds)
    # A little more is cleared than is added, so the table follows the traffic.
    old = env.database.execute(_OLD + env.database.skip_locked, now, _PURGED_AT_ONCE)
    env.database.write_many("DELETE FROM rate WHERE key = ?", old.fetchall())
    (
        Rate.insert(key=key, until=until, count=1)
        .on_conflict(conflict_target=[Rate.key], update={Rate.count: Rate.count + 1})
        .execute()
    )


def check(env: Env, what: str, client_address: str, most: int, seconds: int) -> tuple[str, int]:
    """Refuse a use that would be too many; where it is counted, and until when."""
    now = env.now()
    window = seconds * MICROSECONDS
    until = (now // window + 1) * window
    key = env.keyring.mac("rate", f"{what}|{_network(client_address)}|{until}".encode()).hex()
    row = Rate.get_or_none(Rate.key == key)
    if row is not None and row.count >= most:
        raise RateLimited(retry_after=(until - now) / MICROSECONDS)
    return key, until


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a peer without an IP address
        return address
    if ip.version == 4:  # noqa: PLR2004
        return str(ip)
    return str(ipaddress.ip_network((ip, _IPV6_NETWORK), strict=False))
