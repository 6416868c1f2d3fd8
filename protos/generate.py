"""Writes from protos/ what is made of them: generated/, and the methods of the Python client.

In generated/ stand the stubs, their types, one descriptor set, service configs, the reference, and
the table of methods that the command line is made of.

`python protos/generate.py` writes, `python protos/generate.py --check` only tells whether
what is checked in is what would be written.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
)
from google.rpc import error_details_pb2
from grpc_tools import protoc

import client_code
import client_methods
import method_table
import reference

REPOSITORY = Path(__file__).resolve().parent.parent
PROTOS = REPOSITORY / "protos"
GENERATED = REPOSITORY / "generated"
RESOURCES = REPOSITORY / "clients" / "finlink_client" / "resources"
PACKAGE = Path("finlink/config/v1")
DESCRIPTORS = "descriptors.binpb"
# gRPC's service configs: for every caller, and for callers who send a request_id with each
# call that takes one, so that these too may be made again.
SERVICE_CONFIG = "service_config.json"
WITH_REQUEST_IDS = "service_config_with_request_ids.json"
METHODS = "methods.json"

# Long enough for a password behind a full hash queue, short enough that somebody still waits.
TIMEOUT = "20s"
RETRIES = {
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# After 50 failures, each of which ten answers make up for, nothing is repeated until answers
# come again: a service in trouble gets no more of it.
THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}

# Not imported by any of our files, but carried by every error: without them
# `grpcurl -protoset` prints the details of an error as bytes.
ERROR_DETAILS = ["google/rpc/error_details.proto", "google/rpc/status.proto"]


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        made = {fresh / one.name: one for one in (GENERATED, RESOURCES)}
        build(*made)
        if arguments == ["--check"]:
            check(made)
        elif not arguments:
            write(made)
        else:
            sys.exit("usage: python protos/generate.py [--check]")


def build(target: Path, resources: Path) -> None:
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
    for name, has_request_ids in ((SERVICE_CONFIG, False), (WITH_REQUEST_IDS, True)):
        written = json.dumps(service_config(own, has_request_ids=has_request_ids), indent=2)
        (package / name).write_text(written + "\n", encoding="utf-8")
    api = client_methods.read(own)
    client_code.write(api, resources)
    method_table.write(api, package / METHODS)
    reference.write(own, target)


def service_config(own: list[FileDescriptorProto], *, has_request_ids: bool) -> dict[str, object]:
    """Time-outs and retries: github.com/grpc/grpc/blob/master/doc/service_config.md.

    Retried is what changes nothing (its `idempotency_level`), and with `has_request_ids` what
    takes a request_id. A method's entry counts instead of its service's, so that streams,
    which are watched without an end, have no time-out.
    """
    repeatable, streams = [], []
    for file in own:
        inputs = {f".{file.package}.{message.name}": message for message in file.message_type}
        for service in file.service:
            for method in service.method:
                name = {"service": f"{file.package}.{service.name}", "method": method.name}
                fields = {field.name for field in inputs[method.input_type].field}
                if method.server_streaming:
                    streams.append(name)
                elif changes_nothing(method) or (has_request_ids and "request_id" in fields):
                    repeatable.append(name)
    services = [{"service": f"{file.package}.{one.name}"} for file in own for one in file.service]
    return {
        "methodConfig": [
            {"name": services, "timeout": TIMEOUT},
            {"name": repeatable, "timeout": TIMEOUT, "retryPolicy": RETRIES},
            {"name": streams},
        ],
        "retryThrottling": THROTTLING,
    }


def changes_nothing(method: MethodDescriptorProto) -> bool:
    return method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS


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


def check(made: Mapping[Path, Path]) -> None:
    different = []
    for fresh, present in made.items():
        wanted, found = contents(fresh), contents(present)
        paths = sorted(path for path in wanted | found if wanted.get(path) != found.get(path))
        different += [str((present / path).relative_to(REPOSITORY)) for path in paths]
    if different:
        sys.exit(
            f"What is made of protos/ is not what they say ({', '.join(different)}): "
            "run `make generate` and commit the result."
        )


def write(made: Mapping[Path, Path]) -> None:
    """Touches only what changed, so that a running import never meets a missing file."""
    for fresh, present in made.items():
        wanted, found = contents(fresh), contents(present)
        for path in found.keys() - wanted.keys():
            (present / path).unlink()
        for path, data in wanted.items():
            if found.get(path) != data:
                (present / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fresh / path, present / path)


if __name__ == "__main__":
    main(sys.argv[1:])
