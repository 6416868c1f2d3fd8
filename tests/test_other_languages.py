"""The main story from JavaScript and from pure Python: clients that share no code with ours.

What they know of the service is `protos/` alone, compiled or loaded by other people's tools.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import google.rpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc
from tests import node_packages

pytestmark = pytest.mark.either("the same story is played in Python on both")

REPOSITORY = Path(__file__).resolve().parent.parent
PROTOS = REPOSITORY / "protos"
SOURCES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
PACKAGE = "finlink.config.v1"
STORY = [
    "an operator makes an account, once however often the request comes",
    "its owner sets a password, and signs in",
    "who guesses passwords is told how long to wait",
    "the owner makes an app, once however often the request comes",
    "the app has five live secrets, and the sixth is refused",
    "a second session ends the first",
    "a session that was given less is told what it lacks",
    "of two writers with one etag the second is told, and 64 bits stay whole",
    "the app shows the banks that it chose",
    "who watches the settings is told of it",
    "Link opens with an auth token only, with what was stored in it, once",
    "an event of another service arrives, and its signature verifies",
    "revoking a secret needs the password, and ends its session alone",
    "who watches is told of it",
    "the webhook tells it too, and nothing that was not asked for",
    "whoever finds a leaked secret can end it",
    "a secret is rotated, and its session lives on beside a new one",
    "the audit log says who ended what",
    "a deleted app takes its sessions along",
    "the server ends a stream at its deadline",
]


@dataclass
class Told:
    """What a client said."""

    exit_code: int
    lines: list[str]
    complaints: str


@pytest.fixture
def server(home):
    """In a process of its own: whoever verifies a webhook looks at a clock that goes."""
    with home.serving(WEBHOOK_ALLOW_CIDRS="127.0.0.0/8") as process:
        yield process


@pytest.fixture(scope="module")
def node():
    """How Node is called, with what it needs beside it."""
    node_packages.install()
    return [node_packages.NODE, "--throw-deprecation"]


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    """What protoc and grpclib's plugin make of the protos."""
    folder = tmp_path_factory.mktemp("stubs")
    bundled = files("grpc_tools") / "_proto"
    plugin = Path(sys.executable).with_name("protoc-gen-grpclib_python")
    outcome = protoc.main(
        [
            "protoc",
            f"-I{PROTOS}",
            f"-I{bundled}",
            f"--plugin=protoc-gen-grpclib_python={plugin}",
            f"--python_out={folder}",
            f"--grpclib_python_out={folder}",
            *SOURCES,
        ]
    )
    assert outcome == 0
    (folder / PACKAGE.replace(".", "/") / "__init__.py").touch()  # it hides the generated ones
    return folder


def play(*command, **variables):
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {name: str(value) for name, value in variables.items()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    return Told(done.returncode, done.stdout.splitlines(), done.stderr)


def play_in_javascript(node, script, **variables):
    google_protos = Path(google.rpc.__path__[0]).parents[1]
    variables = {"PROTOS": PROTOS, "GOOGLE_PROTOS": google_protos, **variables}
    return play(*node, node_packages.FOLDER / script, **variables)


def test_the_story_goes_as_told_in_javascript(node, server, home):
    told = play_in_javascript(
        node, "story.mjs", TARGET=server.target, OPERATOR_KEY=home.operator_key
    )

    assert told == Told(0, STORY, "")


def test_the_story_goes_as_told_in_python_without_grpcio(stubs, server, home):
    told = play(
        *(sys.executable, "-W", "error", "-m", "tests.grpclib_story"),
        TARGET=server.target,
        OPERATOR_KEY=home.operator_key,
        PYTHONPATH=stubs,
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python",
    )

    assert told == Told(0, STORY, "")


def test_javascript_knows_every_field_by_its_json_name(node):
    published = FileDescriptorSet.FromString((files(PACKAGE) / "descriptors.binpb").read_bytes())

    told = play_in_javascript(node, "names.mjs")

    assert told.complaints == ""
    known = {name: set(fields) for name, fields in json.loads(told.lines[0]).items()}
    assert known == {
        f"{file.package}.{message.name}": {
            field.json_name for field in message.field if not field.HasField("oneof_index")
        }
        for file in published.file
        if file.package == PACKAGE
        for message in file.message_type
    }


def test_the_lock_file_pins_every_package_by_its_hash_and_names_no_registry():
    lock = json.loads((node_packages.FOLDER / "package-lock.json").read_text())
    wanted = json.loads((node_packages.FOLDER / "package.json").read_text())["dependencies"]

    packages = {name: one for name, one in lock["packages"].items() if name}

    assert wanted.items() <= {
        (name.removeprefix("node_modules/"), one["version"]) for name, one in packages.items()
    }
    assert [name for name, one in packages.items() if "integrity" not in one] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []
