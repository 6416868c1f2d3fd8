"""The programs of clients/examples, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from tests import people
from tests.processes import Home, Process

FOLDER = Path(__file__).resolve().parent.parent / "clients" / "examples"


def start(name: str, **variables: str | Path) -> Process:
    """Start an example, on a port of its own unless told otherwise."""
    quiet = {"GRPC_VERBOSITY": "ERROR"}  # grpc may say that who is gone hung up
    told = {"LISTEN": "127.0.0.1:0", **{name: str(one) for name, one in variables.items()}}
    process = Process(
        subprocess.Popen(
            [sys.executable, "-W", "error", FOLDER / f"{name}.py"],
            env={**os.environ, **quiet, **told},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
    try:
        process.wait_until_serving()
    except BaseException:
        process.end()
        raise
    return process


@contextmanager
def running(name: str, warning: str = "", **variables: str | Path) -> Iterator[Process]:
    """Run an example, and end it as a supervisor would: it complains of one thing, or nothing."""
    process = start(name, **variables)
    try:
        yield process
        process.signal(SIGTERM)
        assert process.wait() == 0
        assert warning in process.err
        assert process.err.count("\n") == (1 if warning else 0), process.err
    finally:
        process.end()


@pytest.fixture(scope="module", name="server")
def finlink(first_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Finlink Config in a process of its own, instead of the one within the tests."""
    home = first_home.copy_to(tmp_path_factory.mktemp("examples") / "home")
    with home.serving() as process:
        yield process


@pytest.fixture(scope="module", name="operator")
def finlinks_operator(server: Process, first_home: Home) -> people.Caller:
    return server.caller(first_home.operator_key)


@pytest.fixture(scope="module", name="verifier_key")
def key_of_the_example(operator: people.Caller) -> str:
    return new_verifier_key(operator)


def new_verifier_key(operator: people.Caller) -> str:
    made = operator.admin.CreateServiceKey(display_name="example", roles=["ROLE_VERIFIER"])
    return str(made.key)


def revoke(account: people.Account, secret: Any) -> None:
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
