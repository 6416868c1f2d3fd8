"""The recipes of the README: each is played as it stands, alone."""

from __future__ import annotations

import os
import signal
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

from finlink_client import Finlink

NEW_DATABASE = "postgresql://finlink@db.example/finlink"
PROTECT = "Protect your service"
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
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def orders(variables) -> Iterator[dict[str, str]]:
    """The service that is protected, and the variables with which it is found."""
    at = {**variables, "ORDERS": f"127.0.0.1:{free_port()}"}
    with serving_orders(at):
        yield at


@contextmanager
def serving_orders(at: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    server, _ = readme.blocks(readme.section(PROTECT), "python")
    with started(server.text, at) as process:
        assert process.stdout
        assert process.stdout.readline() == "Serving orders.\n"
        yield process


def test_a_service_of_ones_own_refuses_whose_secret_is_revoked(orders):
    _, caller = readme.blocks(readme.section(PROTECT), "python")

    done = play(caller.text, orders)

    assert done.stderr == ""
    assert readme.prints(caller.shown, done.stdout), done.stdout


def test_a_second_service_on_the_port_does_not_start(orders):
    server, _ = readme.blocks(readme.section(PROTECT), "python")

    second = play(server.text, orders)

    assert second.returncode != 0
    assert orders["ORDERS"] in second.stderr
    assert second.stdout == ""


def test_ctrl_c_ends_the_service_without_a_traceback(variables):
    at = {**variables, "ORDERS": f"127.0.0.1:{free_port()}"}
    with serving_orders(at) as process:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)

    assert (process.returncode, complaints) == (0, "")


# --------------------------------------------------------------------- when it is broken off

# Breaks a program off where it prints for the nth time.
BROKEN_OFF = """
def print(*_, left=[{}], **__):
    left[0] -= 1
    if not left[0]:
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    ("name", "nth"),
    [
        pytest.param(name, nth, id=f"{name}, {nth}")
        for name, times in {PROTECT: 3, **dict.fromkeys(ALONE, 3)}.items()
        for nth in range(1, times + 1)
    ],
)
def test_a_recipe_that_is_broken_off_leaves_the_app_as_it_was(variables, orders, name, nth):
    *_, block = readme.blocks(readme.section(name), "python")

    done = play(BROKEN_OFF.format(nth) + block.text, orders)

    assert "KeyboardInterrupt" in done.stderr
    assert left_over(variables) == ([variables["DEMO_CLIENT_SECRET"][-4:]], False)


def test_where_no_service_is_there_the_recipe_leaves_no_secret(variables):
    _, caller = readme.blocks(readme.section(PROTECT), "python")

    done = play(caller.text, {**variables, "ORDERS": f"127.0.0.1:{free_port()}"})

    assert done.returncode != 0
    assert left_over(variables) == ([variables["DEMO_CLIENT_SECRET"][-4:]], False)


def left_over(variables: dict[str, str]) -> tuple[list[str], bool]:
    """The last characters of the demo app's live secrets, and whether it forces auth tokens."""
    app_id = variables["DEMO_APP_ID"]
    email, password = variables["DEMO_EMAIL"], variables["DEMO_PASSWORD"]
    with Finlink.with_password(variables["TARGET"], email=email, password=password) as customer:
        live = [one.hint for one in customer.secrets.list(app_id) if not one.end_reason]
        return live, customer.settings.get(app_id).link.force_auth_token


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
