"""The examples of clients/examples, started with something wrong: one sentence, and exit 2."""

import os
import socket
import subprocess
import sys

import pytest
from tests.examples import FOLDER

KEY = {"TARGET": "127.0.0.1:1", "VERIFIER_KEY": "fsk_any"}
SECRET = {"FINLINK_SIGNING_SECRET": "whsec_any"}


@pytest.fixture
def taken():
    """A port where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def run(name, folder, **variables):
    """Run an example in an empty folder, with these variables and no others of its own."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", FOLDER / f"{name}.py"],
        env={"LISTEN": "127.0.0.1:0", "GRPC_VERBOSITY": "NONE", **inherited, **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("name", "variables", "named"),
    [
        ("gateway", {}, "TARGET"),
        ("gateway", {"TARGET": "127.0.0.1:1"}, "VERIFIER_KEY"),
        ("gateway", KEY | {"VERIFIER_KEY": ""}, "VERIFIER_KEY"),
        ("gateway", KEY | {"VERIFIER_KEY": "fsk_any\n"}, "VERIFIER_KEY"),
        ("webhook_receiver", {}, "FINLINK_SIGNING_SECRET"),
        ("webhook_receiver", {"TARGET": "127.0.0.1:1"}, "DEMO_APP_ID"),
    ],
)
def test_an_example_says_in_a_sentence_what_it_lacks(name, variables, named, tmp_path):
    done = run(name, tmp_path, **variables)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert named in done.stderr
    assert "fsk_any" not in done.stderr


@pytest.mark.parametrize(("name", "variables"), [("gateway", KEY), ("webhook_receiver", SECRET)])
def test_an_example_says_in_a_sentence_that_its_port_is_taken(name, variables, taken, tmp_path):
    done = run(name, tmp_path, LISTEN=taken, **variables)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "LISTEN" in done.stderr
    assert "already in use" in done.stderr


def test_the_protected_service_does_not_share_a_port_with_another_in_silence(tmp_path):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()

        done = run(
            "protected_service", tmp_path, LISTEN=f"127.0.0.1:{other.getsockname()[1]}", **KEY
        )

    assert done.returncode != 0
    assert done.stdout == ""
