"""From the model's dictionaries to the protos' messages, and what is different in two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.timestamp_pb2 import Timestamp
from tests.model.reference import Moment

_TIMESTAMP = Timestamp.DESCRIPTOR.full_name


def message(kind: Any, record: Any, said: Any) -> Any:
    """Make the message of a record: of its entries those that are fields of the message.

    A time that only the server knows is learned from what it said, if it can be that.
    """
    if not isinstance(record, dict):
        return record  # a message already
    made = kind()
    for field in kind.DESCRIPTOR.fields:
        value = record.get(field.name)
        if value is None:
            continue
        if field.enum_type is not None:
            _set(made, field, _numbers(field, value))
        elif field.message_type is None:
            _set(made, field, value)
        elif field.message_type.full_name == _TIMESTAMP:
            getattr(made, field.name).FromMicroseconds(_time(value, said, field.name))
        elif field.is_repeated:
            items = list(getattr(said, field.name)) + [None] * len(value)
            inner = message_factory.GetMessageClass(field.message_type)
            getattr(made, field.name).extend(
                message(inner, one, other or inner())
                for one, other in zip(value, items, strict=False)
            )
        else:
            inner = message_factory.GetMessageClass(field.message_type)
            getattr(made, field.name).CopyFrom(message(inner, value, getattr(said, field.name)))
    return made


def differences(expected: Any, actual: Any) -> list[str]:
    """What of a message is not as expected, a line for each field."""
    if expected == actual:
        return []
    return list(_differ("", _plain(expected), _plain(actual))) or ["they differ in presence"]


def _differ(path: str, expected: Any, actual: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected | actual:
            yield from _differ(f"{path}.{name}", expected.get(name), actual.get(name))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _differ(f"{path}[{index}]", *pair)
    elif expected != actual:
        yield f"{path.lstrip('.')}: expected {expected}, the server says {actual}"


def _plain(of: Any) -> Any:
    return json_format.MessageToDict(of, preserving_proto_field_name=True)


def _set(made: Any, field: Any, value: Any) -> None:
    if field.is_repeated:
        getattr(made, field.name).extend(value)
    else:
        setattr(made, field.name, value)


def _numbers(field: Any, value: Any) -> Any:
    """The numbers of an enum's names, which stand without their prefix."""
    if isinstance(value, list):
        return [_numbers(field, one) for one in value]
    values = field.enum_type.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    return field.enum_type.values_by_name[prefix + (value or "UNSPECIFIED")].number


def _time(value: int | Moment, said: Any, name: str) -> int:
    if not isinstance(value, Moment):
        return value
    if said.HasField(name):
        value.see(getattr(said, name).ToMicroseconds())
    return value.earliest
