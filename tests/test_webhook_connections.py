"""To whom a webhook connects: addresses, and connections that are kept."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from tests import receiver as it
from tests.receiver import Receiver
from tests.sending import sending

from finlink_server import webhook_connections
from finlink_server.webhook_sender import Outgoing

OK = b"HTTP/1.1 200 OK\r\n"


def connections(receiver):
    return [request.connection for request in receiver.requests]


@pytest.fixture
def everywhere(receiver_tls):
    """A receiver on all addresses of this machine: 127.0.0.2 and 127.0.0.3 are others."""
    with Receiver(receiver_tls, "0.0.0.0").running() as running:  # noqa: S104
        yield running


@pytest.fixture
def plain():
    with Receiver(None).running() as running:
        yield running


# ---------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("127.0.0.1", "127.0.0.1 is loopback (RFC 1122)"),
        ("[::1]", "::1 is loopback (RFC 4291)"),
        ("[::ffff:127.0.0.1]", "::ffff:7f00:1 is a mapped IPv4 address (RFC 4291)"),
        ("localhost", "127.0.0.1 is loopback (RFC 1122)"),
        ("hooks.example", "127.0.0.1 is loopback (RFC 1122)"),
        ("127.1", "the URI cannot be used"),
        ("2130706433", "the URI cannot be used"),
        ("0x7f.1", "does not resolve: it is not an IP address as they are written"),
        ("[fe80::1%25lo]", "fe80::1%25lo names an interface of this machine (RFC 4007)"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1 is loopback (RFC 1122)"),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_nothing_on_this_machine_is_reached(trust, receiver, host, problem, scheme):
    with sending(trust, allowed=()) as sender:
        answer = sender.send(f"{scheme}://{host}:{receiver.port}/")

    assert (answer.status, answer.problem) == (None, problem)
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "hooks.example"])
def test_plain_http_reaches_what_the_operator_opened(sender, plain, host):
    assert sender.send(plain.uri(host=host)).status == 200


@pytest.mark.parametrize("host", ["8.8.8.8", "hooks.example"])
def test_plain_http_reaches_nothing_else(sender, plain, host):
    sender.dns["hooks.example"] = ["127.0.0.1", "8.8.8.8"]

    problem = sender.send(plain.uri(host=host)).problem

    assert problem == "8.8.8.8 is public: plain http is for addresses that the operator opened"
    assert plain.requests == []


def test_a_connection_goes_to_the_address_that_was_checked(trust, everywhere):
    """DNS rebinding: the second answer is another's, and nobody asks for it."""
    answers = iter([["127.0.0.2"], ["127.0.0.3"], ["127.0.0.3"]])
    with sending(trust, allowed=[ip_network("127.0.0.2")]) as sender:
        sender.lookup = lambda _: next(answers)

        first = sender.send(everywhere.uri())
        asked = len(sender.asked)
        kept = sender.send(everywhere.uri())
        sender.clock.advance(seconds=60)
        rebound = sender.send(everywhere.uri())

    assert (first.status, kept.status, asked) == (200, 200, 1)
    assert (rebound.status, rebound.problem) == (None, "127.0.0.3 is loopback (RFC 1122)")
    assert [request.address for request in everywhere.requests] == ["127.0.0.2", "127.0.0.2"]


@pytest.mark.parametrize("refused", ["10.0.0.5", "127.0.0.3"])
def test_a_name_with_one_address_inside_is_not_connected_to_at_all(trust, everywhere, refused):
    with sending(trust, allowed=[ip_network("127.0.0.2")]) as sender:
        sender.dns["hooks.example"] = ["127.0.0.2", refused]

        answer = sender.send(everywhere.uri(host="hooks.example"))

    assert answer.problem.startswith(f"{refused} is ")
    assert everywhere.requests == []


def test_a_new_connection_asks_dns_anew(sender, receiver):
    receiver.on("/hook", it.answer(200, headers={"Connection": "close"}))

    for _ in range(3):
        sender.send(receiver.uri())

    assert sender.asked == ["localhost"] * 3


def test_an_address_where_nobody_is_leaves_the_others(sender, receiver):
    sender.dns["hooks.example"] = ["127.0.0.2", "127.0.0.1"]

    assert sender.send(receiver.uri(host="hooks.example")).status == 200
    assert sender.asked == ["hooks.example"]


def test_a_name_that_hangs_holds_up_no_other(sender, receiver):
    released = threading.Event()

    def lookup(host: str) -> list[str]:
        assert host == "localhost" or released.wait(30)
        return ["127.0.0.1"]

    sender.lookup = lookup
    uris = [receiver.uri("/hanging", "hooks.example")] * 5 + [receiver.uri("/fine")]

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send_at_once, *uris)
        receiver.wait_for(1, "/fine")
        released.set()

    assert [answer.status for answer in sent.result()] == [200] * 6


# --------------------------------------------------------------------- kept connections


def test_a_connection_is_kept_and_used_again(sender, receiver):
    for body in (b"", b"fine"):
        receiver.on("/hook", it.answer(200, body))
        assert sender.send(receiver.uri()).status == 200
    sender.send(receiver.on("/other", it.answer(500, b"x" * 16_384)))

    assert connections(receiver) == [1, 1, 1]
    assert sender.asked == ["localhost"]


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(it.answer(200, b"x" * 2_000_000), id="long body"),
        pytest.param(it.raw(OK + b"\r\nuntil the end"), id="until the end"),
        pytest.param(it.answer(200, headers={"Connection": "close"}), id="closing"),
        pytest.param(it.answer(200, b"hello", length=100), id="broken off"),
    ],
)
def test_a_connection_that_is_not_at_its_end_is_not_kept(sender, receiver, behaviour):
    receiver.on("/hook", behaviour)

    for _ in range(2):
        assert sender.send(receiver.uri()).status == 200

    assert connections(receiver) == [1, 2]


def test_names_on_one_address_do_not_share_connections(sender, receiver):
    for host in ("hooks.example", "other.example", "127.0.0.1", "hooks.example"):
        assert sender.send(receiver.uri(host=host)).status == 200
    refused = sender.send(receiver.uri(host="wrong.example"))

    assert connections(receiver) == [1, 2, 3, 1]
    assert refused.problem.startswith("certificate verify failed: Hostname mismatch")
    assert sender.asked == ["hooks.example", "other.example", "wrong.example"]


def test_many_at_once_have_a_connection_each(sender, receiver):
    released = threading.Event()
    uri = receiver.on("/hook", it.slow(released, it.answer(200)))

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send_at_once, *[uri] * 150)  # the library's usual limit is 100
        receiver.wait_for(150)
        released.set()

    assert {answer.status for answer in sent.result()} == {200}
    assert sorted(connections(receiver)) == list(range(1, 151))


@pytest.mark.parametrize("then", [it.hang_up(), it.reset()], ids=["closed", "reset"])
def test_a_kept_connection_that_breaks_is_no_failed_attempt(sender, receiver, then):
    receiver.on("/hook", it.in_turn(it.answer(200), then, it.answer(200)))

    answers = [sender.send(receiver.uri()) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert connections(receiver) == [1, 1, 2]
    first, again = receiver.requests[1:]
    assert (first.body, first.headers["content-length"]) == (again.body, "2")


def test_a_connection_that_was_closed_meanwhile_is_no_failed_attempt(sender, receiver):
    receiver.on("/hook", it.then_close(it.answer(200)))

    for number in (1, 2, 3):  # the loop stands still while it is closed
        assert sender.send(receiver.uri()).status == 200
        receiver.wait_until(lambda number=number: number in receiver.ended)
    assert connections(receiver) == [1, 2, 3]


def test_it_is_sent_again_on_a_new_connection_whatever_else_is_kept(sender, receiver):
    released = threading.Event()
    first = [it.slow(released, it.answer(200))] * 2
    uri = receiver.on("/hook", it.in_turn(*first, it.hang_up(), it.answer(200)))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sender.send_at_once, uri, uri)
        receiver.wait_for(2)
        released.set()

    assert sender.send(uri).status == 200
    assert connections(receiver)[3] == 3


def test_it_is_sent_again_only_once(sender, receiver):
    receiver.on("/hook", it.in_turn(it.answer(200), it.hang_up(), it.hang_up()))
    sender.send(receiver.uri())

    problem = sender.send(receiver.uri()).problem

    assert problem == "the connection was closed before an answer came"
    assert connections(receiver) == [1, 1, 2]


def test_a_new_connection_that_breaks_is_a_failed_attempt(sender, receiver):
    receiver.on("/hook", it.hang_up())

    assert sender.send(receiver.uri()).status is None
    assert connections(receiver) == [1]


def test_a_kept_connection_that_breaks_in_the_answer_is_not_sent_again(sender, receiver):
    broken = it.reset(OK + b"Content-Length: 100\r\n\r\nhello")
    receiver.on("/hook", it.in_turn(it.answer(200), broken))

    answers = [sender.send(receiver.uri()) for _ in range(2)]

    assert [answer.response for answer in answers] == ["", "hello"]
    assert connections(receiver) == [1, 1]


def test_connections_are_opened_anew_after_a_minute(trust, everywhere):
    with sending(trust) as sender:
        sender.dns["hooks.example"] = ["127.0.0.2"]
        for seconds in (0, 59, 1, 59):
            sender.clock.advance(seconds=seconds)
            sender.send(everywhere.uri(host="hooks.example"))
            sender.dns["hooks.example"] = ["127.0.0.3"]

    addresses = [request.address for request in everywhere.requests]
    assert addresses == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"]
    everywhere.wait_until(lambda: everywhere.ended == {1, 2})


def test_what_is_under_way_ends_on_its_old_connection(sender, receiver):
    released = threading.Event()
    slow = receiver.on("/slow", it.slow(released, it.answer(202)))

    async def overtake() -> list[int | None]:
        first = asyncio.create_task(sender.sender.send(Outgoing(slow, {}, b"")))
        await asyncio.to_thread(receiver.wait_for, 1)
        sender.clock.advance(seconds=60)
        second = await sender.sender.send(Outgoing(receiver.uri(), {}, b""))
        released.set()
        return [(await first).status, second.status]

    assert sender.run(overtake()) == [202, 200]
    assert connections(receiver) == [1, 2]
    receiver.wait_until(lambda: receiver.ended == {1})


def test_connections_are_opened_anew_after_so_many(sender, receiver, monkeypatch):
    monkeypatch.setattr(webhook_connections, "_MOST_OPENED", 2)

    for host in ("hooks.example", "other.example", "hooks.example", "hooks.example"):
        sender.send(receiver.uri(host=host))

    assert connections(receiver) == [1, 2, 3, 3]
    receiver.wait_until(lambda: receiver.ended == {1, 2})


def test_closing_leaves_no_connection(trust, receiver):
    with sending(trust) as sender:
        sender.send(receiver.uri())
        sender.send(receiver.uri(host="hooks.example"))

    receiver.wait_until(lambda: receiver.ended == {1, 2})
