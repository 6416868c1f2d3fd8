"""What a reader may rely on in the repository itself."""

import importlib
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

REPOSITORY = Path(__file__).resolve().parent.parent
PROTOS = REPOSITORY / "protos"
SOURCES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))

AT_THE_TOP = {
    "CHANGELOG.md",
    "Makefile",
    "README.md",
    "clients",
    "generated",
    "protos",
    "pyproject.toml",
    "server",
    "tests",
}


@pytest.fixture
def descriptors():
    return FileDescriptorSet.FromString(
        (files("finlink.config.v1") / "descriptors.binpb").read_bytes()
    )


def tracked_files():
    listing = subprocess.run(
        ["git", "-C", REPOSITORY, "ls-files", "-z"],  # noqa: S607 - git is found by name
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, or no git: what belongs to it cannot be told")
    return [name for name in listing.stdout.split("\0") if name]


def json_names(file):
    return [
        (message.name, field.name, field.json_name)
        for message in file.message_type
        for field in message.field
    ]


def test_there_are_protos_to_speak_of():
    assert "finlink/config/v1/secret_service.proto" in SOURCES


@pytest.mark.parametrize("source", SOURCES)
def test_a_proto_imports_only_what_every_protoc_has_and_its_siblings(source):
    imports = re.findall(
        r'^import\s+(?:public\s+|weak\s+)?"(.+)";', (PROTOS / source).read_text(), re.MULTILINE
    )

    foreign = [
        name for name in imports if not name.startswith(("google/protobuf/", "finlink/config/v1/"))
    ]
    assert foreign == []


@pytest.mark.parametrize("source", SOURCES)
def test_a_proto_compiles_alone_as_it_is(source, tmp_path):
    bundled = files("grpc_tools") / "_proto"  # google/protobuf/*, as in every protoc

    outcome = protoc.main(
        ["protoc", f"-I{PROTOS}", f"-I{bundled}", f"--python_out={tmp_path}", source]
    )

    assert outcome == 0


def test_the_descriptor_set_is_complete(descriptors):
    names = [file.name for file in descriptors.file]

    assert set(SOURCES) <= set(names)
    for file in descriptors.file:
        earlier = names[: names.index(file.name)]
        assert set(file.dependency) <= set(earlier), f"{file.name} comes before what it imports"


def test_the_descriptor_set_lets_grpcurl_print_the_details_of_an_error(descriptors):
    names = {file.name for file in descriptors.file}

    assert {"google/rpc/error_details.proto", "google/rpc/status.proto"} <= names


def test_the_descriptor_set_lets_grpcurl_describe_print_the_comments(descriptors):
    for file in descriptors.file:
        comments = [place.leading_comments for place in file.source_code_info.location]
        assert any(comments), f"{file.name} has lost its comments"


def test_every_name_of_the_package_is_reachable_in_one_place(descriptors):
    from finlink.config import v1  # noqa: PLC0415 - the import is what is tested

    for file in descriptors.file:
        if file.name in SOURCES:
            wanted = [
                *(message.name for message in file.message_type),
                *(enum.name for enum in file.enum_type),
                *(value.name for enum in file.enum_type for value in enum.value),
                *(f"{service.name}Stub" for service in file.service),
            ]
            assert [name for name in wanted if not hasattr(v1, name)] == []


def test_json_names_are_the_same_through_reflection_and_from_the_descriptor_set(descriptors):
    published = {file.name: json_names(file) for file in descriptors.file}

    for source in SOURCES:
        stubs = importlib.import_module(source.removesuffix(".proto").replace("/", ".") + "_pb2")
        served = FileDescriptorProto.FromString(stubs.DESCRIPTOR.serialized_pb)
        assert json_names(served) == published[source]


def test_nothing_else_stands_at_the_top():
    top = {name.split("/")[0] for name in tracked_files()}

    assert {name for name in top if not name.startswith(".")} <= AT_THE_TOP


def test_make_help_names_every_target_with_a_line():
    makefile = (REPOSITORY / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    helped = subprocess.run(
        ["make", "--no-print-directory", "-C", REPOSITORY, "help"],  # noqa: S607
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    lines = re.findall(r"^make (\S+) +(\S.*)$", helped, re.MULTILINE)
    assert [name for name, _ in lines] == phony.split()
