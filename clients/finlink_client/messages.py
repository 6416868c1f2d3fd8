"""Requests made of plain Python values.

No complaint here quotes a value: it may be a secret that was given to the wrong argument.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)

_LONGEST_NAME: Final = 30  # characters; every credential is longer
_NUMBERS: Final = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}


@dataclass(frozen=True)
class Method(Generic[Answer]):
    """An RPC: its path, and the types of its messages."""

    path: str
    request: type[Message]
    answer: type[Answer]


def build(kind: type[Request], values: Mapping[str, object]) -> Request:
    """Make a message. None, and what is empty, leave a field unset.

    Enums are names, with or without their prefix, or numbers; times are datetimes with a time
    zone; lengths of time are timedeltas, field masks lists of paths, messages mappings. The
    protobuf types will do too. Raises TypeError and ValueError, which name the field.
    """
    message = kind()
    _fill(message, values, "")
    return message


def _fill(message: Any, values: Mapping[str, object], place: str) -> None:  # noqa: ANN401
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if name not in fields:
            known = ", ".join(fields)
            raise TypeError(f"{place or 'The request'} has no field {_told(name)}; it has {known}.")
        field, where = fields[name], f"{place}.{name}" if place else name
        if value is None:
            continue
        if field.is_repeated:
            _extend(message, field, value, where)
        elif field.message_type is not None:
            _put(getattr(message, name), value, where)
        else:
            setattr(message, name, _scalar(field, value, where))


def _extend(message: Any, field: FieldDescriptor, values: object, where: str) -> None:  # noqa: ANN401
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{where} must be a list, not {_kind(values)}.")
    entries = getattr(message, field.name)
    for number, value in enumerate(values):
        place = f"{where}[{number}]"
        if field.message_type is not None:
            _put(entries.add(), value, place)
        else:
            entries.append(_scalar(field, value, place))


def _put(message: Message, value: object, where: str) -> None:
    """Set a message in a request to a value, also to one without content."""
    message.SetInParent()
    if isinstance(value, type(message)):
        message.CopyFrom(value)
    elif isinstance(message, Timestamp):
        _put_time(message, value, where)
    elif isinstance(message, Duration):
        if not isinstance(value, timedelta):
            raise TypeError(f"{where} must be a timedelta, not {_kind(value)}.")
        message.FromTimedelta(value)
    elif isinstance(message, FieldMask):
        _extend(message, message.DESCRIPTOR.fields_by_name["paths"], value, where)
    elif isinstance(value, Mapping):
        _fill(message, value, where)
    else:
        raise TypeError(
            f"{where} must be a mapping or a {message.DESCRIPTOR.name}, not {_kind(value)}."
        )


def _put_time(message: Timestamp, value: object, where: str) -> None:
    if not isinstance(value, datetime):
        raise TypeError(f"{where} must be a datetime, not {_kind(value)}.")
    if value.tzinfo is None:
        raise ValueError(f"{where} must have a time zone, such as datetime.now(UTC) has.")
    message.FromDatetime(value)


def _scalar(field: FieldDescriptor, value: object, where: str) -> object:
    if field.enum_type is not None:
        return _enum(field.enum_type, value, where)
    if field.type == FieldDescriptor.TYPE_BOOL:
        wanted: type = bool
    else:
        wanted = int if field.cpp_type in _NUMBERS else str
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise TypeError(f"{where} must be {_articled(wanted.__name__)}, not {_kind(value)}.")
    bits = 31 if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else 63
    if isinstance(value, int) and not -(2**bits) <= value < 2**bits:
        raise ValueError(f"{where} must be a number of {bits + 1} bits.")
    if isinstance(value, str) and not _is_unicode(value):
        raise ValueError(f"{where} must be Unicode; it holds half of a character.")
    return value


def _enum(enum: EnumDescriptor, value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    numbers = {one.name: one.number for one in enum.values}
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    if isinstance(value, str):
        number = numbers.get(value, numbers.get(prefix + value))
        if number is not None:
            return number
    names = ", ".join(one.removeprefix(prefix) for one in [*numbers][1:])
    raise ValueError(f"{where} must be one of {names}.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _told(name: object) -> str:
    """Give a field's name, unless something else may have been given for it."""
    is_name = isinstance(name, str) and name.isidentifier() and len(name) <= _LONGEST_NAME
    return str(name) if is_name else "of that name"


def _kind(value: object) -> str:
    return _articled(type(value).__name__)


def _articled(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
