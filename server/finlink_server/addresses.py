"""Which addresses a webhook may reach: the public internet, and what the operator opened.

A customer names the URI, and the server is inside the operator's network: without
this, a webhook could be sent to the machine next door, or to the cloud's metadata.
The table is from the IANA special-purpose address registries (RFC 6890). Python's
own `is_global` is as old as the Python that runs it.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from finlink_server.config_values import Network

Address = IPv4Address | IPv6Address

_RANGES: Final = (  # the first that holds an address names it
    ("0.0.0.0/8", "of this network (RFC 791)"),
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("100.64.0.0/10", "shared by a carrier's customers (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("169.254.0.0/16", "link-local (RFC 3927)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.0.0.0/24", "for protocols (RFC 6890)"),
    ("192.0.2.0/24", "for documentation (RFC 5737)"),
    ("192.88.99.0/24", "a 6to4 relay (RFC 7526)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("198.18.0.0/15", "for benchmarks (RFC 2544)"),
    ("198.51.100.0/24", "for documentation (RFC 5737)"),
    ("203.0.113.0/24", "for documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("255.255.255.255/32", "broadcast (RFC 919)"),
    ("240.0.0.0/4", "reserved (RFC 1112)"),
    ("::/128", "unspecified (RFC 4291)"),
    ("::1/128", "loopback (RFC 4291)"),
    ("::ffff:0:0/96", "a mapped IPv4 address (RFC 4291)"),
    ("::/96", "an IPv4-compatible address (RFC 4291)"),
    ("64:ff9b::/96", "a translated IPv4 address (RFC 6052)"),
    ("64:ff9b:1::/48", "a translated IPv4 address (RFC 8215)"),
    ("100::/64", "for discarding (RFC 6666)"),
    ("2001::/23", "for protocols (RFC 2928)"),
    ("2001:db8::/32", "for documentation (RFC 3849)"),
    ("2002::/16", "a 6to4 address (RFC 3056)"),
    ("3fff::/20", "for documentation (RFC 9637)"),
    ("5f00::/16", "a segment routing identifier (RFC 9602)"),
    ("fc00::/7", "private (RFC 4193)"),
    ("fe80::/10", "link-local (RFC 4291)"),
    ("fec0::/10", "site-local (RFC 3879)"),
    ("ff00::/8", "multicast (RFC 4291)"),
)
_NOT_PUBLIC: Final = tuple((ip_network(block), words) for block, words in _RANGES)
# All that IANA has given out of IPv6 for the public internet; the rest is refused unnamed.
_PUBLIC_IPV6: Final = ip_network("2000::/3")


def problem(address: Address, allowed: Sequence[Network]) -> str:
    """Say why a webhook may not reach an address; empty if it may.

    `allowed` are the networks that the operator opened, public or not.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return f"{address} names an interface of this machine (RFC 4007)"
    if is_within(address, allowed):
        return ""
    for block, words in _NOT_PUBLIC:
        if address in block:
            return f"{address} is {words}"
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return f"{address} is outside of 2000::/3, the public addresses (RFC 4291)"
    return ""


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether any of the networks holds the address."""
    return any(address in network for network in networks)
