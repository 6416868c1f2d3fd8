"""How the value of a field is written for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import MessageToJson
from rich.text import Text

from finlink_client.command_line.webhook_screen import harmless

_PLAIN: Final = {"Timestamp", "Duration", "FieldMask", "Struct", "Value"}
# What may be broken over lines: what people wrote for people to read.
_FOLDING: Final = {
    "display_name",
    "public_name",
    "name",
    "comment",
    "email",
    "uri",
    "event_types",
    "scopes",
    "roles",
    "allowed_cidrs",
    "event_prefixes",
    "summary",
    "detail",
    "description",
    "facts",
    "changes",
    "problem",
    "response",
}
_STYLES: Final = {
    "ACTIVE": "green",
    "OPERATIONAL": "green",
    "DELIVERED": "green",
    "OPEN": "green",
    "PASSED": "green",
    "ACCEPTED": "green",
    "RETIRING": "yellow",
    "DEGRADED": "yellow",
    "PENDING": "yellow",
    "SENDING": "yellow",
    "REVOKED": "red",
    "SUSPENDED": "red",
    "DOWN": "red",
    "EXHAUSTED": "red",
    "REJECTED": "red",
    "FAILED": "red",
    "CANCELLED": "dim",
    "EXPIRED": "dim",
    "USED_UP": "dim",
    "LIVE": "bold magenta",
}


def heading(name: str) -> str:
    """Give the head of a column: the field's own name."""
    return name.upper()


def may_fold(name: str) -> bool:
    """Tell whether a column's values may be broken over lines."""
    return name.rpartition(".")[2] in _FOLDING


def is_plain(field: FieldDescriptor) -> bool:
    """Tell whether a field's message is written as one value."""
    return field.message_type is not None and field.message_type.name in _PLAIN


def is_secret(field: FieldDescriptor) -> bool:
    """Tell whether a field of an answer holds a credential."""
    return bool(field.GetOptions().debug_redact)


def cell(message: Any, name: str) -> Text:  # noqa: ANN401 - any message
    """Write a field, also one of a message in it (`actor.id`); empty where it is unset."""
    first, _, rest = name.partition(".")
    field = message.DESCRIPTOR.fields_by_name[first]
    value = getattr(message, first)
    if rest:
        return cell(value, rest)
    if field.is_repeated:
        texts = [_written(field, one) for one in value]
        return Text(", ").join(texts) if texts else Text()
    if field.has_presence and not message.HasField(name):
        return Text()
    return _written(field, value)


def time(value: datetime) -> str:
    """Write a time: RFC 3339, in UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _written(field: FieldDescriptor, value: Any) -> Text:  # noqa: ANN401 - of any type
    if field.enum_type is not None:
        return _enum(field.enum_type, value)
    if field.message_type is not None:
        return _message(value)
    if isinstance(value, bool):
        return Text("yes" if value else "no", style="" if value else "dim")
    return Text(harmless(str(value)), style="cyan" if field.name.endswith("id") else "")


def _enum(kind: EnumDescriptor, value: int) -> Text:
    found = kind.values_by_number.get(value)
    if found is None:
        return Text(str(value))  # of a server newer than this command
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    name = found.name.removeprefix(prefix)
    return Text() if name == "UNSPECIFIED" else Text(name, style=_STYLES.get(name, ""))


def _message(value: Any) -> Text:  # noqa: ANN401 - of any type
    match value.DESCRIPTOR.name:
        case "Timestamp":
            return Text(time(value.ToDatetime(UTC)), style="dim")
        case "Duration":
            return Text(f"{value.ToTimedelta().total_seconds():g} s")
        case "FieldMask":
            return Text(", ".join(value.paths))
        case "SettingsChange":
            return Text(value.path)
        case _:
            return Text(harmless(MessageToJson(value, indent=None)))
