"""The recipes of the README: each is played as it stands, alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests import postgres, readme
from tests.databases import Place
from tests.postgres import Postgres
from tests.processes import Home, new_home
from tests.second_shell import free_port

NEW_DATABASE = "postgresql://finlink@db.example/finlink"
ALONE = ["Rotate without downtime", "React to a leak", "Force auth tokens"]


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What `make run` printed."""
    with Home(tmp_path_factory.mktemp("demo")).serving("--demo", LOG_LEVEL="error") as server:
        yield server.exported()


def play(program: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", ALONE)
def test_a_recipe_goes_as_shown_each_time(variables, name):
    [block] = readme.blocks(readme.section(name), "python")

    for _ in range(2):
        done = play(block.text, variables)

        assert done.stderr == ""
        assert readme.prints(block.shown, done.stdout), done.stdout


@contextmanager
def started(program: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_service_of_ones_own_refuses_whose_secret_is_revoked(variables):
    server, caller = readme.blocks(readme.section("Protect your service"), "python")
    at = {**variables, "ORDERS": f"127.0.0.1:{free_port()}"}

    with started(server.text, at) as orders:
        assert orders.stdout
        assert orders.stdout.readline() == "Serving orders.\n"
        done = play(caller.text, at)

    assert done.stderr == ""
    assert readme.prints(caller.shown, done.stdout), done.stdout


@pytest.fixture
def shell(tmp_path: Path, postgres_server: Postgres) -> dict[str, str]:
    """Where the commands of the recipe are found, and PostgreSQL by `createdb`."""
    command = tmp_path / "finlink-server"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m finlink_server "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(postgres.binaries()), os.environ["PATH"]])
    return {"PATH": path, "PGHOST": str(postgres_server.folder), "PGUSER": "finlink"}


def test_the_move_to_postgresql_goes_as_shown(tmp_path, postgres_server, shell):
    blocks = readme.blocks(readme.section("Move to PostgreSQL"), "sh")
    rehearsal, move = (block.text for block in blocks)
    url = postgres_server.url("finlink")
    home = new_home(tmp_path / "data", Place())
    at = {**home.environment({}), **shell}

    with home.serving():
        paste(rehearsal.replace(NEW_DATABASE, url), at, tmp_path)
    paste(move, {**at, "NEW_DATABASE": url}, tmp_path)

    with home.serving(DATABASE_URL=url) as server:
        assert server.caller(home.operator_key).admin.ListServiceKeys().service_keys


def paste(commands: str, variables: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", commands],
        cwd=folder,
        env=variables,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
