"""Writes generated/ from protos/: stubs, their types, and one descriptor set.

`python protos/generate.py` writes, `python protos/generate.py --check` only tells whether
what is checked in is what would be written.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import error_details_pb2
from grpc_tools import protoc

REPOSITORY = Path(__file__).resolve().parent.parent
PROTOS = REPOSITORY / "protos"
GENERATED = REPOSITORY / "generated"
PACKAGE = Path("finlink/config/v1")
DESCRIPTORS = "descriptors.binpb"

# Not imported by any of our files, but carried by every error: without them
# `grpcurl -protoset` prints the details of an error as bytes.
ERROR_DETAILS = ["google/rpc/error_details.proto", "google/rpc/status.proto"]


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        build(fresh)
        if arguments == ["--check"]:
            check(fresh)
        elif not arguments:
            write(fresh)
        else:
            sys.exit("usage: python protos/generate.py [--check]")


def build(target: Path) -> None:
    package = target / PACKAGE
    package.mkdir(parents=True)
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    descriptors = package / DESCRIPTORS

    # With the source info, because it holds the comments: `grpcurl describe` and
    # `buf lint` read them.
    run_protoc(
        f"-I{PROTOS}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"-I{Path(error_details_pb2.__file__).parents[2]}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={descriptors}",
        *sources,
        *ERROR_DETAILS,
    )

    # From the descriptor set and not from the sources: only so do the stubs keep the JSON
    # names, and grpcurl prints `appId` through reflection as it does with -protoset. From
    # the sources protoc drops them, and reflection would print `app_id`.
    run_protoc(
        f"--descriptor_set_in={descriptors}",
        f"--plugin=protoc-gen-mypy={tool('protoc-gen-mypy')}",
        f"--plugin=protoc-gen-mypy_grpc={tool('protoc-gen-mypy_grpc')}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet:{target}",
        *sources,
    )

    own = [
        file
        for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file
        if file.name in sources
    ]
    for file in own:
        if not file.service:
            for suffix in (".py", ".pyi"):
                (package / f"{stem(file)}_pb2_grpc{suffix}").unlink()
    (package / "__init__.py").write_text("".join(package_lines(own)), encoding="utf-8")
    (package / "py.typed").touch()


def run_protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc refused the files in protos/: what it said stands above.")


def tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def stem(file: FileDescriptorProto) -> str:
    return Path(file.name).stem


def package_lines(own: list[FileDescriptorProto]) -> Iterator[str]:
    yield '"""The Finlink Config API, every name in one place: `from finlink.config import v1`.\n\n'
    yield 'Made by protos/generate.py: do not edit.\n"""\n\n'
    modules: dict[str, list[str]] = {}
    for file in sorted(own, key=stem):
        modules[f"{stem(file)}_pb2"] = [
            *(message.name for message in file.message_type),
            *(enum.name for enum in file.enum_type),
            *(value.name for enum in file.enum_type for value in enum.value),
        ]
        if file.service:
            modules[f"{stem(file)}_pb2_grpc"] = [
                name
                for service in file.service
                for name in (
                    f"{service.name}Servicer",
                    f"{service.name}Stub",
                    f"add_{service.name}Servicer_to_server",
                )
            ]
    for module in modules:
        yield f"from finlink.config.v1 import {module} as {module}\n"
    for module, names in modules.items():
        yield f"from finlink.config.v1.{module} import (\n"
        yield from (f"    {name} as {name},\n" for name in sorted(names))
        yield ")\n"


def contents(root: Path) -> dict[Path, bytes]:
    """Maps each generated file, relative to root, to its bytes."""
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def check(fresh: Path) -> None:
    wanted, found = contents(fresh), contents(GENERATED)
    different = sorted(
        path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)
    )
    if different:
        sys.exit(
            f"generated/ is not what protos/ says ({', '.join(map(str, different))}): "
            "run `make generate` and commit the result."
        )


def write(fresh: Path) -> None:
    """Touches only what changed, so that a running import never meets a missing file."""
    wanted, found = contents(fresh), contents(GENERATED)
    for path in found.keys() - wanted.keys():
        (GENERATED / path).unlink()
    for path, data in wanted.items():
        if found.get(path) != data:
            (GENERATED / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / path, GENERATED / path)


if __name__ == "__main__":
    main(sys.argv[1:])
