"""Writes the methods as a table in JSON: what `finlink` makes its commands of.

In JSON, because reading the protos' comments out of descriptors, and importing the client to
look at it, each takes longer than somebody wants to wait for `finlink --help`.
"""

import json
from pathlib import Path

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from client_methods import Api, Argument, Method

_KINDS = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_INT32: "number",
    FieldDescriptorProto.TYPE_INT64: "number",
    FieldDescriptorProto.TYPE_ENUM: "enum",
    FieldDescriptorProto.TYPE_MESSAGE: "message",
}


def write(api: Api, file: Path) -> None:
    """Write the table."""
    table = {
        "methods": [_method(one) for one in api.methods],
        "messages": {
            name: [_field(one) for one in arguments] for name, arguments in api.messages.items()
        },
        "enums": api.enums,
    }
    file.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _method(method: Method) -> dict[str, object]:
    return {
        "noun": method.attribute,
        "verb": method.name,
        "service": method.service,
        "rpc": method.rpc,
        "said": method.said,
        "gives": method.gives,
        "gives_type": method.gives_type,
        "pages": method.pages,
        "streams": method.streams,
        "fields": [_field(one) for one in method.arguments],
    }


def _field(argument: Argument) -> dict[str, object]:
    return {
        "name": argument.name,
        "kind": _KINDS[argument.field.type],
        "of": argument.of,
        "said": argument.said,
        "is_repeated": argument.is_repeated,
        "is_demanded": argument.is_demanded,
        "is_secret": argument.field.options.debug_redact,
    }
