"""`finlink settings …` as a customer runs it, and files with settings."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import people

from finlink.config import v1
from finlink_client.command_line import commands


@dataclass(frozen=True)
class Ran:
    """What a command gave back."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


HOOK = "https://127.0.0.1:9/"  # nobody listens there
# Below the app's id.
FILE = f"""\
link:
  force_auth_token: true
  redirects:
    - display_name: Shop
      uri: https://shop.example/back
  languages: [es, NO]
  appearance:
    light: {{primary: '#0b5fff', background: '#ffffff', text: '#111111'}}
banks:
  mode: EXCEPT
  bank_ids: [es-bbva]
webhook_endpoints:
  - display_name: Orders
    uri: {HOOK}a
    event_types: [connection.*]
  - uri: {HOOK}b
    event_types: [connection.ready]
    disabled: true
"""

Run = Callable[..., Ran]
Pipe = io.TextIOWrapper


class Terminal(io.TextIOWrapper):
    """Where somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def as_customer(
    server: Any,
    account: people.Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Run `finlink …` as the customer, in this process."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FINLINK_TARGET", server.target)
    monkeypatch.setenv("FINLINK_TOKEN", account.token)

    def run(*arguments: Any, stdin: str | bytes = b"", typed: str | None = None) -> Ran:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        there = Pipe(io.BytesIO(given)) if typed is None else Terminal(io.BytesIO(typed.encode()))
        monkeypatch.setattr(sys, "stdin", there)
        capsys.readouterr()
        exit_code = commands.run([str(one) for one in arguments])
        shown = capsys.readouterr()
        for line in shown.out.splitlines():
            people.CANARIES.update(part for part in line.split() if part.startswith("whsec_"))
        return Ran(exit_code, shown.out, shown.err)

    return run


@dataclass(frozen=True)
class AppFile:
    """A settings file of an app."""

    path: Path
    app: v1.App

    def write(self, text: str, *, head: bool = True) -> Path:
        """Write what stands below the first two keys."""
        begin = f"api_version: finlink.config.v1\napp_id: {self.app.id}\n" if head else ""
        self.path.write_text(begin + text)
        return self.path

    def write_values(self, **values: Any) -> Path:
        return self.write(yaml.safe_dump(values, sort_keys=False))


@pytest.fixture
def app_file(app: v1.App, tmp_path: Path) -> AppFile:
    return AppFile(tmp_path / "app.yaml", app)


@pytest.fixture
def endpoints(account: people.Account, app: v1.App) -> Callable[[], dict[str, v1.Endpoint]]:
    """The app's endpoints by the last letter of their URI."""

    def look() -> dict[str, v1.Endpoint]:
        listed = account.webhooks.ListEndpoints(app_id=app.id).endpoints
        return {one.uri[-1]: one for one in listed}

    return look
