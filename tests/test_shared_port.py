"""The port of several workers belongs to one supervisor, whatever becomes of the workers."""

import socket
from contextlib import ExitStack, closing

import pytest
from tests.races import Race

from finlink_server import app, shared_port
from finlink_server.app import ListenError

HOSTS = ["127.0.0.1", "localhost", "0.0.0.0", "[::]"]  # noqa: S104
ROUNDS = 50


@pytest.fixture
def claims():
    """Whatever is put there is closed."""
    with ExitStack() as stack:
        yield lambda listen: [
            stack.enter_context(closing(one)) for one in shared_port.claim(listen)
        ]


def port_of(claimed):
    (port,) = {one.getsockname()[1] for one in claimed}
    return port


def listen(address, *options):
    """Listen as a server does that was told these options."""
    server = socket.socket()
    for option in (socket.SO_REUSEADDR, *options):
        server.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        server.bind(address)
        server.listen(64)
    except OSError:
        server.close()
        raise
    return server


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("options", [(), (socket.SO_REUSEPORT,)], ids=["alone", "with workers"])
def test_a_port_on_which_somebody_listens_cannot_be_claimed(host, options):
    with listen(("127.0.0.1", 0), *options) as server:
        port = server.getsockname()[1]

        with pytest.raises(ListenError, match="another process has the port") as refusal:
            shared_port.claim(f"{host}:{port}")

    assert f"{host}:{port} cannot be served on" in str(refusal.value)


@pytest.mark.parametrize("host", HOSTS)
def test_a_port_that_was_claimed_cannot_be_claimed_again_though_no_worker_listens(claims, host):
    port = port_of(claims("127.0.0.1:0"))

    with pytest.raises(ListenError, match="another process has the port"):
        shared_port.claim(f"{host}:{port}")


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_without_workers_finds_a_claimed_port_busy(claims, host):
    port = port_of(claims("127.0.0.1:0"))

    with pytest.raises(OSError, match="in use"):
        app._probe(f"{host}:{port}")
    with pytest.raises(OSError, match="in use"):
        listen(("127.0.0.1", port))


def test_of_many_who_claim_a_port_at_one_time_one_gets_it():
    for _ in range(ROUNDS):
        with closing(shared_port.claim("127.0.0.1:0")[0]) as freed:
            port = freed.getsockname()[1]
        refused: list[ListenError] = []

        def claim(_, port=port, refused=refused):
            try:
                return shared_port.claim(f"127.0.0.1:{port}")
            except ListenError as error:
                refused.append(error)
                return []

        claimed = [one for some in Race(4, claim).answers for one in some]
        for one in claimed:
            one.close()
        assert (len(claimed), len(refused)) == (1, 3)


def test_workers_get_every_connection_and_the_claim_none(claims):
    port = port_of(claims("127.0.0.1:0"))
    with (
        listen(("127.0.0.1", port), socket.SO_REUSEPORT) as one,
        listen(("127.0.0.1", port), socket.SO_REUSEPORT) as other,
        ExitStack() as stack,
    ):
        for _ in range(32):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))

        accepted = 0
        for worker in (one, other):
            worker.setblocking(False)  # noqa: FBT003 - what has come is there
            while True:
                try:
                    stack.enter_context(worker.accept()[0])
                except BlockingIOError:
                    break
                accepted += 1
        assert accepted == 32


def test_a_port_stays_claimed_when_all_workers_have_ended(claims):
    port = port_of(claims("127.0.0.1:0"))
    for _ in range(2):
        listen(("127.0.0.1", port), socket.SO_REUSEPORT).close()

    with pytest.raises(ListenError):
        shared_port.claim(f"127.0.0.1:{port}")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("options", [(), (socket.SO_REUSEPORT,)], ids=["alone", "with workers"])
def test_connections_of_a_server_that_has_ended_do_not_keep_the_port(claims, options):
    server = listen(("127.0.0.1", 0), *options)
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        server.accept()[0].close()  # first: so it is the server's end that lingers
        server.close()

    assert port_of(claims(f"127.0.0.1:{port}")) == port


@pytest.fixture
def two_addresses(monkeypatch):
    """A machine whose localhost is 127.0.0.1 and ::1."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    here, known = ("127.0.0.1", "::1"), socket.getaddrinfo

    def find(host, port, **wanted):
        names = here if host == "localhost" else (host,)
        return [found for name in names for found in known(name, port, **wanted)]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    return here


def test_a_name_is_claimed_on_all_of_its_addresses_with_one_port(claims, two_addresses):
    claimed = claims("localhost:0")

    assert [one.getsockname()[0] for one in claimed] == list(two_addresses)
    assert port_of(claimed)


@pytest.mark.parametrize("number", [0, 1], ids=["first", "second"])
def test_a_name_of_which_one_address_is_busy_is_not_claimed_on_the_other(
    claims, two_addresses, number
):
    busy, free = two_addresses[number], two_addresses[1 - number]
    written = {"127.0.0.1": "127.0.0.1", "::1": "[::1]"}
    port = port_of(claims(f"{written[busy]}:0"))

    with pytest.raises(ListenError, match="another process has the port"):
        shared_port.claim(f"localhost:{port}")

    assert port_of(claims(f"{written[free]}:{port}")) == port


def test_an_address_of_another_machine_cannot_be_claimed():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:0 cannot be served on: Cannot assign"):
        shared_port.claim("192.0.2.1:0")
