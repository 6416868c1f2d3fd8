"""Starting, serving and stopping: `finlink-server serve` as a process."""

import os
import queue
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from signal import SIGINT, SIGTERM
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests import people
from tests.errors import refused
from tests.processes import Home

from finlink.config import v1
from finlink_client import open_channel

pytestmark = pytest.mark.either("what starts and stops is a process")

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
# grpc itself says CANCELLED to a call whose request never came, when it meets the end.
GOODBYES = {UNAVAILABLE, grpc.StatusCode.CANCELLED}


@pytest.fixture
def server(home):
    with home.serving() as process:
        yield process


@pytest.fixture(scope="module")
def neighbour(first_home, tmp_path_factory):
    """Another server on this machine."""
    with first_home.copy_to(tmp_path_factory.mktemp("neighbour") / "home").serving() as process:
        yield process


@pytest.fixture
def certificates(tmp_path):
    """A certificate authority and a server's certificate, as files; and another's key."""
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(tmp_path / "foreign-key.pem")
    (tmp_path / "empty.pem").touch()
    return tmp_path


def assert_stopped_with_a_sentence(stopped, *parts):
    """The process ended with 1, and said why in words."""
    assert stopped.returncode == 1
    assert stopped.stdout == ""
    assert "Traceback" not in stopped.stderr
    for part in parts:
        assert part in stopped.stderr


# ---------------------------------------------------------------------------- stopping


def watch_health(server):
    watch = health_pb2_grpc.HealthStub(server.channel).Watch
    stream = watch(health_pb2.HealthCheckRequest(service="finlink.config.v1.LinkService"))
    assert next(stream).status == SERVING
    return stream


@pytest.fixture
def reflection(server):
    """A reflection stream that stays open after its first answer."""
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
    questions.put(reflection_pb2.ServerReflectionRequest(list_services=""))
    ask = reflection_pb2_grpc.ServerReflectionStub(server.channel).ServerReflectionInfo
    stream = ask(iter(questions.get, None))
    assert next(stream).list_services_response.service
    yield stream
    questions.put(None)


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_a_stop_is_announced_by_health_ends_streams_and_exits_with_0(server, reflection, number):
    health = watch_health(server)
    statuses: list[int] = []

    server.signal(number)

    with refused(UNAVAILABLE, "SHUTTING_DOWN"):
        statuses.extend(answer.status for answer in health)
    with refused(UNAVAILABLE, "SHUTTING_DOWN"):
        next(reflection)
    assert statuses == [NOT_SERVING]
    assert server.wait() == 0
    assert "Traceback" not in server.err


def test_a_stop_lets_running_calls_finish_and_takes_no_new_ones(home):
    with home.serving(BCRYPT_COST="12") as server:
        operator, nobody = server.caller(home.operator_key), server.caller()
        accounts = [new_account(operator) for _ in range((os.cpu_count() or 1) + 2)]

        with ThreadPoolExecutor(len(accounts)) as pool:
            calls = [
                pool.submit(
                    nobody.accounts.SetPassword,
                    setup_token=account.setup_token,
                    new_password="correct horse battery",
                )
                for account in accounts
            ]
            next(as_completed(calls))  # the others are hashing, or wait for it
            server.signal(SIGTERM)
            with refused(UNAVAILABLE, "SHUTTING_DOWN"):
                call_until_refused(nobody)
            still_running = [call for call in calls if not call.done()]

        assert still_running
        assert [call.exception() for call in calls] == [None] * len(calls)
        assert server.wait() == 0


def new_account(operator):
    email = f"{uuid.uuid4().hex}@example.com"
    return operator.admin.CreateAccount(email=email, display_name="Ana")


def call_until_refused(nobody):
    while True:
        nobody.sessions.ListSigningKeys()


def test_a_caller_who_never_sends_a_request_does_not_hold_up_a_stop(home):
    request: queue.SimpleQueue[None] = queue.SimpleQueue()
    with home.serving(DRAIN_SECONDS="0.1") as server:
        list_keys = server.channel.stream_unary("/finlink.config.v1.SessionService/ListSigningKeys")
        call = list_keys.future(iter(request.get, None))
        server.caller().sessions.ListSigningKeys()  # sent later, so the other has arrived

        server.signal(SIGTERM)

        assert server.wait() == 0
        assert call.exception().code() in GOODBYES
    request.put(None)


# --------------------------------------------------------------------- refusing to start


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::]"])  # noqa: S104
def test_a_busy_port_stops_the_start(home, neighbour, host):
    address = f"{host}:{neighbour.port}"

    stopped = home.run("serve", LISTEN=address, PLAINTEXT="allow")

    assert_stopped_with_a_sentence(stopped, f"{address} cannot be served on", "FINLINK_LISTEN")
    assert neighbour.is_running


def test_every_wrong_setting_is_named_at_once_and_nothing_is_made(tmp_path):
    wrong = {
        "LISTEN": "here",
        "DATABASE_URL": "mysql://localhost/finlink",
        "TRUSTED_PROXIES": "10.0.0.0/99",
        "BCRYPT_COST": "9",
        "DRAIN_SECONDS": "soon",
        "LOG_LEVEL": "loud",
        "TLS_CERT": "no-such-file.pem",
        "LISTN": "127.0.0.1:50051",
    }
    home = Home(tmp_path / "data")

    stopped = home.run("serve", **wrong)

    lines = stopped.stderr.removeprefix("Error: ").splitlines()
    assert_stopped_with_a_sentence(stopped, "did you mean FINLINK_LISTEN?")
    assert {f"FINLINK_{name}" for name in wrong} <= {line.split()[0].strip(":") for line in lines}
    assert all(line.startswith("FINLINK_") for line in lines)
    assert not home.path.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1"])  # noqa: S104
def test_plaintext_beyond_loopback_is_refused(home, host):
    stopped = home.run("serve", LISTEN=f"{host}:0")

    assert_stopped_with_a_sentence(
        stopped, f"FINLINK_LISTEN is {host}:0", "FINLINK_TLS_CERT", "FINLINK_PLAINTEXT=allow"
    )


def test_plaintext_beyond_loopback_is_served_when_asked_for(home):
    with home.serving(LISTEN="0.0.0.0:0", PLAINTEXT="allow") as server:
        assert server.caller().sessions.ListSigningKeys().keys


def test_without_its_master_key_a_database_is_not_served(home):
    home.master_key.unlink()

    stopped = home.run("serve")

    assert_stopped_with_a_sentence(stopped, str(home.master_key), "Restore the file")
    assert not home.master_key.exists()


def test_with_another_master_key_a_database_is_not_served(home):
    home.master_key.unlink()
    home.run("master-key", "create", str(home.master_key))

    stopped = home.run("serve")

    assert_stopped_with_a_sentence(stopped, "was sealed with", "FINLINK_MASTER_KEY_FILE")


# --------------------------------------------------------------------------------- TLS


def tls(folder, certificate, key):
    return {"TLS_CERT": str(folder / certificate), "TLS_KEY": str(folder / key)}


def test_tls_is_served_from_certificate_files(home, certificates):
    authority = (certificates / "ca.pem").read_bytes()
    with (
        home.serving(**tls(certificates, "cert.pem", "key.pem")) as server,
        open_channel(server.target, root_certificates=authority) as channel,
    ):
        assert people.Caller(channel).sessions.ListSigningKeys().keys

        with pytest.raises(grpc.RpcError) as refusal:  # in plaintext
            server.caller().sessions.ListSigningKeys()
        assert refusal.value.code() is UNAVAILABLE


@pytest.mark.parametrize("key", ["foreign-key.pem", "empty.pem", "cert.pem"])
def test_tls_files_that_do_not_go_together_stop_the_start(home, certificates, key):
    stopped = home.run("serve", **tls(certificates, "cert.pem", key))

    assert_stopped_with_a_sentence(stopped, "FINLINK_TLS_CERT", "FINLINK_TLS_KEY")


# ---------------------------------------------------------------- what survives its end


def test_a_second_start_accepts_what_the_first_one_issued(home):
    with home.serving() as server:
        account = people.new_account(server.caller(home.operator_key))
        app = people.new_app(account)
        session = people.new_secret(account, app).start()
        server.signal(SIGTERM)
        assert server.wait() == 0

    with home.serving() as server:
        customer, operator = server.caller(account.token), server.caller(home.operator_key)
        assert customer.accounts.GetApp(app_id=app.id).app == app
        assert operator.sessions.ValidateSession(access_token=session.token).active


def test_a_secret_that_was_acknowledged_survives_kill_9(home):
    with home.serving() as server:
        account = people.new_account(server.caller(home.operator_key))
        secret = people.new_secret(account, people.new_app(account))
        server.kill()

    with home.serving() as server:
        session = people.Secret(secret.id, secret.plaintext, secret.app_id, server.caller()).start()
        assert session.answer.session.secret_id == secret.id


def test_a_revocation_that_was_acknowledged_survives_kill_9(home):
    with home.serving() as server:
        account = people.new_account(server.caller(home.operator_key))
        secret = people.new_secret(account, people.new_app(account))
        session = secret.start()
        account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
        server.kill()

    with home.serving() as server:
        customer, operator = server.caller(account.token), server.caller(home.operator_key)
        found = customer.secrets.GetSecret(secret_id=secret.id).secret
        assert found.state == v1.SECRET_STATE_REVOKED
        assert people.why_inactive(operator, session) == "SECRET_REVOKED"
