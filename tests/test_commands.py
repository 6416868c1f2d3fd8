"""The commands of `finlink-server`."""

import re
import stat
from signal import SIGTERM

import click
import grpc
import pytest
import trustme
from click.testing import CliRunner
from tests import people
from tests.errors import refused
from tests.processes import Home

from finlink_server import log
from finlink_server.commands import main

pytestmark = pytest.mark.either("what is typed and told is the same on both")

KEY = re.compile(r"fsk_[0-9A-Za-z]{38}\n")


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch):
    """Leave the log of this process, in which others look for their lines, as it is."""
    monkeypatch.setattr(log, "start", lambda *_: None)


@pytest.fixture
def new_home(tmp_path):
    """A data directory that is not there yet."""
    return Home(tmp_path / "new")


def names(command, path=()):
    """Every command, by its words."""
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from names(inner, (*path, name))


def assert_ended_with_a_sentence(done, *parts, code=1):
    """The command ended with this code, and said why in words."""
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize("words", list(names(main)), ids=" ".join)
def test_each_command_helps(words):
    done = CliRunner().invoke(main, [*words, "--help"])

    usage, _, rest = done.stdout.partition("\n\n")
    assert done.exit_code == 0
    assert usage.startswith("Usage:")
    assert re.match(r"  [A-Z].*[.,;]", rest), "no sentence says what it is for"


# ---------------------------------------------------------------------------- master-key


def test_a_master_key_is_for_its_owner_alone(tmp_path):
    file = tmp_path / "keys" / "master.key"

    done = CliRunner().invoke(main, ["master-key", "create", str(file)])

    text = file.read_text()
    assert done.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert text.strip() not in done.output
    assert list(file.parent.iterdir()) == [file]


def test_a_master_key_is_never_overwritten(tmp_path):
    file = tmp_path / "master.key"
    file.write_text("precious")

    done = CliRunner().invoke(main, ["master-key", "create", str(file)])

    assert done.exit_code == 1
    assert "never overwritten" in done.stderr
    assert file.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [file]


# --------------------------------------------------------------------------- service-key


def test_a_service_key_is_printed_alone_and_opens_a_running_server(home):
    with home.serving() as server:
        done = home.run("service-key", "create", "--name", "gateway", "--role", "verifier")

        assert done.returncode == 0
        assert KEY.fullmatch(done.stdout)
        verifier = server.caller(done.stdout.strip())
        assert not verifier.sessions.ValidateSession(access_token="x").active
        with refused(grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"):
            verifier.admin.ListAccounts()


def test_a_service_key_may_have_several_roles(home):
    asked = ("--name", "hub", "--role", "PUBLISHER", "--role", "LINK", "--event-prefix", "shop.")

    done = home.run("service-key", "create", *asked)

    assert KEY.fullmatch(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("asked", "code", "parts"),
    [
        (["--name", "x"], 2, ["--role"]),
        (["--role", "LINK"], 2, ["--name"]),
        (["--name", "x", "--role", "ROOT"], 2, ["ROOT", "operator", "verifier"]),
        (["--name", "x", "--role", "PUBLISHER"], 1, ["PUBLISHER"]),
        (["--name", "x", "--role", "LINK", "--event-prefix", "shop."], 1, ["PUBLISHER"]),
        (
            ["--name", "x", "--role", "PUBLISHER", "--event-prefix", "link."],
            1,
            ["event_prefixes[0]", "`link.`", "this service's own"],
        ),
        (["--name", "", "--role", "LINK"], 1, ["--name"]),
        (["--name", "x\u202ey", "--role", "LINK"], 1, ["--name"]),
        (
            ["--name", "x", "--role", "PUBLISHER", "--event-prefix", "Bank !"],
            1,
            ["--event-prefix"],
        ),
    ],
)
def test_a_service_key_that_makes_no_sense_is_refused(home, asked, code, parts):
    done = home.run("service-key", "create", *asked)

    assert_ended_with_a_sentence(done, *parts, code=code)


# --------------------------------------------------------------------------------- check


def test_a_check_of_what_is_good_says_so(home):
    done = home.run("check")

    assert done.returncode == 0, done.stderr
    assert "is sound and up to date" in done.stdout
    assert "✗" not in done.stdout


def test_a_check_before_the_first_start_is_content_and_makes_nothing(new_home):
    done = new_home.run("check")

    assert done.returncode == 0, done.stderr
    assert "is not there yet" in done.stdout
    assert not new_home.path.exists()


def assert_found_wrong(done, what, *parts):
    """The check failed on this line, and said why."""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"✗ {what}: ")]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in line


def test_a_check_tells_a_wrong_master_key(home):
    home.master_key.unlink()
    CliRunner().invoke(main, ["master-key", "create", str(home.master_key)])

    assert_found_wrong(home.run("check"), "Database", "was sealed with")


def test_a_check_tells_a_lost_master_key_and_the_remedy(home):
    home.master_key.unlink()

    assert_found_wrong(home.run("check"), "Master key", str(home.master_key), "Restore the file")


def test_a_check_tells_an_open_master_key_and_the_remedy(home):
    home.master_key.chmod(0o644)

    assert_found_wrong(home.run("check"), "Master key", f"chmod 600 {home.master_key}")


@pytest.mark.sqlite("its file is damaged")
@pytest.mark.parametrize("first_page", [0, 3], ids=["header", "tables"])
def test_a_check_tells_a_damaged_database(home, first_page):
    pages = bytearray(home.database.read_bytes())
    pages[4096 * first_page : 4096 * 20] = b"\xff" * (4096 * (20 - first_page))
    home.database.write_bytes(pages)

    assert_found_wrong(home.run("check"), "Database", str(home.database))
    assert_ended_with_a_sentence(home.run("migrate"), "database")


def test_a_check_tells_tls_files_that_do_not_go_together(home, tmp_path):
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.issue_cert("127.0.0.1").cert_chain_pems[0].write_to_path(cert)
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(key)

    done = home.run("check", TLS_CERT=str(cert), TLS_KEY=str(key))

    assert_found_wrong(done, "TLS", str(cert), str(key))


# -------------------------------------------------------------------------- serve --demo


def test_the_demo_is_not_for_others(new_home):
    done = new_home.run("serve", "--demo", LISTEN="0.0.0.0:0", PLAINTEXT="allow")

    assert_ended_with_a_sentence(done, "--demo serves on loopback only", "0.0.0.0:0")
    assert not new_home.path.exists()


def demo_customer(server, told):
    nobody = server.caller()
    answer = nobody.accounts.SignIn(email=told["DEMO_EMAIL"], password=told["DEMO_PASSWORD"])
    return nobody.using(answer.account_token)


def start_session(server, told):
    return people.Secret(
        "", told["DEMO_CLIENT_SECRET"], told["DEMO_APP_ID"], server.caller()
    ).start()


def test_each_start_of_the_demo_prints_credentials_and_ends_the_last_ones(new_home):
    with new_home.serving("--demo") as server:
        first = server.exported()
        customer, session = demo_customer(server, first), start_session(server, first)
        app_id = first["DEMO_APP_ID"]
        customer.webhooks.CreateEndpoint(app_id=app_id, uri="http://127.0.0.1:9/")  # of loopback
        server.signal(SIGTERM)
        assert server.wait() == 0

    with new_home.serving("--demo") as server:
        second = server.exported()

        assert_all_dead(server, first, customer.credential, session)
        assert_all_work(server, second)
        assert second["DEMO_APP_ID"] == first["DEMO_APP_ID"]
        assert second["TARGET"] == server.target


def assert_all_dead(server, told, account_token, session):
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED"):
        demo_customer(server, told)
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
        server.caller(account_token).accounts.GetAccount()
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CLIENT_CREDENTIALS_INVALID"):
        start_session(server, told)
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SESSION_INACTIVE"):
        server.caller(session.token).sessions.GetSession()
    for role in ("OPERATOR_KEY", "VERIFIER_KEY", "LINK_KEY"):
        with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"):
            server.caller(told[role]).sessions.ValidateSession(access_token="x")


def assert_all_work(server, told):
    assert demo_customer(server, told).accounts.GetApp(app_id=told["DEMO_APP_ID"])
    assert server.caller(told["OPERATOR_KEY"]).admin.ListAccounts().accounts
    endpoints = demo_customer(server, told).webhooks.ListEndpoints(app_id=told["DEMO_APP_ID"])
    assert not endpoints.endpoints
    session = start_session(server, told)
    assert people.why_inactive(server.caller(told["VERIFIER_KEY"]), session) == ""
    query = f"id={told['DEMO_REDIRECT_ID']}&product=TRANSACTIONS"
    assert server.caller(told["LINK_KEY"]).links.OpenLink(query=query).link.id
