"""Servers in processes of their own that send webhooks, by a clock that the tests move."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest
from tests import clocked_server, people
from tests.clocked_server import SharedClock
from tests.hooks import Hook, Platform
from tests.processes import Home, Process
from tests.receiver import Receiver

from finlink.config import v1


@dataclass
class ClockedHome:
    """A data directory of such servers, with what they need to send webhooks to a receiver."""

    home: Home
    clock: SharedClock
    receiver: Receiver
    publisher_key: str = field(default="", repr=False)

    def serving(self, **settings: str) -> AbstractContextManager[Process]:
        return self.home.serving(
            WEBHOOK_ALLOW_CIDRS="127.0.0.0/8", LIMIT_WEBHOOK_RATE="2000", **settings
        )

    def platform(self, process: Process) -> Platform:
        """Call this process as the platform's services."""
        operator = process.caller(self.home.operator_key)
        if not self.publisher_key:
            made = operator.admin.CreateServiceKey(
                display_name="Connections",
                roles=[v1.ROLE_PUBLISHER],
                event_prefixes=["connection."],
            )
            self.publisher_key = made.key
        return Platform(operator, process.caller(self.publisher_key))

    def new_hook(self, process: Process, path: str) -> Hook:
        """Make an account, an app, and its endpoint at this path of the receiver."""
        platform = self.platform(process)
        account = people.new_account(platform.operator)
        app = people.new_app(account)
        made = account.webhooks.CreateEndpoint(app_id=app.id, uri=self.receiver.uri(path))
        return Hook(made.endpoint.id, path, app.id, platform, self.receiver)


@pytest.fixture(scope="module")
def clocked_home(
    first_home: Home,
    ca_file: Path,
    receiver_tls: ssl.SSLContext,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ClockedHome]:
    folder = tmp_path_factory.mktemp("clocked")
    home = replace(
        first_home.copy_to(folder / "home"), program=("-P", str(clocked_server.__file__))
    )
    with pytest.MonkeyPatch.context() as environment, Receiver(receiver_tls).running() as receiver:
        environment.setenv("SSL_CERT_FILE", str(ca_file))
        environment.setenv(clocked_server.FILE, str(folder / "clock"))
        yield ClockedHome(home, SharedClock(folder / "clock"), receiver)


def publish_until_it_ends(platform: Platform, app_id: str, prefix: str) -> tuple[int, list[str]]:
    """Publish one event after another until the server is gone; how many, and the acknowledged."""
    acknowledged: list[str] = []
    for number in range(10**6):
        try:
            acknowledged.append(platform.publish(app_id, f"{prefix}-{number}"))
        except grpc.RpcError:
            return number + 1, acknowledged
    raise AssertionError("it never ended")
