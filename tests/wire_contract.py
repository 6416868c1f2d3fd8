"""What others rely on in the protos, as text: services, methods, fields, numbers, types.

`python -m tests.wire_contract` writes the golden file. Do that for what was added;
never for what was renumbered, renamed or removed, because callers have stubs of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

PACKAGE = "finlink.config.v1"
GOLDEN = Path(__file__).with_suffix(".golden")


def of_the_package() -> str:
    """Describe the protos of this checkout."""
    raw = (files(PACKAGE) / "descriptors.binpb").read_bytes()
    return describe(FileDescriptorSet.FromString(raw))


def describe(protos: FileDescriptorSet) -> str:
    """One line for each thing that a caller's stubs hold; in an order that means nothing."""
    own = [file for file in protos.file if file.package == PACKAGE]
    lines: list[str] = []
    for service in sorted((one for file in own for one in file.service), key=lambda s: s.name):
        lines.append(f"service {service.name}")
        lines += sorted(f"  {service.name}.{_method(one)}" for one in service.method)
    for message in sorted((one for file in own for one in file.message_type), key=lambda m: m.name):
        lines += _message(message, message.name)
    for enum in sorted((one for file in own for one in file.enum_type), key=lambda e: e.name):
        lines += _enum(enum, enum.name)
    return "\n".join(lines) + "\n"


def lost(golden: str, now: str) -> list[str]:
    """Lines of the golden file that hold no more: what breaks callers."""
    return [line for line in golden.splitlines() if line not in set(now.splitlines())]


def added(golden: str, now: str) -> list[str]:
    """Lines that the golden file does not have yet."""
    return lost(now, golden)


def _method(method: MethodDescriptorProto) -> str:
    sends = "stream " if method.client_streaming else ""
    answers = "stream " if method.server_streaming else ""
    request, response = _bare(method.input_type), _bare(method.output_type)
    return f"{method.name}({sends}{request}) returns ({answers}{response})"


def _message(message: DescriptorProto, name: str) -> Iterator[str]:
    yield f"message {name}"
    for field in sorted(message.field, key=lambda one: one.number):
        yield f"  {name}.{field.name} = {field.number}: {_type(field)}{_oneof(message, field)}"
    for gap in message.reserved_range:
        yield f"  {name} reserves {gap.start} to {gap.end - 1}"
    for word in message.reserved_name:
        yield f"  {name} reserves {word}"
    for nested in message.nested_type:
        yield from _message(nested, f"{name}.{nested.name}")
    for enum in message.enum_type:
        yield from _enum(enum, f"{name}.{enum.name}")


def _enum(enum: EnumDescriptorProto, name: str) -> Iterator[str]:
    yield f"enum {name}"
    for value in sorted(enum.value, key=lambda one: one.number):
        yield f"  {name}.{value.name} = {value.number}"


def _type(field: FieldDescriptorProto) -> str:
    kind = _bare(field.type_name) or field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"repeated {kind}" if field.label == field.LABEL_REPEATED else kind


def _oneof(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    if field.proto3_optional:
        return ", optional"
    if field.HasField("oneof_index"):
        return f", one of {message.oneof_decl[field.oneof_index].name}"
    return ""


def _bare(type_name: str) -> str:
    return type_name.removeprefix(f".{PACKAGE}.").removeprefix(".")


if __name__ == "__main__":
    text = of_the_package()
    broken = lost(GOLDEN.read_text(), text) if GOLDEN.exists() else []
    GOLDEN.write_text(text)
    sys.stdout.write(f"Wrote {GOLDEN.name}, {len(text.splitlines())} lines.\n")
    if broken:
        sys.stdout.write("\n".join(["This breaks callers that have stubs of:", *broken, ""]))
