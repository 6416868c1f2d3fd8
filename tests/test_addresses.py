"""Which addresses a webhook may reach."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from finlink_server.addresses import problem

REFUSED = [
    *(("0.0.0.1", "of this network (RFC 791)"), ("0.255.255.255", "of this network (RFC 791)")),
    *(("10.0.0.0", "private (RFC 1918)"), ("10.255.255.255", "private (RFC 1918)")),
    ("100.64.0.0", "shared by a carrier's customers (RFC 6598)"),
    ("100.100.100.200", "shared by a carrier's customers (RFC 6598)"),  # metadata of Alibaba
    ("100.127.255.255", "shared by a carrier's customers (RFC 6598)"),
    *(("127.0.0.1", "loopback (RFC 1122)"), ("127.255.255.255", "loopback (RFC 1122)")),
    ("169.254.0.0", "link-local (RFC 3927)"),
    ("169.254.169.254", "link-local (RFC 3927)"),  # metadata of AWS, Google and Azure
    ("169.254.255.255", "link-local (RFC 3927)"),
    *(("172.16.0.0", "private (RFC 1918)"), ("172.31.255.255", "private (RFC 1918)")),
    ("192.0.0.0", "for protocols (RFC 6890)"),
    ("192.0.0.192", "for protocols (RFC 6890)"),  # metadata of Oracle
    *(
        ("192.0.2.0", "for documentation (RFC 5737)"),
        ("192.0.2.255", "for documentation (RFC 5737)"),
    ),
    ("192.88.99.1", "a 6to4 relay (RFC 7526)"),
    *(("192.168.0.0", "private (RFC 1918)"), ("192.168.255.255", "private (RFC 1918)")),
    *(("198.18.0.0", "for benchmarks (RFC 2544)"), ("198.19.255.255", "for benchmarks (RFC 2544)")),
    ("198.51.100.7", "for documentation (RFC 5737)"),
    ("203.0.113.7", "for documentation (RFC 5737)"),
    *(("224.0.0.0", "multicast (RFC 5771)"), ("239.255.255.255", "multicast (RFC 5771)")),
    *(("240.0.0.0", "reserved (RFC 1112)"), ("255.255.255.254", "reserved (RFC 1112)")),
    ("255.255.255.255", "broadcast (RFC 919)"),
    *(("::", "unspecified (RFC 4291)"), ("::1", "loopback (RFC 4291)")),
    ("::7f00:1", "an IPv4-compatible address (RFC 4291)"),
    ("::ffff:127.0.0.1", "a mapped IPv4 address (RFC 4291)"),
    ("::ffff:8.8.8.8", "a mapped IPv4 address (RFC 4291)"),
    ("64:ff9b::7f00:1", "a translated IPv4 address (RFC 6052)"),
    ("64:ff9b:1::7f00:1", "a translated IPv4 address (RFC 8215)"),
    ("100::1", "for discarding (RFC 6666)"),
    *(("2001::1", "for protocols (RFC 2928)"), ("2001:1ff:ffff::", "for protocols (RFC 2928)")),
    ("2001:db8::1", "for documentation (RFC 3849)"),
    ("2002:7f00:1::1", "a 6to4 address (RFC 3056)"),
    *(("3fff::", "for documentation (RFC 9637)"), ("3fff:fff::1", "for documentation (RFC 9637)")),
    ("5f00::1", "a segment routing identifier (RFC 9602)"),
    ("fc00::1", "private (RFC 4193)"),
    ("fd00:ec2::254", "private (RFC 4193)"),  # metadata of AWS
    *(("fe80::1", "link-local (RFC 4291)"), ("febf:ffff::1", "link-local (RFC 4291)")),
    ("fec0::1", "site-local (RFC 3879)"),
    *(("ff00::", "multicast (RFC 4291)"), ("ff02::1", "multicast (RFC 4291)")),
    *(
        (unassigned, "outside of 2000::/3, the public addresses (RFC 4291)")
        for unassigned in ("1::", "64:ff9b:2::", "100:0:0:1::", "1fff:ffff::", "4000::", "8000::")
    ),
]
# The first and the last around what is refused, and some of everyday.
PUBLIC = [
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255"),
    *("198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8", "1.1.1.1"),
    *("2000::", "2000:ffff::1", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2001:4860::8888"),
    *("2003::", "2606:4700:4700::1111", "3ffe:ffff::", "3fff:1000::", "3fff:ffff::"),
]


@pytest.mark.parametrize(("address", "words"), REFUSED)
def test_an_address_that_is_not_public_is_refused_and_its_range_is_named(address, words):
    parsed = ip_address(address)

    assert problem(parsed, ()) == f"{parsed} is {words}"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address):
    assert problem(ip_address(address), ()) == ""


def test_what_python_calls_private_is_refused():
    """Another judge, with an older list: it may miss some, but it knows none that we do not."""
    numbers = random.Random(4)  # noqa: S311 - the same ones each time
    some: list[IPv4Address | IPv6Address] = []
    some += [IPv4Address(numbers.getrandbits(32)) for _ in range(2000)]
    some += [IPv6Address(numbers.getrandbits(128)) for _ in range(500)]
    some += [IPv6Address((0x2000 << 112) + numbers.getrandbits(125)) for _ in range(500)]

    reachable = [address for address in some if not problem(address, ())]

    assert len(reachable) > 1500
    assert [address for address in reachable if not address.is_global] == []


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("10.1.2.3", "10.1.0.0/16"),
        ("::1", "::1/128"),
        ("fd00::7", "fd00::/8"),
        ("::ffff:10.1.2.3", "::ffff:10.1.0.0/112"),
    ],
)
def test_the_operator_opens_networks(address, block):
    assert problem(ip_address(address), [ip_network("198.51.100.0/24"), ip_network(block)]) == ""


@pytest.mark.parametrize("address", ["10.2.0.0", "127.0.0.1", "::ffff:10.1.2.3", "::a01:203"])
def test_an_opened_network_opens_nothing_else(address):
    assert problem(ip_address(address), [ip_network("10.1.0.0/16")]) != ""


@pytest.mark.parametrize("block", ["fe80::/10", "::/0"])
def test_an_interface_of_this_machine_is_refused_even_if_opened(block):
    refusal = problem(ip_address("fe80::1%eth0"), [ip_network(block)])

    assert refusal == "fe80::1%eth0 names an interface of this machine (RFC 4007)"
