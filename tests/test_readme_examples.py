"""What the README shows of other languages and of the examples is run."""

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest
from tests import examples, node_packages, readme
from tests.receiver import Receiver
from tests.second_shell import HAS_GRPCURL, Demo, note_arguments

pytestmark = pytest.mark.sqlite("a demo's server has no other")

EXAMPLES = readme.section("Examples")
REPOSITORY = readme.REPOSITORY


@pytest.fixture
def demo(home):
    with home.serving("--demo", LOG_LEVEL="error") as process:
        yield process.exported()


def test_the_client_in_node_goes_as_shown(demo, tmp_path):
    [block] = readme.blocks(readme.section("From other languages"), "js")
    node_packages.install()
    (tmp_path / "node_modules").symlink_to(node_packages.FOLDER / "node_modules")
    (tmp_path / "protos").symlink_to(REPOSITORY / "protos")
    (tmp_path / "client.mjs").write_text(block.text)

    done = subprocess.run(
        [node_packages.NODE, "client.mjs"],
        cwd=tmp_path,
        env={**os.environ, **demo},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert readme.prints(block.shown, done.stdout), done.stdout + done.stderr
    assert done.stderr == ""


def test_the_examples_are_run_as_shown():
    [block] = readme.blocks(EXAMPLES, "console")
    run = [command.split() for command in block.text.splitlines()]
    defaults = [
        ("protected_service.py", "127.0.0.1:50061"),
        ("gateway.py", "127.0.0.1:8080"),
        ("gateway.py", "http://127.0.0.1:8081"),
        ("webhook_receiver.py", "127.0.0.1:8010"),
    ]

    shown = {command[1].rpartition("/")[2] for command in run if command[1] != "-m"}
    assert shown == {path.name for path in examples.FOLDER.glob("*.py")}
    assert ["python", "-m", "http.server", "8081"] in run
    for name, default in defaults:
        assert f'"{default}")' in (examples.FOLDER / name).read_text()


@pytest.mark.skipif(not HAS_GRPCURL, reason="no grpcurl here, and none to install on this platform")
@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_the_examples_are_called_as_shown(demo, home, tmp_path):
    [block] = readme.blocks(EXAMPLES, "sh")
    note_arguments(tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    search = os.pathsep.join(sys.path)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={search} exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "clients").symlink_to(REPOSITORY / "clients")

    with ExitStack() as stack:
        behind = stack.enter_context(Receiver(None).running())
        upstream = f"http://127.0.0.1:{behind.port}"
        service = stack.enter_context(examples.running("protected_service", **demo))
        gateway = stack.enter_context(examples.running("gateway", UPSTREAM=upstream, **demo))
        text = block.text.replace("127.0.0.1:50061", service.target)
        text = text.replace("127.0.0.1:8080", gateway.target)
        exports = f'export PATH="{python.parent}:$PATH"\n' + "".join(
            f"export {name}='{value}'\n" for name, value in demo.items()
        )
        second_shell = Demo(exports, tmp_path, home)
        [(printed, exit_code)] = second_shell.play("sh", [readme.Block("sh", text, block.shown)])

    assert readme.prints(block.shown, printed), printed
    assert exit_code == 0
