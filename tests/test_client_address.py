"""Where a call comes from."""

from ipaddress import ip_network

import pytest

from finlink_server.client_address import client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PROXY = "ipv4:10.1.2.3:443"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:203.0.113.7:50123", "203.0.113.7"),
        ("ipv6:[2001:db8::7]:50123", "2001:db8::7"),
        ("ipv6:%5B2001:db8::7%5D:50123", "2001:db8::7"),
        ("ipv6:[::ffff:203.0.113.7]:50123", "203.0.113.7"),
        ("ipv6:%5Bfe80::7%25eth0%5D:50123", "fe80::7"),
        ("unix:/run/finlink.sock", "unknown"),
        ("unix-abstract:finlink", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_peer_is_the_client(peer, address):
    assert client_address(peer, [], PROXIES) == address


@pytest.mark.parametrize("peer", ["ipv4:203.0.113.7:1", "unix:/run/finlink.sock"])
@pytest.mark.parametrize("trusted", [PROXIES, ()])
def test_nobody_but_a_trusted_proxy_is_believed(peer, trusted):
    alone = client_address(peer, [], trusted)

    assert client_address(peer, ["198.51.100.1"], trusted) == alone


def test_no_proxy_is_trusted_by_itself():
    assert client_address(PROXY, ["203.0.113.7"], ()) == "10.1.2.3"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["  203.0.113.7  "], "203.0.113.7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        # Each proxy appends whom it saw: further left stands what the client said.
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7, fd00::1, 10.9.9.9"], "203.0.113.7"),
        (["10.5.5.5, 203.0.113.7"], "203.0.113.7"),
        # A call from among the proxies themselves.
        (["10.5.5.5, 10.6.6.6"], "10.5.5.5"),
        # What cannot be read ends the belief.
        (["203.0.113.7, garbage"], "10.1.2.3"),
        (["203.0.113.7, garbage, 10.9.9.9"], "10.9.9.9"),
        (["203.0.113.7,"], "10.1.2.3"),
        (["203.0.113.7:443"], "10.1.2.3"),
        (["0203.0.113.7"], "10.1.2.3"),
        ([""], "10.1.2.3"),
        ([], "10.1.2.3"),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_proxies_speak(forwarded, address):
    assert client_address(PROXY, forwarded, PROXIES) == address


def test_a_mapped_peer_is_the_proxy_that_it_is():
    peer = "ipv6:[::ffff:10.1.2.3]:443"

    assert client_address(peer, ["203.0.113.7"], PROXIES) == "203.0.113.7"
