"""One real server for a test run: real channel, real database file, a clock to move."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests import antarctica, canaries, errors, people, processes
from tests.certificates import authority, ca_file, receiver_tls, trust  # noqa: F401 - fixtures
from tests.client_logins import ends, ticks  # noqa: F401 - fixtures
from tests.clients import anonymous, clients  # noqa: F401 - fixtures
from tests.clock import Clock
from tests.clocked_home import clocked_home  # noqa: F401 - a fixture
from tests.databases import (  # noqa: F401 - fixtures
    ByFileAndDatabase,
    Place,
    arrange,
    database,
    parametrize,
    postgres_server,
)
from tests.harmless import outcome_of, problems  # noqa: F401 - fixtures
from tests.hooks import hook, new_hook, platform, probe, released  # noqa: F401 - fixtures
from tests.lived_in import first_lived_in, lived_in  # noqa: F401 - fixtures
from tests.receiver import receiver  # noqa: F401 - a fixture
from tests.scripted_server import channel, scripted  # noqa: F401 - fixtures
from tests.sending import sender  # noqa: F401 - a fixture
from tests.settings_files import app_file, as_customer, endpoints  # noqa: F401 - fixtures
from tests.shell import anyone, as_operator, customer  # noqa: F401 - fixtures
from tests.vandals import chain, other_chain, scene, vandal  # noqa: F401 - fixtures
from tests.verifiers import asking_verifier, session_verifier, validations  # noqa: F401 - fixtures
from tests.visitors import visiting  # noqa: F401 - a fixture

from finlink.config import v1
from finlink_server import app as application
from finlink_server import bootstrap, config, deadline, log
from finlink_server.domain import service_keys
from finlink_server.domain.caller import Role
from finlink_server.domain.idempotency import Once
from finlink_server.env import Env
from finlink_server.hashing import Hasher

# Of what tests do much more than callers from one address.
_RATES = (
    "FAILED_SIGN_INS",
    "FAILED_LOGINS",
    "FAILED_LOGINS_OF_SECRET",
    "LEAK_REPORTS",
    "LEAK_REPORTS_OF_SECRET",
)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndDatabase:
    return ByFileAndDatabase(config, log)


@pytest.hookimpl(trylast=True)  # after pytest has put them in an order of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    arrange(items)


@dataclass
class Server:
    """The server under test, and what surrounds it."""

    app: application.App
    config: config.Config
    clock: Clock
    channel: grpc.Channel
    log: io.StringIO

    @property
    def env(self) -> Env:
        return self.app.env

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.app.port}"

    def log_of(self, call_id: str) -> list[dict[str, Any]]:
        """What the log says of a call."""
        lines = [line for line in self.log.getvalue().splitlines() if call_id in line]
        return [json.loads(line) for line in lines]

    def key(self, *roles: Role, prefixes: tuple[str, ...] = ()) -> people.Caller:
        """A service of the platform, with a service key of its own."""
        by = bootstrap.command_line("tests")
        made = service_keys.create(self.env, by, "tests", roles, prefixes, Once("", b""))
        return people.Caller(self.channel, made.plaintext)


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    ca_file: Path,  # noqa: F811 - the fixture
    database: Place,  # noqa: F811 - the fixture
) -> Iterator[Server]:
    os.environ["SSL_CERT_FILE"] = str(ca_file)  # webhooks trust the receivers of the tests
    folder = tmp_path_factory.mktemp("server")
    settings = config.load(
        {
            "FINLINK_LISTEN": "127.0.0.1:0",
            "FINLINK_DATA_DIR": str(folder),
            "FINLINK_TRUSTED_PROXIES": "127.0.0.0/8",
            "FINLINK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
            **{f"FINLINK_LIMIT_{name}": "10000" for name in _RATES},
            "FINLINK_SIGNING_KEY_DAYS": "0",  # whose clock runs through the years
            **{f"FINLINK_{name}": value for name, value in database.settings(folder).items()},
        }
    )
    written = io.StringIO()
    log.start("debug", "json", written)
    clock = Clock()
    hasher = Hasher(cost=4, threads=2, queue=64)
    env = bootstrap.open_env(settings, clock, hasher, migrates=True)
    antarctica.settle(env, tmp_path_factory.mktemp("banks"))
    running = application.start(env, settings)
    with grpc.insecure_channel(f"127.0.0.1:{running.port}") as opened:
        server = Server(running, settings, clock, opened, written)
        yield server

    server.app.stop(5)  # which a test may have put together anew
    files = [*folder.iterdir(), *database.files(settings.url)]
    search_for_canaries(files, written.getvalue())


def search_for_canaries(files: list[Path], log_text: str) -> None:
    """Find no credential that the tests used in the log, in errors or in the database."""
    texts = log_text + "\n".join(errors.TEXTS)
    assert canaries.find(people.CANARIES, texts.encode()) == []
    assert canaries.search(files, people.CANARIES) == ""


@pytest.fixture(scope="session")
def first_home(
    tmp_path_factory: pytest.TempPathFactory,
    database: Place,  # noqa: F811 - the fixture
) -> processes.Home:
    """A data directory for servers in processes of their own. Copy it: see `home`."""
    new = processes.Home(tmp_path_factory.mktemp("home") / "data").on(database)
    assert new.run("migrate").returncode == 0
    made = new.run("service-key", "create", "--name", "tests", "--role", "OPERATOR")
    assert made.returncode == 0, made.stderr
    return replace(new, operator_key=made.stdout.strip())


@pytest.fixture
def home(first_home: processes.Home, tmp_path: Path) -> processes.Home:
    return first_home.copy_to(tmp_path / "home")


@pytest.fixture(autouse=True)
def no_deadline() -> Iterator[None]:
    """Leave no deadline to the next test, where one calls the domain itself."""
    yield
    deadline.begin(None)


@pytest.fixture
def clock(server: Server) -> Clock:
    return server.clock


@pytest.fixture
def env(server: Server) -> Env:
    return server.env


@pytest.fixture
def nobody(server: Server) -> people.Caller:
    return people.Caller(server.channel)


@pytest.fixture(scope="session")
def operator(server: Server) -> people.Caller:
    return server.key(Role.OPERATOR)


@pytest.fixture(scope="session")
def verifier(server: Server) -> people.Caller:
    return server.key(Role.VERIFIER)


@pytest.fixture(scope="session")
def link_front_end(server: Server) -> people.Caller:
    return server.key(Role.LINK)


@pytest.fixture(scope="session")
def publisher(server: Server) -> people.Caller:
    return server.key(Role.PUBLISHER, prefixes=("connection.",))


@pytest.fixture
def account(operator: people.Caller) -> people.Account:
    return people.new_account(operator)


@pytest.fixture
def stranger(operator: people.Caller) -> people.Account:
    return people.new_account(operator, "Somebody else")


@pytest.fixture
def app(account: people.Account) -> v1.App:
    return people.new_app(account)


@pytest.fixture
def secret(account: people.Account, app: v1.App) -> people.Secret:
    return people.new_secret(account, app)


@pytest.fixture
def session(secret: people.Secret) -> people.Session:
    return secret.start()


@pytest.fixture
def redirect_id(account: people.Account, app: v1.App) -> str:
    return people.add_redirect(account, app)
