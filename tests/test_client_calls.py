"""The client's calls: lists, time-outs, repeats, TLS, and what happens around them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import trustme
from tests import people
from tests.clients import of_kind
from tests.gates import until
from tests.proxy import proxied
from tests.scripted_server import Refusal, ScriptedServer

import finlink_client
from finlink.config import v1
from finlink_client import (
    AsyncFinlink,
    DeadlineExceeded,
    Finlink,
    FinlinkError,
    InvalidArgument,
    Unauthenticated,
    Unavailable,
)
from finlink_client.channel import KEEPALIVE_MILLISECONDS
from finlink_client.transport import Transport

KEY = "fsk_" + 37 * "0" + "Z"
EITHER = pytest.mark.either("about the client's end of a call alone")
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", (("grpc-retry-pushback-ms", "1"),))


@pytest.fixture
def anonymous(clients, scripted):
    """A client of a server that says what it is told to."""
    return clients.make(scripted.target, "anonymous")


# ---------------------------------------------------------------------------------- lists


@pytest.fixture
def endpoints(account, app) -> list[str]:
    return [people.new_endpoint(account, app).id for _ in range(5)]


@EITHER
def test_a_list_fetches_its_pages_by_itself(clients, server, account, app, endpoints):
    client = clients.signed_in(server, account)

    listed = client.endpoints.list(app.id, page_size=2)

    assert [one.id for one in listed] == endpoints
    assert [one.id for one in listed] == endpoints  # and again
    assert [len(page.endpoints) for page in pages(listed)] == [2, 2, 1]


def pages(listed):
    return listed.pages() if not hasattr(listed, "thing") else _gathered(listed)


def _gathered(listed):
    async def gather():
        return [page async for page in listed.thing.pages()]

    return listed.loop.run(gather())


@EITHER
def test_a_list_goes_on_from_a_page(clients, server, account, app, endpoints):
    client = clients.signed_in(server, account)
    first = next(iter(pages(client.endpoints.list(app.id, page_size=3))))

    rest = client.endpoints.list(app.id, page_size=3, page_token=first.next_page_token)

    assert [one.id for one in rest] == endpoints[3:]


@EITHER
def test_only_the_pages_that_are_needed_are_asked_for(scripted, anonymous):
    scripted.answer = v1.ListBanksResponse(
        banks=[v1.Bank(id="a"), v1.Bank(id="b")], next_page_token="more"
    )

    banks = iter(anonymous.banks.list())

    assert scripted.requests == []
    assert [next(banks).id, next(banks).id] == ["a", "b"]
    assert len(scripted.requests) == 1


# ----------------------------------------------------------------------- time and repeats


@EITHER
@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, 10), (60, 60), (timedelta(minutes=2), 120)]
)
def test_a_call_has_a_time_out(scripted, anonymous, timeout, seconds):
    anonymous.secrets.get("sec_1", timeout=timeout)

    assert seconds - 5 < scripted.time_remaining <= seconds + 1  # gRPC rounds up on the way


@EITHER
@pytest.mark.parametrize("timeout", [100, timedelta(seconds=100)])
def test_a_client_may_have_another_one(clients, scripted, timeout):
    clients.make(scripted.target, "anonymous", timeout=timeout).secrets.get("sec_1")

    assert 60 < scripted.time_remaining <= 101


@EITHER
@pytest.mark.parametrize("timeout", [0, -1, timedelta()])
def test_a_time_out_of_nothing_is_refused(anonymous, timeout):
    with pytest.raises(ValueError, match="above zero"):
        anonymous.secrets.get("sec_1", timeout=timeout)


@EITHER
def test_a_time_out_counts_for_the_login_too(clients, server, secret):
    with proxied(server.app.port) as proxy:
        client = clients.make(proxy.target, client_id=secret.app_id, client_secret=secret.plaintext)
        proxy.stall()

        with pytest.raises(DeadlineExceeded, match="longer time-out"):
            client.settings.get(timeout=0.2)
        proxy.flow()
        assert client.settings.get(timeout=60).app_id == secret.app_id


@EITHER
def test_a_repeat_carries_the_request_id_that_the_client_made(scripted, anonymous):
    scripted.first = [AWAY]

    anonymous.secrets.create("app_1", display_name="x")
    anonymous.secrets.create("app_1", display_name="x")

    first, again, another = (
        v1.CreateSecretRequest.FromString(one).request_id for one in scripted.requests
    )
    assert first
    assert (again == first, another == first) == (True, False)


@EITHER
def test_a_request_id_of_ones_own_counts(scripted, anonymous):
    mine = "9b2b1d3c-8d5e-4a58-9f0a-0d5f0c1f8a11"

    anonymous.secrets.create("app_1", display_name="x", request_id=mine)

    assert v1.CreateSecretRequest.FromString(scripted.requests[0]).request_id == mine


@EITHER
@pytest.mark.parametrize(("reads", "tries"), [(True, 4), (False, 1)])
def test_what_changes_nothing_is_tried_again_and_what_might_is_not(
    scripted, anonymous, reads, tries
):
    scripted.answer = AWAY

    call = anonymous.secrets.get if reads else anonymous.secrets.report_leaked
    named = {"secret_id" if reads else "client_secret": "x"}

    with pytest.raises(Unavailable):
        call(**named)
    assert len(scripted.requests) == tries


@EITHER
def test_a_login_is_tried_again(clients, scripted):
    scripted.answer = AWAY

    with pytest.raises(Unavailable):
        clients.make(scripted.target, client_id="app_1", client_secret="x").settings.get()
    assert len(scripted.requests) == 4


# ------------------------------------------------------------------------------- metadata


@EITHER
def test_a_call_carries_its_metadata_and_one_credential(clients, scripted):
    client = clients.make(scripted.target, "with_service_key", service_key=KEY)

    client.secrets.get("sec_1", metadata={"x-client-trace-id": "trace"})

    assert ("x-client-trace-id", "trace") in scripted.metadata
    assert scripted.authorizations() == [f"Bearer {KEY}"]


@EITHER
def test_many_customers_stand_on_one_connection(clients, server, account, stranger):
    client = clients.make(server.target, "anonymous")

    seen = [client.using(token=one.token).accounts.get().id for one in (account, stranger)]

    assert seen == [account.id, stranger.id]
    assert client.signing_keys.list().keys


@EITHER
def test_a_call_brings_no_credential_of_its_own(anonymous):
    with pytest.raises(ValueError, match="another client"):
        anonymous.secrets.get("sec_1", metadata={"Authorization": "Bearer x"})


@EITHER
def test_methods_that_are_open_to_everybody_get_no_credential(clients, scripted):
    client = clients.make(scripted.target, "with_token", token="token")

    client.secrets.report_leaked(client_secret="x")

    assert scripted.authorizations() == []


@EITHER
@pytest.mark.parametrize("credential", ["fsk key", "fsk_key\n", "fsk_ключ"])
def test_what_cannot_be_a_credential_is_refused_and_not_quoted(clients, credential):
    with pytest.raises(ValueError, match="printable ASCII") as refused:
        clients.make("localhost:1", "with_token", token=credential)

    assert "fsk" not in str(refused.value)


# ------------------------------------------------------------------------------ a restart


def test_a_client_outlives_a_restart_of_the_server(clients, home):
    with home.serving() as before, proxied(before.port) as proxy:
        account = people.new_account(before.caller(home.operator_key))
        secret = people.new_secret(account, people.new_app(account))
        client = clients.make(proxy.target, client_id=secret.app_id, client_secret=secret.plaintext)
        session_id = client.sessions.get().id
        before.kill()
        proxy.cut()
        with pytest.raises(Unavailable):
            client.settings.get(timeout=3)

        with home.serving() as after:
            proxy.mend(after.port)
            until(lambda: answers(client))

            assert client.sessions.get().id == session_id  # a restart ends no session


def answers(client) -> bool:
    try:
        client.settings.get()
    except Unavailable:
        return False
    return True


# ------------------------------------------------------------------------------------ TLS


@pytest.fixture(scope="module")
def clients_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(authority, clients_ca) -> Iterator[ScriptedServer]:
    """A server that lets in who has a certificate."""
    handler = ScriptedServer()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    own = authority.issue_cert("localhost")
    pair = (own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())
    trusted = clients_ca.cert_pem.bytes()
    credentials = grpc.ssl_server_credentials([pair], trusted, require_client_auth=True)
    handler.target = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
    server.start()
    yield handler
    server.stop(None).wait()


@EITHER
@pytest.mark.parametrize("as_files", [False, True])
def test_certificates_are_pem_or_files(clients, secured, authority, clients_ca, tmp_path, as_files):
    mine = clients_ca.issue_cert("gateway.internal")
    given = {
        "root_certificates": authority.cert_pem.bytes(),
        "client_certificate": mine.cert_chain_pems[0].bytes(),
        "client_key": mine.private_key_pem.bytes(),
    }
    if as_files:
        given = {name: written(tmp_path / name, pem) for name, pem in given.items()}

    assert clients.make(secured.target, "anonymous", **given).links.get("lnk_1") is not None


def written(path: Path, pem: bytes) -> Path:
    path.write_bytes(pem)
    return path


@EITHER
def test_without_its_certificate_nobody_is_let_in(clients, secured, authority):
    client = clients.make(secured.target, "anonymous", root_certificates=authority.cert_pem.bytes())

    with pytest.raises(Unavailable):
        client.links.get("lnk_1")


@pytest.mark.parametrize(
    ("target", "options", "is_plain"),
    [
        ("localhost:1", {}, True),
        ("127.0.0.1:1", {"root_certificates": None}, True),
        ("config.example:443", {}, False),
        ("10.0.0.1:1", {}, False),
        ("10.0.0.1:1", {"plaintext": True}, True),
    ],
    ids=["localhost", "loopback", "name", "private", "asked for"],
)
def test_plaintext_is_for_loopback_or_when_asked_for(target, options, is_plain):
    assert (Transport.of(target, options).credentials is None) is is_plain


@pytest.mark.parametrize(
    "options",
    [{"client_key": b"x"}, {"client_certificate": b"x"}, {"plaintext": True, "client_key": b"x"}],
    ids=["key alone", "certificate alone", "both kinds"],
)
def test_certificates_that_cannot_be_meant_are_refused(options):
    with pytest.raises(ValueError, match=r"belong together|for TLS"):
        Transport.of("localhost:1", options)


def test_connections_are_kept_as_published():
    options = dict(Transport.of("10.0.0.1:1", {})._options)

    assert options["grpc.keepalive_time_ms"] == KEEPALIVE_MILLISECONDS
    assert '"retryPolicy"' in options["grpc.service_config"]


# -------------------------------------------------------------------------------- the end


@EITHER
def test_a_closed_client_says_so(anonymous):
    anonymous.secrets.get("sec_1")
    anonymous.close()
    anonymous.close()

    with pytest.raises(RuntimeError, match="closed"):
        anonymous.secrets.get("sec_1")


@EITHER
def test_a_client_of_before_a_fork_says_so(anonymous, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)

    with pytest.raises(RuntimeError, match="in each process"):
        anonymous.secrets.get("sec_1")


@EITHER
def test_a_client_of_another_event_loop_says_so(scripted):
    client = AsyncFinlink.anonymous(scripted.target)

    async def use_and_close():
        await client.secrets.get("sec_1")
        channel = client._calls._connection._channel
        assert channel
        await channel.close()

    asyncio.run(use_and_close())

    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(client.secrets.get("sec_1"))


@EITHER
def test_clients_are_context_managers(scripted):
    async def use():
        async with AsyncFinlink.anonymous(scripted.target) as client:
            await client.secrets.get("sec_1")
        return client

    with Finlink.anonymous(scripted.target) as client:
        client.secrets.get("sec_1")

    with pytest.raises(RuntimeError, match="closed"):
        client.secrets.get("sec_1")
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(asyncio.run(use()).secrets.get("sec_1"))


# --------------------------------------------------------------------------- cancellation


@EITHER
def test_a_login_goes_on_when_who_waits_for_it_is_cancelled(server, secret, account, app):
    async def story() -> int:
        async with AsyncFinlink(
            server.target, client_id=app.id, client_secret=secret.plaintext
        ) as client:
            keeper = client._calls._keeper
            began, go_on, real = asyncio.Event(), asyncio.Event(), keeper._send

            async def slowly(*arguments):
                began.set()
                await go_on.wait()
                return await real(*arguments)

            keeper._send = slowly
            impatient = asyncio.create_task(client.settings.get())
            await began.wait()
            patient = asyncio.create_task(client.settings.get())
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.wait([impatient])
            go_on.set()
            answer = await patient
            assert impatient.cancelled()
            return answer.version

    assert asyncio.run(story()) > 0
    assert len(account.sessions.ListSessions(app_id=app.id).sessions) == 1


@EITHER
def test_a_call_that_is_cancelled_leaves_the_client_usable(server, secret, app):
    async def story() -> int:
        async with AsyncFinlink(
            server.target, client_id=app.id, client_secret=secret.plaintext
        ) as client:
            for _ in range(20):
                task = asyncio.create_task(client.settings.get())
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            return (await client.settings.get()).version

    assert asyncio.run(story()) > 0


# ------------------------------------------------------------------------------ its types

# Where this checkout's own packages lie, whatever else is installed.
PACKAGES = [
    str(Path(str(finlink_client.__file__)).parents[1]),
    str(Path(str(v1.__file__)).parents[3]),
]
PROGRAM = """
from datetime import timedelta

from finlink_client import AsyncFinlink, Finlink, NotFound, types


def rotate(client: Finlink, secret_id: str, password: str) -> str:
    made = client.secrets.rotate(secret_id, password=password, overlap=timedelta(hours=1))
    return made.client_secret


def names(client: Finlink, app_id: str) -> list[str]:
    return [secret.display_name for secret in client.secrets.list(app_id)]


def force(client: Finlink, app_id: str) -> types.Settings:
    return client.settings.update(
        settings={"app_id": app_id, "link": {"force_auth_token": True}},
        update_mask=["link.force_auth_token"],
    ).settings


async def follow(client: AsyncFinlink, app_id: str) -> None:
    async with client.settings.watch(app_ids=[app_id]) as messages:
        async for message in messages:
            print(message.cursor, [one.version for one in message.settings])
    async for bank in client.banks.list(country_codes=["ES"]):
        print(bank.display_name)


with Finlink("localhost:50051", client_id="app_1", client_secret="x", timeout=5) as client:
    token = client.link_tokens.create(
        parameters={"redirect_id": "rdr_1", "product": "TRANSACTIONS", "theme": "DARK"},
        ttl=timedelta(minutes=5),
    ).auth_token
    try:
        client.links.get("lnk_1", timeout=timedelta(seconds=2))
    except NotFound as error:
        print(error.reason, error.facts, error.retry_delay, error.call_id)
"""
WRONG = """
from finlink_client import Finlink

client = Finlink.anonymous("localhost:50051")
client.apps.create(display_name="x", public_name="x", environment="PROD")
client.secrets.rotate("sec_1", password="x", overlap=60)
client.settings.update(settings={"link": {"forced": True}}, update_mask=[])
client.secrets.get()
client.secrets.get("sec_1").client_secret
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory) -> dict[str, list[str]]:
    """What mypy says of two programs that use the client, by their names."""
    folder = tmp_path_factory.mktemp("typed")
    for name, program in (("right", PROGRAM), ("wrong", WRONG)):
        (folder / f"{name}.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "right.py", "wrong.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join(PACKAGES)},
        capture_output=True,
        check=False,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert done.stdout, done.stderr
    return {name: [one for one in lines if one.startswith(name)] for name in ("right", "wrong")}


def test_a_program_that_uses_the_client_is_typed(complaints):
    assert complaints["right"] == []


def test_a_program_that_uses_it_wrongly_is_told_where(complaints):
    assert {int(one.split(":")[1]) for one in complaints["wrong"]} == {5, 6, 7, 8, 9}


@EITHER
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_service_names_the_field_that_is_wrong(server, account, kind):
    with of_kind(kind) as clients, pytest.raises(InvalidArgument) as refused:
        clients.signed_in(server, account).secrets.get("nothing")

    assert [one.field for one in refused.value.field_violations] == ["secret_id"]


@EITHER
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_wrong_password_is_unauthenticated(server, account, kind):
    with of_kind(kind) as clients:
        client = clients.make(
            server.target, "with_password", email=account.email, password="not the password"
        )
        with pytest.raises(Unauthenticated) as refused:
            client.accounts.get()

    assert isinstance(refused.value, FinlinkError)
    assert refused.value.reason == "SIGN_IN_FAILED"
