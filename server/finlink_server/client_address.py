"""Where a call comes from.

The peer of the connection, unless that is a trusted proxy: then the last address
in `x-forwarded-for` that is not a trusted proxy itself. Each proxy appends the
address that it saw, so what stands further left is the caller's own word.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

from finlink_server.config_values import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Give the client address as text; `unknown` for a peer without an IP address.

    `peer` is as gRPC names it (`ipv4:127.0.0.1:5`, `ipv6:%5B::1%5D:5`); `forwarded`
    are the values of the metadata `x-forwarded-for`, in order.
    """
    if not trusted:
        return _peer(peer)
    address = _peer_address(peer)
    if address is None:
        return "unknown"
    if _within(address, trusted):
        for entry in reversed(",".join(forwarded).split(",")):
            named = _parse(entry)
            if named is None:
                break  # what stands left of something unreadable cannot be believed
            address = named
            if not _within(address, trusted):
                break
    return str(address)


@lru_cache(maxsize=4096)  # a connection has many calls
def _peer(peer: str) -> str:
    address = _peer_address(peer)
    return "unknown" if address is None else str(address)


def _peer_address(peer: str) -> Address | None:
    scheme, _, rest = unquote(peer).partition(":")
    if scheme not in {"ipv4", "ipv6"}:
        return None
    return _parse(rest.rpartition(":")[0])


def _parse(text: str) -> Address | None:
    # A zone means something on one machine only, and may hold any text (RFC 4007 §11).
    text = text.strip().removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
