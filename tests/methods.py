"""Every method of the API and every field that a request can hold, found in the descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tests.errors import Refused

from finlink_server import app

PACKAGE = "finlink.config.v1"
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Method:
    """One method: `SecretService/GetSecret`."""

    service: str
    name: str
    request: Descriptor
    streams: bool = False

    def __str__(self) -> str:
        return f"{self.service}/{self.name}"

    @property
    def path(self) -> str:
        return f"/{PACKAGE}.{self}"

    def new_request(self, **fields: Any) -> Any:
        return GetMessageClass(self.request)(**fields)

    def call(self, channel: grpc.Channel, request: Message | bytes, metadata: Metadata) -> bytes:
        """Send a message, or any bytes in its place, and give the answer's bytes.

        Of a stream the first message is taken, and no more.
        """
        raw = request if isinstance(request, bytes) else request.SerializeToString()
        kind = channel.unary_stream if self.streams else channel.unary_unary
        send: Any = kind(self.path)  # without a serializer it takes bytes
        answer = send(raw, metadata=metadata, timeout=30)
        if self.streams:
            stream, answer = answer, next(answer)
            stream.cancel()
        return bytes(answer)

    def outcome(
        self, channel: grpc.Channel, request: Message | bytes, metadata: Metadata
    ) -> Outcome:
        """Call it, and tell what came of it."""
        try:
            return Outcome(self.call(channel, request, metadata), None)
        except grpc.RpcError as error:
            refusal = Refused()
            refusal.read(error)
            return Outcome(b"", refusal)


@dataclass(frozen=True)
class Outcome:
    """An answer, or a refusal."""

    answer: bytes
    refusal: Refused | None

    @property
    def code(self) -> str:
        return self.refusal.code.name if self.refusal else "OK"

    @property
    def reason(self) -> str:
        return self.refusal.reason if self.refusal else ""

    @property
    def facts(self) -> dict[str, str]:
        return self.refusal.facts if self.refusal else {}

    @property
    def fields(self) -> dict[str, str]:
        return self.refusal.fields if self.refusal else {}


@dataclass(frozen=True)
class Field:
    """A field that a request can hold, however deep; the chain leads down to it."""

    method: Method
    chain: tuple[FieldDescriptor, ...]

    def __str__(self) -> str:
        return f"{self.method}-{self.path}"

    @property
    def last(self) -> FieldDescriptor:
        return self.chain[-1]

    @property
    def path(self) -> str:
        """As BadRequest names it: `settings.link.redirects[0].uri`."""
        return ".".join(one.name + ("[0]" if one.is_repeated else "") for one in self.chain)

    @property
    def key(self) -> str:
        """As shapes.py names it: `Redirect.uri`."""
        return ".".join(self.last.full_name.split(".")[-2:])

    @property
    def is_text(self) -> bool:
        return self.last.type == FieldDescriptor.TYPE_STRING

    @property
    def is_number(self) -> bool:
        return self.last.cpp_type in {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}

    def is_a(self, well_known: str) -> bool:
        kind = self.last.message_type
        return kind is not None and kind.full_name == f"google.protobuf.{well_known}"

    def put(self, request: Any, value: Any) -> Any:
        """Set the field in a request; a repeated one gets this one entry (or list)."""
        message = request
        for one in self.chain[:-1]:
            message = getattr(message, one.name)
            if one.is_repeated:
                message = message[0] if len(message) else message.add()
        name = self.last.name
        if self.last.is_repeated:
            del getattr(message, name)[:]
            getattr(message, name).extend(value if isinstance(value, list) else [value])
        elif self.last.message_type is not None:
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
        return request


def fields_of(method: Method) -> Iterator[Field]:
    """Every field that a request of this method can hold, messages that hold fields included."""
    yield from _below(method, (), method.request)


def _below(method: Method, chain: tuple[FieldDescriptor, ...], of: Descriptor) -> Iterator[Field]:
    for one in of.fields:
        yield Field(method, (*chain, one))
        if one.message_type is not None and one.message_type.file.package == PACKAGE:
            yield from _below(method, (*chain, one), one.message_type)


def descriptor_set() -> FileDescriptorSet:
    """The descriptor set that the package carries, with the comments of the protos."""
    raw = (files(PACKAGE) / "descriptors.binpb").read_bytes()
    return FileDescriptorSet.FromString(raw)


def comments(of: str) -> dict[str, str]:
    """What the protos say of each field of the messages, or of each value of the enums.

    `of` is "fields" or "values"; the keys are `Redirect.uri` and `PRODUCT_ASSETS_TRANSFER`.
    """
    found = {}
    for file in descriptor_set().file:
        if file.package != PACKAGE:
            continue
        # descriptor.proto: message_type is field 4, its field 2; enum_type is 5, its value 2.
        for location in file.source_code_info.location:
            place, said = tuple(location.path), " ".join(location.leading_comments.split())
            if of == "fields" and len(place) == 4 and (place[0], place[2]) == (4, 2):
                message: DescriptorProto = file.message_type[place[1]]
                found[f"{message.name}.{message.field[place[3]].name}"] = said
            if of == "values" and len(place) == 4 and (place[0], place[2]) == (5, 2):
                found[file.enum_type[place[1]].value[place[3]].name] = said
    return found


METHODS = [
    Method(service.name, method.name, method.input_type, method.server_streaming)
    for service in app.service_descriptors()
    for method in service.methods
]
FIELDS = [field for method in METHODS for field in fields_of(method)]
_OUTPUT_ONLY = {name for name, said in comments("fields").items() if said.startswith("Output only")}


def is_output_only(field: Field) -> bool:
    """Whether a request may hold the field, but nothing looks at it (AIP-203)."""
    return any(".".join(one.full_name.split(".")[-2:]) in _OUTPUT_ONLY for one in field.chain)


def find(name: str) -> Method:
    """The method with this name."""
    return next(method for method in METHODS if method.name == name)
