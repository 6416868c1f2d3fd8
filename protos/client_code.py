"""Writes the Python client's methods: one module for each attribute, sync and async alike."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from client_methods import Api, Argument, Method

MARK = "Made by protos/generate.py: do not edit."
_WELL_KNOWN = {
    "google.protobuf.Timestamp": "arguments.Time",
    "google.protobuf.Duration": "arguments.Span",
    "google.protobuf.FieldMask": "arguments.Paths",
}
_SCALARS = {
    FieldDescriptorProto.TYPE_STRING: ("str", '""'),
    FieldDescriptorProto.TYPE_BOOL: ("bool", "False"),
    FieldDescriptorProto.TYPE_INT32: ("int", "0"),
    FieldDescriptorProto.TYPE_INT64: ("int", "0"),
}
_OPTIONS = "timeout: Timeout = None, metadata: Metadata = None"


def write(api: Api, folder: Path) -> None:
    """Write all modules, formatted."""
    folder.mkdir(parents=True)
    (folder / "arguments.py").write_text("".join(_argument_lines(api)), encoding="utf-8")
    (folder / "__init__.py").write_text("".join(_package_lines(api)), encoding="utf-8")
    for attribute, methods in groupby(api.methods, lambda one: one.attribute):
        code = "".join(_resource_lines(attribute, list(methods)))
        (folder / f"{attribute}.py").write_text(code, encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run(  # noqa: S603 - the formatter, on what was just written
        [ruff, "format", "--quiet", "--line-length", "100", folder], check=True
    )


def _package_lines(api: Api) -> Iterator[str]:
    attributes = sorted({one.attribute for one in api.methods})
    yield f'"""The attributes of the clients.\n\n{MARK}\n"""\n\n'
    yield "from finlink_client.async_calls import AsyncCalls\n"
    yield "from finlink_client.calls import Calls\n"
    for one in attributes:
        yield f"from finlink_client.resources.{one} import Async{_class(one)}, {_class(one)}\n"
    for prefix in ("", "Async"):
        yield f"\n\nclass {prefix}Resources:\n"
        yield '    """Every RPC, as a method of the attribute that it is about."""\n\n'
        yield f"    def __init__(self, calls: {prefix}Calls) -> None:\n"
        for one in attributes:
            yield f"        self.{one} = {prefix}{_class(one)}(calls)\n"


def _argument_lines(api: Api) -> Iterator[str]:
    yield f'"""What arguments of the client may be, in plain Python.\n\n{MARK}\n"""\n\n'
    yield "from __future__ import annotations\n\nfrom collections.abc import Sequence\n"
    yield "from datetime import datetime, timedelta\n"
    yield "from typing import Literal, TypeAlias, TypedDict\n\n"
    yield "from google.protobuf.duration_pb2 import Duration\n"
    yield "from google.protobuf.field_mask_pb2 import FieldMask\n"
    yield "from google.protobuf.timestamp_pb2 import Timestamp\n\n"
    yield "from finlink.config import v1\n\n"
    yield "Time: TypeAlias = datetime | Timestamp  # a datetime with a time zone\n"
    yield "Span: TypeAlias = timedelta | Duration\n"
    yield "Paths: TypeAlias = Sequence[str] | FieldMask\n\n"
    for name, values in sorted(api.enums.items()):
        choices = ", ".join(f'"{value}"' for value in values)
        yield f"{name}Name: TypeAlias = Literal[{choices}]\n"
    for name, fields in api.messages.items():
        yield f"\n\nclass {name}Dict(TypedDict, total=False):\n"
        yield f'    """{name}, as a mapping."""\n\n'
        for one in fields:
            yield f"    {one.name}: {_annotation(one).replace('arguments.', '')}\n"
            yield _docstring(one.said, 4)


def _resource_lines(attribute: str, methods: list[Method]) -> Iterator[str]:
    yield f'"""`client.{attribute}`.\n\n{MARK}\n"""\n\n'
    yield "from collections.abc import Sequence\n\n"
    yield "from finlink.config import v1\n"
    yield "from finlink_client.async_calls import AsyncCalls\n"
    yield "from finlink_client.calls import Calls\n"
    yield "from finlink_client.deadlines import Timeout\n"
    yield "from finlink_client.messages import Method\n"
    yield "from finlink_client.outgoing import Metadata\n"
    yield "from finlink_client.pages import AsyncPages, Pages\n"
    yield "from finlink_client.resources import arguments\n"
    yield "from finlink_client.watches import AsyncWatch, Watch\n\n"
    for one in methods:
        yield f'{_constant(one)} = Method("{one.path}", v1.{one.request}, v1.{one.answer})\n'
    for prefix in ("", "Async"):
        yield f"\n\nclass {prefix}{_class(attribute)}:\n"
        yield f'    """`client.{attribute}`."""\n\n'
        yield f"    def __init__(self, calls: {prefix}Calls) -> None:\n"
        yield "        self._calls = calls\n"
        for one in methods:
            yield from _method_lines(one, prefix)


def _method_lines(method: Method, prefix: str) -> Iterator[str]:
    waits = bool(prefix) and not (method.pages or method.streams)
    yield f"\n    {'async ' if waits else ''}def {method.name}({_parameters(method)})"
    yield f" -> {_answer(method, prefix)}:\n"
    yield _docstring("\n\n".join(_told(method)), 8)
    fields = "".join(f", {one.name}={one.name}" for one in method.arguments)
    call = f"{_constant(method)}, timeout, metadata{fields}"
    if method.streams:
        yield f"        return self._calls.watch({_constant(method)}, metadata{fields})\n"
    elif method.pages:
        yield f"        return self._calls.pages(lambda page: page.{method.gives}, {call})\n"
    elif waits:
        answer = f"await self._calls.unary({call})"
        yield f"        return {f'({answer}).{method.gives}' if method.gives else answer}\n"
    else:
        dot = f".{method.gives}" if method.gives else ""
        yield f"        return self._calls.unary({call}){dot}\n"


def _parameters(method: Method) -> str:
    """Give the parameters: what is demanded first, and all but a first id by keyword alone."""
    parameters, rest = ["self"], [*method.arguments]
    if rest and rest[0].name.endswith(("_id", "query")):
        parameters.append(_parameter(rest.pop(0)))
    parameters.append("*")
    parameters += [_parameter(one) for one in rest if one.is_demanded]
    parameters += [_parameter(one) for one in rest if not one.is_demanded]
    parameters.append("metadata: Metadata = None" if method.streams else _OPTIONS)
    return ", ".join(parameters)


def _parameter(argument: Argument) -> str:
    annotation = _annotation(argument)
    if argument.is_demanded:
        return f"{argument.name}: {annotation}"
    if argument.is_repeated:
        return f"{argument.name}: {annotation} = ()"
    if argument.field.type in _SCALARS:
        return f"{argument.name}: {annotation} = {_SCALARS[argument.field.type][1]}"
    return f"{argument.name}: {annotation} | None = None"


def _annotation(argument: Argument) -> str:
    if argument.field.type in _SCALARS:
        one = _SCALARS[argument.field.type][0]
    elif argument.field.type == FieldDescriptorProto.TYPE_ENUM:
        one = f"arguments.{argument.of}Name | int"
    else:
        one = _WELL_KNOWN.get(argument.of) or f"arguments.{argument.of}Dict | v1.{argument.of}"
    return f"Sequence[{one}]" if argument.is_repeated else one


def _answer(method: Method, prefix: str) -> str:
    if method.pages:
        return f"{prefix}Pages[v1.{method.gives_type}, v1.{method.answer}]"
    if method.streams:
        return f"{prefix}Watch[v1.{method.answer}]"
    return f"v1.{method.gives_type or method.answer}"


def _told(method: Method) -> Iterator[str]:
    yield method.said
    if method.arguments:
        yield "Args:\n" + "\n".join(
            textwrap.indent(
                textwrap.fill(f"{one.name}: {' '.join(one.said.split())}", 84), "    "
            ).replace("\n    ", "\n        ")
            for one in method.arguments
        )


def _docstring(said: str, indent: int) -> str:
    closing = "\n" if "\n" in said else ""
    raw = "r" if "\\" in said else ""
    return textwrap.indent(f'{raw}"""{said}{closing}"""\n', " " * indent)


def _class(attribute: str) -> str:
    return "".join(word.capitalize() for word in attribute.split("_"))


def _constant(method: Method) -> str:
    return f"_{method.name.upper()}"
