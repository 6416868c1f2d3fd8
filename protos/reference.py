"""Writes the reference of the API: the protos' comments as a page, with who may call what.

What the protos do not say comes from where the server itself reads it: access, events. What to
do about a refusal is the Python client's sentence. What is not said there yet, of an RPC or a
reason that was just added, is left open here, and a test asks for it.
"""

import json
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

import proto_comments
from client_methods import DEMANDED, name_of
from finlink_server import access
from finlink_server.domain import event_types

PACKAGE = ".finlink.config.v1."
REASONS = "ErrorReason"
_SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_INT64: "int64",
}
# By its path: the package around it needs the stubs, which may be what is being made.
_REMEDIES = Path(__file__).parent.parent / "clients" / "finlink_client" / "remedies.py"

_BEGINNING = """\
# Finlink Config API

Made by `make generate` from `protos/`: do not edit. What it is about, and how to begin, is in the \
[README](../README.md).

- **Credential**: metadata `authorization: Bearer <credential>`, once. *Who may call* says which \
kinds a method takes; every other gets `CALLER_NOT_ALLOWED`.
- **Required** is what a request cannot be without, whoever sends it. An account token names the \
app with `app_id`; a session token may leave that empty, for it has one app.
- **Repeats**: *changes nothing* means that a call may be made again at any time. A method with \
`request_id` may be made again with the same one for 24 hours, and does nothing twice.
- **Lists** come in pages: send `next_page_token` as `page_token` until it is empty.
- **Errors**: beside those that a method names it can be refused for its credential \
(`UNAUTHENTICATED`, `PERMISSION_DENIED`), for a field that breaks its rule (`FIELD_INVALID`), and \
because of the server's load or its database (`RESOURCE_EXHAUSTED`, `UNAVAILABLE`, \
`OUTCOME_UNKNOWN`). All of them: [Error reasons](#error-reasons).
- **Types**: Timestamp, Duration, FieldMask, Struct and Value are those of `google.protobuf`. In \
JSON, as grpcurl prints it, field names are in lowerCamelCase, and both forms are read.
"""


def write(files: list[FileDescriptorProto], folder: Path) -> None:
    """Write the page."""
    page = Page(
        proto_comments.read(files),
        {one.name: one for file in files for one in file.message_type},
        {one.name: one for file in files for one in file.enum_type},
    )
    text = "\n".join(page.lines(files))
    (folder / "REFERENCE.md").write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Page:
    """Everything that the page is about, by name."""

    said: Mapping[str, str]
    messages: Mapping[str, DescriptorProto]
    enums: Mapping[str, EnumDescriptorProto]

    def lines(self, files: list[FileDescriptorProto]) -> Iterator[str]:
        files = sorted(files, key=lambda one: one.name)
        yield _BEGINNING
        yield from self._contents(files)
        for file in files:
            for service in file.service:
                yield f"\n## {service.name}\n\n{self.said[service.name]}"
                for method in service.method:
                    yield from self._method(service.name, method)
            yield from self._things(file)
        yield from self._reasons()
        yield from _events()

    def _contents(self, files: list[FileDescriptorProto]) -> Iterator[str]:
        for service in _services(files):
            methods = " · ".join(_link(one.name) for one in service.method)
            yield f"- **{_link(service.name)}**: {methods}"
        names = sorted([*self.messages, *self.enums])
        things = [one for one in names if self._stands_alone(one)]
        yield f"- **Messages and enums**: {' · '.join(map(_link, things))}"
        yield "- [Error reasons](#error-reasons) · [Events](#events)"

    def _method(self, service: str, method: MethodDescriptorProto) -> Iterator[str]:
        request, answer = _plain(method.input_type), _plain(method.output_type)
        yield f"\n### {method.name}\n\n{self.said[f'{service}.{method.name}']}\n"
        yield " · ".join(self._facts(service, method))
        demanded = DEMANDED.get(method.name, "").split()
        yield from self._fields(request, request, demanded)
        yield from self._fields(
            answer, f"{'Stream of ' if method.server_streaming else ''}{answer}"
        )

    def _facts(self, service: str, method: MethodDescriptorProto) -> Iterator[str]:
        fields = {one.name for one in self.messages[_plain(method.input_type)].field}
        yield f"**Who may call**: {_who(service, method.name)}"
        if changes_nothing(method):
            yield "**Repeats**: changes nothing"
        elif "request_id" in fields:
            yield "**Repeats**: harmless with the same `request_id`"
        yield f"**Python**: `client.{'.'.join(name_of(method.name))}`"

    def _fields(
        self, message: str, heading: str, demanded: list[str] | None = None
    ) -> Iterator[str]:
        fields = self.messages[message].field
        if not fields:
            yield f"\n**{heading}**: empty"
            return
        wants = demanded is not None
        yield f"\n**{heading}**\n"
        yield f"| field | type |{' required |' if wants else ''} meaning |"
        yield f"|---|---|{'---|' if wants else ''}---|"
        for one in fields:
            required = f" {'yes' if one.name in demanded else ''} |" if demanded is not None else ""
            said = _cell(self.said[f"{message}.{one.name}"]) + self._one_of(message, one)
            yield f"| `{one.name}` | {self._type(one)} |{required} {said} |"

    def _one_of(self, message: str, field: FieldDescriptorProto) -> str:
        if not field.HasField("oneof_index"):
            return ""
        return f" (One of `{self.messages[message].oneof_decl[field.oneof_index].name}`.)"

    def _type(self, field: FieldDescriptorProto) -> str:
        if field.type in _SCALARS:
            name = _SCALARS[field.type]
        elif field.type_name.startswith(PACKAGE):
            name = _link(_plain(field.type_name))
        else:
            name = _plain(field.type_name)
        return f"repeated {name}" if field.label == field.LABEL_REPEATED else name

    def _things(self, file: FileDescriptorProto) -> Iterator[str]:
        for message in file.message_type:
            if self._stands_alone(message.name):
                yield f"\n### {message.name}\n\n{self.said[message.name]}"
                yield from self._fields(message.name, "Fields")
        for enum in file.enum_type:
            if not self._stands_alone(enum.name):
                continue
            yield f"\n### {enum.name}\n\n{self.said[enum.name]}\n"
            yield "| value | number | meaning |\n|---|---:|---|"
            for value in enum.value:
                said = _cell(self.said[f"{enum.name}.{value.name}"])
                yield f"| `{value.name}` | {value.number} | {said} |"

    def _stands_alone(self, name: str) -> bool:
        """Tell whether it has a chapter: it is of no one call, or a field holds it too."""
        held = {_plain(one.type_name) for each in self.messages.values() for one in each.field}
        return name in held or not (name.endswith(("Request", "Response")) or name == REASONS)

    def _reasons(self) -> Iterator[str]:
        remedies = runpy.run_path(str(_REMEDIES))["REASONS"]
        yield f"\n## Error reasons\n\n{self.said[REASONS]}\n"
        yield (
            "`ErrorInfo.reason` is the name, `ErrorInfo.domain` is `config.finlink`. In the enum "
            "ErrorReason each has the prefix `ERROR_REASON_`. What to do is what the Python client "
            "says: `error.remedy`.\n"
        )
        yield "| reason | code | meaning | what to do |\n|---|---|---|---|"
        for value in self.enums[REASONS].value[1:]:
            reason = value.name.removeprefix("ERROR_REASON_")
            code, _, meaning = self.said[f"{REASONS}.{value.name}"].partition(". ")
            code = code.replace(" with RetryInfo", ", with RetryInfo")
            yield f"| `{reason}` | {code} | {_cell(meaning)} | {_cell(remedies.get(reason, ''))} |"


def changes_nothing(method: MethodDescriptorProto) -> bool:
    """Tell whether a call may be made again at any time; a stream goes on from its cursor."""
    level = method.options.idempotency_level
    return level == MethodOptions.NO_SIDE_EFFECTS or method.server_streaming


def _events() -> Iterator[str]:
    yield "\n## Events\n"
    yield (
        "What webhooks tell: an object with `type`, `id`, `timestamp`, `app_id` and `data`. "
        f"{_link('ListEventTypes')} gives the same table. Other services of the platform publish "
        f"types of their own with {_link('PublishEvent')}.\n"
    )
    yield "| type | meaning | data, for example |\n|---|---|---|"
    for one in event_types.TYPES:
        yield f"| `{one.name}` | {_cell(one.description)} | `{json.dumps(one.sample)}` |"


def _services(files: list[FileDescriptorProto]) -> list[ServiceDescriptorProto]:
    return [service for file in files for service in file.service]


def _who(service: str, method: str) -> str:
    allowed = access.access_to(f"/{access.PACKAGE}.{service}/{method}")
    return "everybody: no credential is needed" if allowed.open else str(allowed)


def _plain(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
