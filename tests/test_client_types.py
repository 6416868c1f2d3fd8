"""The client is typed, for programs that mypy checks strictly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import finlink_client
from finlink.config import v1

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
