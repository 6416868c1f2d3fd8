"""The client is typed, for programs that mypy checks where `finlink-config[types]` is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib import metadata
from pathlib import Path

import pytest
from tests import readme

import finlink_client
from finlink.config import v1

# This checkout's own packages, whatever else is installed.
PACKAGES = [Path(str(finlink_client.__file__)).parent, Path(str(v1.__file__)).parents[2]]
PROJECT = tomllib.loads((readme.REPOSITORY / "pyproject.toml").read_text())["project"]
RECIPES = [
    block.text
    for heading in ("Recipes", "From Python", "The Python client", "Webhooks in your server")
    for block in readme.blocks(readme.section(heading), "python")
]
PROGRAM = """
from datetime import timedelta

import grpc

from finlink_client import AsyncFinlink, Finlink, NotFound, open_channel, types


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
import grpc

from finlink_client import Finlink

client = Finlink.anonymous("localhost:50051")
client.apps.create(display_name="x", public_name="x", environment="PROD")
client.secrets.rotate("sec_1", password="x", overlap=60)
client.settings.update(settings={"link": {"forced": True}}, update_mask=[])
client.secrets.get()
client.secrets.get("sec_1").client_secret
[event.create_time for event in client.audit.list_events()]
client.secrets.list("app_1").first_page
grpc.insecure_channel(50051)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """The interpreter of an environment that holds the client, its needs and the extra `types`."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = Path(str(sysconfig.get_path("purelib", vars={"base": str(folder)})))
    for needed in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["types"]]:
        name = re.split(r"[^\w-]", needed)[0]
        for top in {Path(str(file)).parts[0] for file in metadata.files(name) or ()}:
            lay(packages, Path(str(metadata.distribution(name).locate_file(top))))
    for package in PACKAGES:
        lay(packages, package)
    return Path(str(folder)) / "bin" / "python"


def lay(packages: Path, package: Path) -> None:
    """Link a package; one that several distributions share has been linked already."""
    if package.is_dir() and not (packages / package.name).exists():
        (packages / package.name).symlink_to(package)


def check(python: Path, folder: Path, programs: dict[str, str], *strict: str) -> list[str]:
    """What mypy complains of in programs, by their names."""
    for name, program in programs.items():
        (folder / name).write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", python, *strict, *programs],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout, done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


@pytest.fixture(scope="module")
def complaints(environment, tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("typed")
    return check(environment, folder, {"right.py": PROGRAM, "wrong.py": WRONG}, "--strict")


def test_a_program_that_uses_the_client_is_typed(complaints):
    assert [one for one in complaints if not one.startswith("wrong.py")] == []


def test_a_program_that_uses_it_wrongly_is_told_where(complaints):
    wrong = [one for one in complaints if one.startswith("wrong.py")]

    assert {int(one.split(":")[1]) for one in wrong} == set(range(7, 15))


def test_the_programs_of_the_readme_pass_a_check_of_types(environment, tmp_path):
    programs = {f"recipe_{number}.py": text for number, text in enumerate(RECIPES)}

    complaints = check(environment, tmp_path, programs)

    # Their own server's methods are of bytes, without serializers that could tell their types.
    of_bytes = re.compile(r'expected "Never"|Need type annotation for "orders"')
    assert [one for one in complaints if not of_bytes.search(one)] == []
