"""What stands in a settings file: the names of the protos, and plain values.

A value is what YAML and JSON hold: bool, str, list and dict. Redirects have their ids beside
what a file says of them; a theme without colours is None.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from finlink.config import v1

# The version of the format: the package of the protos whose names it uses.
API_VERSION: Final = "finlink.config.v1"

# Every path of an update mask that ends at a value, in the order of the file.
PATHS: Final = (
    "link.force_auth_token",
    "link.redirects",
    "link.languages",
    "link.default_language",
    "link.appearance.light",
    "link.appearance.dark",
    "link.appearance.logo_uri",
    "link.texts",
    "link.terms_uri",
    "link.privacy_uri",
    "banks.mode",
    "banks.bank_ids",
    "banks.pinned_bank_ids",
    "banks.country_codes",
)
ENDPOINT_FIELDS: Final = ("id", "display_name", "uri", "event_types", "disabled")
MOST_ENDPOINTS: Final = 10  # of an app: WebhookService.CreateEndpoint


def field_at(path: str) -> FieldDescriptor:
    """Give the field that a path of Settings names."""
    *owners, name = path.split(".")
    message: Any = v1.Settings.DESCRIPTOR
    for owner in owners:
        message = message.fields_by_name[owner].message_type
    found: FieldDescriptor = message.fields_by_name[name]
    return found


def values_of(settings: v1.Settings) -> dict[str, Any]:
    """Give the values of all paths."""
    return {path: _value_at(settings, path) for path in PATHS}


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings as an argument of the client, with values at some paths."""
    settings: dict[str, Any] = {}
    for path, value in values.items():
        *owners, name = path.split(".")
        owner = settings
        for one in owners:
            owner = owner.setdefault(one, {})
        owner[name] = value
    return settings


def endpoint_values(endpoint: v1.Endpoint) -> dict[str, Any]:
    """Give what a file says of an endpoint."""
    return plain(endpoint, ENDPOINT_FIELDS)


def plain(message: Any, names: Iterable[str]) -> dict[str, Any]:  # noqa: ANN401 - any message
    """Give fields of a message as plain values."""
    fields = message.DESCRIPTOR.fields_by_name
    return {name: _plain_field(message, fields[name]) for name in names}


def words(field: FieldDescriptor) -> dict[int, str]:
    """Give the values of an enum, without the prefix of their names."""
    enum: Any = field.enum_type
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return {one.number: one.name.removeprefix(prefix) for one in enum.values[1:]}


def _value_at(settings: v1.Settings, path: str) -> Any:  # noqa: ANN401 - whatever stands there
    *owners, _ = path.split(".")
    return _plain_field(reduce(getattr, owners, settings), field_at(path))


def _plain_field(message: Any, field: FieldDescriptor) -> Any:  # noqa: ANN401
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_plain(one) for one in value]
    if field.message_type is not None:
        return _plain(value) if message.HasField(field.name) else None
    if field.enum_type is not None:
        return words(field).get(value, str(value))  # of a newer server's
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, Message):
        return value
    return plain(value, value.DESCRIPTOR.fields_by_name)
