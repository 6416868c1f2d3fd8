"""From a host to addresses that may be connected to."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from tests import gates

from finlink_server import resolver
from finlink_server.resolver import AddressRefused, Resolver

OPENED = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
PUBLIC = ["8.8.8.8", "2606:4700::1111"]
IMPATIENT = 0.05  # seconds


def no_lookup(host: str) -> list[str]:
    raise AssertionError(host)


def refusal(asked: Resolver, host: str, *, plain: bool = False) -> str:
    with pytest.raises(AddressRefused) as caught:
        asked.addresses(host, plain=plain)
    return str(caught.value)


class Dns:
    """Knows each name's answers in turn; the last one stays. Can be stopped."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.working = threading.Event()
        self.working.set()

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if not host.startswith("quick"):
            self.working.wait(30)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def stopped_dns() -> Iterator[Dns]:
    dns = Dns(PUBLIC)
    dns.working.clear()
    yield dns
    dns.working.set()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("[2606:4700::1111]", "2606:4700::1111"),
        ("[2606:4700:0:0::1111]", "2606:4700::1111"),
        ("10.1.2.3", "10.1.2.3"),
        ("[fd00::7]", "fd00::7"),
    ],
)
def test_an_ip_address_is_taken_as_it_is(host, address):
    assert Resolver(OPENED, no_lookup).addresses(host, plain=False) == [address]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "127.0.0.1 is loopback (RFC 1122)"),
        ("[::1]", "::1 is loopback (RFC 4291)"),
        ("[::ffff:10.1.2.3]", "::ffff:a01:203 is a mapped IPv4 address (RFC 4291)"),
        ("[fe80::1%eth0]", "fe80::1%eth0 names an interface of this machine (RFC 4007)"),
        ("fe80::1%25eth0", "fe80::1%25eth0 names an interface of this machine (RFC 4007)"),
    ],
)
def test_an_ip_address_is_checked_too(host, words):
    assert refusal(Resolver(OPENED, no_lookup), host) == words


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0"),
        *("127.0.0.1.", "127.0.0.01", "127.0.0.256", "1.2.3.4.5", "8.8.8.0x8", "0x"),
        *("\uff11\uff12\uff17.0.0.\uff11", "::ffff:127.1", "127.0.0.1:80"),
    ],
)
def test_a_number_in_another_form_is_no_name(host):
    expected = "does not resolve: it is not an IP address as they are written"

    assert refusal(Resolver([ip_network("0.0.0.0/0")], no_lookup), host) == expected


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "127\u30020\u30020\u30021"])
def test_even_the_systems_reading_of_a_number_is_checked(host, monkeypatch):
    monkeypatch.setattr(resolver, "_literal", lambda _: None)

    assert refusal(Resolver(()), host) == "127.0.0.1 is loopback (RFC 1122)"


def test_a_name_has_all_its_addresses_in_their_order():
    dns = Dns(["8.8.8.8", "2606:4700::1111", "8.8.8.8", "1.1.1.1"])

    found = Resolver((), dns).addresses("hooks.example", plain=False)

    assert found == ["8.8.8.8", "2606:4700::1111", "1.1.1.1"]
    assert dns.asked == ["hooks.example"]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("192.168.0.7", "192.168.0.7 is private (RFC 1918)"),
        ("::1", "::1 is loopback (RFC 4291)"),
        ("::ffff:8.8.4.4", "::ffff:808:404 is a mapped IPv4 address (RFC 4291)"),
        ("fe80::1%eth0", "fe80::1%eth0 names an interface of this machine (RFC 4007)"),
    ],
)
def test_one_address_that_is_refused_refuses_the_name(place, inside, words):
    answer = [*PUBLIC[:place], inside, *PUBLIC[place:]]

    assert refusal(Resolver(OPENED, Dns(answer)), "hooks.example") == words


def test_plain_http_is_only_for_what_the_operator_opened():
    opened = Resolver(OPENED, Dns(["10.1.2.3", "fd00::7"]))
    mixed = Resolver(OPENED, Dns(["10.1.2.3", "8.8.8.8"]))

    assert opened.addresses("inside.example", plain=True) == ["10.1.2.3", "fd00::7"]
    assert mixed.addresses("hooks.example", plain=False) == ["10.1.2.3", "8.8.8.8"]
    expected = "8.8.8.8 is public: plain http is for addresses that the operator opened"
    assert refusal(mixed, "hooks.example", plain=True) == expected
    assert refusal(mixed, "8.8.8.8", plain=True) == expected


def test_an_answer_counts_once():
    """Rebinding: what was good a moment ago says nothing about now."""
    rebinding = Resolver((), Dns(["8.8.8.8"], ["127.0.0.1"]))

    assert rebinding.addresses("hooks.example", plain=False) == ["8.8.8.8"]
    assert refusal(rebinding, "hooks.example") == "127.0.0.1 is loopback (RFC 1122)"


def test_a_name_without_an_address_is_refused():
    assert refusal(Resolver((), Dns([])), "hooks.example") == "does not resolve: it has no address"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(-2, "Name or service not known"), "name or service not known"),
        (OSError(), "no answer"),
        (UnicodeError("label too long"), "it is no name of a host"),
        (RuntimeError("surprise"), "it is no name of a host"),
    ],
)
def test_a_look_up_that_fails_is_told_in_words(error, words):
    def lookup(host: str) -> list[str]:
        raise error

    assert refusal(Resolver((), lookup), "hooks.example") == f"does not resolve: {words}"


def test_the_system_knows_this_machine():
    opened = Resolver([ip_network("127.0.0.0/8"), ip_network("::1/128")])

    found = opened.addresses("localhost", plain=False)

    assert found
    assert set(found) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_what_the_system_cannot_read_is_refused(host):
    assert refusal(Resolver(()), host) == "does not resolve: it is no name of a host"


# -------------------------------------------------------------------------- a slow DNS


def test_a_look_up_that_hangs_holds_up_neither_its_caller_nor_others(stopped_dns):
    slow = Resolver((), stopped_dns, IMPATIENT)

    assert refusal(slow, "slow.example") == "does not resolve: no answer within 0.05 s"
    assert slow.addresses("quick.example", plain=False) == PUBLIC


def test_a_name_that_hangs_is_looked_up_once_however_many_ask(stopped_dns):
    slow = Resolver((), stopped_dns, IMPATIENT)

    with ThreadPoolExecutor(20) as pool:
        told = set(pool.map(lambda _: refusal(slow, "slow.example"), range(20)))

    assert told == {"does not resolve: no answer within 0.05 s"}
    assert stopped_dns.asked == ["slow.example"]


def test_names_that_hang_take_no_more_threads_than_there_are(stopped_dns, monkeypatch):
    monkeypatch.setattr(resolver, "_THREADS", 2)
    slow = Resolver((), stopped_dns, IMPATIENT)

    for number in range(5):
        assert refusal(slow, f"{number}.example").endswith("no answer within 0.05 s")

    assert stopped_dns.asked == ["0.example", "1.example"]
    assert len(lookup_threads(slow)) == 2
    stopped_dns.working.set()
    gates.until(lambda: not lookup_threads(slow))
    assert stopped_dns.asked == [f"{number}.example" for number in range(5)]
    assert slow.addresses("0.example", plain=False) == PUBLIC


def lookup_threads(asked: Resolver) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if getattr(getattr(thread, "_target", None), "__self__", None) is asked
    ]


def test_names_beyond_those_that_may_wait_are_refused_at_once(stopped_dns, monkeypatch):
    monkeypatch.setattr(resolver, "_THREADS", 1)
    monkeypatch.setattr(resolver, "_WAITING", 1)
    slow = Resolver((), stopped_dns, IMPATIENT)
    refusal(slow, "0.example")
    gates.until(lambda: stopped_dns.asked == ["0.example"])
    refusal(slow, "1.example")

    assert refusal(slow, "2.example") == "too many names are being looked up"


# ------------------------------------------------------------------------ an event loop


def test_a_loop_goes_on_while_a_name_is_looked_up(stopped_dns):
    async def look_up() -> list[str]:
        looking = asyncio.create_task(
            Resolver((), stopped_dns).addresses_async("hooks.example", plain=False)
        )
        await asyncio.sleep(0)
        stopped_dns.working.set()  # as nobody else could if the loop were held up
        return await looking

    assert asyncio.run(look_up()) == PUBLIC


@pytest.mark.parametrize(
    ("host", "words"), [("slow.example", r"no answer within 0\.05 s"), ("127.0.0.1", "loopback")]
)
def test_a_loop_is_told_the_same(stopped_dns, host, words):
    looking = Resolver((), stopped_dns, IMPATIENT).addresses_async(host, plain=False)

    with pytest.raises(AddressRefused, match=words):
        asyncio.run(asyncio.wait_for(looking, 10))


def test_one_who_gives_up_does_not_cancel_the_look_up_for_others(stopped_dns):
    shared = Resolver((), stopped_dns)

    async def give_up_and_stay() -> list[str]:
        asking = [
            asyncio.create_task(shared.addresses_async("hooks.example", plain=False))
            for _ in range(2)
        ]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.wait([asking[0]])
        stopped_dns.working.set()
        return await asking[1]

    assert asyncio.run(give_up_and_stay()) == PUBLIC
    assert stopped_dns.asked == ["hooks.example"]
