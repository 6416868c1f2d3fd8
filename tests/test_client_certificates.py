"""Mutual TLS: a client's certificate stands for a service key, and files change while serving."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import StatusCode
from tests import people, quick_server
from tests.errors import refused
from tests.gates import until
from tests.processes import Home, Process
from tests.races import Race
from tests.workers import supervised

pytestmark = pytest.mark.sqlite  # what a certificate stands for is no matter of the database

_ROLES = (
    "gateway.internal=VERIFIER; spiffe://finlink/work=PUBLISHER:connection.,LINK;"
    " root.internal=OPERATOR"
)


@dataclass
class Files:
    """What the server is started with."""

    folder: Path
    servers: trustme.CA
    clients: trustme.CA

    @property
    def settings(self) -> dict[str, str]:
        return {
            "TLS_CERT": str(self.folder / "server.pem"),
            "TLS_KEY": str(self.folder / "server.key"),
            "TLS_CLIENT_CA": str(self.folder / "clients.pem"),
            "TLS_SAN_ROLES": _ROLES,
        }

    def renew(self) -> None:
        """Replace the server's certificate and key, one file after the other."""
        made = self.servers.issue_cert("localhost", "127.0.0.1")
        for name, blob in (
            ("server.pem", made.cert_chain_pems[0].bytes()),
            ("server.key", made.private_key_pem.bytes()),
        ):
            draft = self.folder / f"{name}.new"
            draft.write_bytes(blob)
            draft.replace(self.folder / name)

    def trust(self, *clients: trustme.CA) -> None:
        text = b"".join(one.cert_pem.bytes() for one in clients)
        (self.folder / "clients.pem").write_bytes(text)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    made = Files(tmp_path_factory.mktemp("tls"), trustme.CA(), trustme.CA())
    made.renew()
    made.trust(made.clients)
    return made


@pytest.fixture(scope="module")
def quick_home(first_home, tmp_path_factory) -> Home:
    home: Home = first_home.copy_to(tmp_path_factory.mktemp("mutual") / "home")
    return replace(home, program=("-P", str(quick_server.__file__)))


@pytest.fixture(scope="module")
def server(quick_home, files) -> Iterator[Process]:
    with quick_home.serving(**files.settings) as process:
        yield process


@contextmanager
def connected(
    server: Process, files: Files, client: trustme.LeafCert | None
) -> Iterator[grpc.Channel]:
    """A connection of one's own, with a certificate or without."""
    trusted = files.servers.cert_pem.bytes()
    mine = (
        (client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes())
        if client
        else (None, None)
    )
    credentials = grpc.ssl_channel_credentials(trusted, *mine)
    options = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.secure_channel(f"localhost:{server.port}", credentials, options) as channel:
        yield channel


def certificate(files: Files, *names: str, **more) -> trustme.LeafCert:
    return files.clients.issue_cert(*names, **more)


def test_a_certificate_stands_for_the_roles_of_its_name(server, files):
    with connected(server, files, certificate(files, "gateway.internal")) as channel:
        caller = people.Caller(channel)

        assert verdict_on_nothing(caller) == "MALFORMED"
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            caller.admin.ListServiceKeys()


def verdict_on_nothing(caller: people.Caller) -> str:
    """What ValidateSession says of no token: an answer, for those who may ask."""
    answer = caller.sessions.ValidateSession(access_token="none")
    return "MALFORMED" if not answer.active else "ACTIVE"


def test_a_uri_is_a_name_too_and_prefixes_hold(server, files, quick_home):
    made = certificate_of_uri(files, "spiffe://finlink/work")
    with connected(server, files, certificate(files, "root.internal")) as channel:
        account = people.new_account(people.Caller(channel))
        app = people.new_app(account)
    with connected(server, files, made) as channel:
        work = people.Caller(channel)
        event = {"app_id": app.id, "event_id": "e-1", "payload_json": "{}"}

        assert work.webhooks.PublishEvent(type="connection.ready", **event)
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            work.webhooks.PublishEvent(type="other.ready", **event)


def certificate_of_uri(files: Files, uri: str) -> trustme.LeafCert:
    """Trustme issues no URIs: the same authority signs a certificate with one."""
    authority = x509.load_pem_x509_certificate(files.clients.cert_pem.bytes())
    signer = serialization.load_pem_private_key(files.clients.private_key_pem.bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True
        )
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return trustme.LeafCert(private, made.public_bytes(pem), [])


def test_the_credential_decides_where_there_is_one(server, files, quick_home):
    with connected(server, files, certificate(files, "root.internal")) as channel:
        account = people.new_account(people.Caller(channel))
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            people.Caller(channel, account.token).admin.ListServiceKeys()
        with refused(StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
            people.Caller(channel, "fsk_nobody").admin.ListServiceKeys()
    with connected(server, files, certificate(files, "nobody.internal")) as channel:
        assert people.Caller(channel, quick_home.operator_key).admin.ListServiceKeys()


def test_a_name_that_stands_for_nothing_is_no_credential(server, files):
    with (
        connected(server, files, certificate(files, "nobody.internal")) as channel,
        refused(StatusCode.UNAUTHENTICATED, "CREDENTIAL_MISSING"),
    ):
        people.Caller(channel).admin.ListServiceKeys()


def test_of_several_names_the_first_decides_and_rights_do_not_add_up(server, files):
    both = certificate(files, "gateway.internal", "root.internal")
    with connected(server, files, both) as channel:
        assert verdict_on_nothing(people.Caller(channel)) == "MALFORMED"
        with refused(StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            people.Caller(channel).admin.ListServiceKeys()


@pytest.mark.parametrize("whose", ["none", "a stranger's", "expired"])
def test_nobody_is_let_in_without_a_good_certificate(server, files, whose):
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    shown = {
        "none": None,
        "a stranger's": trustme.CA().issue_cert("root.internal"),
        "expired": certificate(files, "root.internal", not_after=past),
    }[whose]

    with (
        connected(server, files, shown) as channel,
        pytest.raises(grpc.RpcError) as error,
    ):
        people.Caller(channel).admin.ListServiceKeys()

    assert error.value.code() is StatusCode.UNAVAILABLE  # of the transport: no word of ours


def test_who_acted_stands_in_the_journal_by_that_name(server, files):
    with connected(server, files, certificate(files, "root.internal")) as channel:
        operator = people.Caller(channel)
        account = people.new_account(operator)

        (event,) = [
            one
            for one in account.accounts.ListAuditEvents().events
            if one.type == "account.created"
        ]
        assert event.actor.id == "root.internal"


# ---------------------------------------------------------------------------- new files


def test_a_new_certificate_is_shown_without_a_dropped_call(quick_home, files):
    with quick_home.serving(**files.settings) as server:
        mine, enough = certificate(files, "gateway.internal"), []

        def work(number: int) -> int:
            if number == 0:
                for _ in range(5):
                    before = shown(server, files, mine)
                    files.renew()
                    while shown(server, files, mine) == before:  # a moment, between the two files
                        pass
                enough.append(True)
                return 0
            calls = 0
            with connected(server, files, mine) as channel:
                caller = people.Caller(channel)
                while not enough:
                    caller.sessions.ValidateSession(access_token="none")
                    calls += 1
            with connected(server, files, mine) as channel:
                verdict_on_nothing(people.Caller(channel))
            return calls

        race = Race(4, work)

        assert not race.refusals
        assert min(race.answers[1:]) > 0


def shown(server: Process, files: Files, mine: trustme.LeafCert) -> bytes:
    """What the server shows to somebody who has a certificate."""
    context = ssl.create_default_context(cadata=files.servers.cert_pem.bytes().decode())
    with mine.private_key_and_cert_chain_pem.tempfile() as file:
        context.load_cert_chain(file)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        found = secure.getpeercert(binary_form=True)
    assert found
    return found


def test_files_that_do_not_go_together_change_nothing(quick_home, files):
    with quick_home.serving(**files.settings) as server:
        mine = certificate(files, "gateway.internal")
        before = shown(server, files, mine)
        good = (files.folder / "server.key").read_bytes()
        (files.folder / "server.key").write_bytes(b"half a key")
        try:
            assert shown(server, files, mine) == before
            with connected(server, files, mine) as channel:
                assert verdict_on_nothing(people.Caller(channel)) == "MALFORMED"
            until(lambda: "server.key" in server.err)
        finally:
            (files.folder / "server.key").write_bytes(good)


def test_who_is_trusted_changes_with_the_file(quick_home, files):
    others = trustme.CA()
    mine, theirs = certificate(files, "root.internal"), others.issue_cert("root.internal")
    with quick_home.serving(**files.settings) as server:
        files.trust(others)
        try:
            with connected(server, files, theirs) as channel:
                assert people.Caller(channel).admin.ListServiceKeys()
            with connected(server, files, mine) as channel, pytest.raises(grpc.RpcError):
                people.Caller(channel).admin.ListServiceKeys()
        finally:
            files.trust(files.clients)


def test_everything_is_replaced_under_load_and_no_call_is_dropped(quick_home, files):
    """With two workers: certificate, authority of the clients, and a broken file between."""
    others = trustme.CA()
    old, new = certificate(files, "gateway.internal"), others.issue_cert("gateway.internal")
    names = ("server.pem", "server.key", "clients.pem")
    good = {name: (files.folder / name).read_bytes() for name in names}
    enough = threading.Event()
    try:
        with supervised(quick_home, **files.settings) as workers:
            server = workers.supervisor

            def call_on(number: int) -> int:
                """One connection for all of it, and new ones with what is good all the time."""
                calls = 0
                with connected(server, files, old) as channel:
                    kept = people.Caller(channel)
                    while not enough.is_set():
                        assert verdict_on_nothing(kept) == "MALFORMED"
                        calls += 1
                return calls

            def replace_all() -> None:
                before = shown(server, files, old)
                files.trust(files.clients, others)
                files.renew()
                until(lambda: shown_by_all(server, files, old).isdisjoint({before}))
                (files.folder / "server.pem").write_bytes(b"half a certificate")
                for one in (old, new):
                    for _ in range(4):  # the certificate before it stays
                        assert_let_in(server, files, one)
                (files.folder / "server.pem").write_bytes(good["server.pem"])
                (files.folder / "server.key").write_bytes(good["server.key"])
                files.trust(others)
                until(lambda: not is_let_in(server, files, old))
                for _ in range(4):
                    assert_let_in(server, files, new)

            with ThreadPoolExecutor(8) as pool:
                callers = [pool.submit(call_on, number) for number in range(8)]
                try:
                    until(lambda: all(workers.served().values()))
                    replace_all()
                finally:
                    enough.set()
                calls = [caller.result() for caller in callers]

            assert min(calls) > 0
            told = [line for line in server.err.splitlines() if "cannot be used" in line]
            assert 1 <= len(told) <= 2  # once by each worker, however many connected meanwhile
            assert all("server.pem" in line and "error" in line for line in told)
    finally:
        for name, blob in good.items():
            (files.folder / name).write_bytes(blob)


def shown_by_all(server: Process, files: Files, mine: trustme.LeafCert) -> set[bytes]:
    """What is shown to several in turn: the kernel chooses a worker for each."""
    return {shown(server, files, mine) for _ in range(12)}


def assert_let_in(server: Process, files: Files, shown: trustme.LeafCert) -> None:
    with connected(server, files, shown) as channel:
        assert verdict_on_nothing(people.Caller(channel)) == "MALFORMED"


def is_let_in(server: Process, files: Files, shown: trustme.LeafCert) -> bool:
    """Whether a worker lets somebody in: only the last of them to notice matters."""
    found = []
    for _ in range(12):
        with connected(server, files, shown) as channel:
            try:
                found.append(verdict_on_nothing(people.Caller(channel)) == "MALFORMED")
            except grpc.RpcError:
                found.append(False)
    return any(found)
