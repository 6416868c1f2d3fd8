"""What the client's method is called with, out of what was typed, read and found."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import IO, Any, Final

import click

from finlink_client.command_line import rpc_options, rpcs
from finlink_client.command_line.connecting import Line
from finlink_client.command_line.rpc_options import Path, Place
from finlink_client.command_line.rpcs import Field, Rpc
from finlink_client.command_line.secret_input import read_secret, read_secrets

# Not the secret with which somebody works: to report that one would end it.
_OTHER_VARIABLES: Final = {("ReportLeakedSecret", "client_secret"): "leaked_secret"}
# The service reads masks as deep as `link.appearance.light`.
_DEEPEST: Final = 3
_NOT_CHANGED: Final = {"id", "app_id", "etag"}


def fields(rpc: Rpc, line: Line, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a request. Raises UsageError."""
    found: dict[str, Any] = {}
    for place in rpc_options.places(rpc):
        value = _value(rpc, place, line, typed[place.parameter])
        if value is not None:
            _put(found, place.path, value)
    _add_mask(rpc, found)
    for place in rpc_options.secrets(rpc):
        secret = _secret(rpc, place)
        if secret:
            _put(found, place.path, secret)
    return found


def _value(rpc: Rpc, place: Place, line: Line, typed: Any) -> Any:  # noqa: ANN401 - of any type
    field = place.field
    if rpc_options.is_app(field) and len(place.path) == 1:
        return _app_id(rpc, place, line, typed)
    if isinstance(typed, tuple):
        # What was not said is left as it is; said to be empty, it becomes so.
        return [one for one in typed if one] if typed else None
    if field.kind == "message" and hasattr(typed, "read"):
        return _document(typed, field, line)
    if field.name.endswith("_json") and typed:
        return _text(typed)
    return typed


def _app_id(rpc: Rpc, place: Place, line: Line, typed: str | None) -> str | None:
    is_argument = place.path == rpc_options.subject(rpc)
    if place.field.is_demanded or is_argument:
        return line.app_id(typed, "APP_ID" if is_argument else "--app-id")
    if rpc.rpc in rpc_options.OF_THE_WHOLE_ACCOUNT:
        return typed
    return typed or line.profile_app_id


def _put(found: dict[str, Any], path: Path, value: Any) -> None:  # noqa: ANN401 - of any type
    for name in path[:-1]:
        found = found.setdefault(name, {})
    found[path[-1]] = value


def _document(file: IO[str], field: Field, line: Line) -> dict[str, Any]:
    """Read a message as JSON, as `get --json` writes it."""
    try:
        document = json.load(file)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise click.UsageError(f"{file.name} is not JSON{where}.") from None
    if not isinstance(document, dict):
        raise click.UsageError(f"{file.name} must hold a JSON object: {field.of}.")
    kept = _settable(field.of, document, f"{file.name}: ")
    if any(map(rpc_options.is_app, rpcs.message(field.of))) and not kept.get("app_id"):
        kept["app_id"] = line.app_id()
    return kept


def _settable(kind: str, document: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Leave out what is output only, so that what `get` printed can be given to `update`."""
    from finlink.config import v1  # noqa: PLC0415 - imports gRPC

    settable = {one.name: one for one in rpcs.message(kind)}
    kept = {}
    for name, value in document.items():
        if name not in getattr(v1, kind).DESCRIPTOR.fields_by_name:
            raise click.UsageError(f"{place}{name} is none of {', '.join(settable)}.")
        field = settable.get(name)
        if field is None:
            continue
        if field.kind != "message":
            kept[name] = value
        elif isinstance(value, list):
            of, where = field.of, f"{place}{name}[]."
            kept[name] = [
                _settable(of, one, where) if isinstance(one, dict) else one for one in value
            ]
        else:
            is_object = isinstance(value, dict)
            kept[name] = _settable(field.of, value, f"{place}{name}.") if is_object else value
    return kept


def _add_mask(rpc: Rpc, found: dict[str, Any]) -> None:
    """Let an update take what was given, if it was not said what to take."""
    if not any(one.name == "update_mask" for one in rpc.fields) or found.get("update_mask"):
        return
    given = list(_paths(rpc.fields[0].of, found[rpc.fields[0].name], ()))
    if not given:
        names = [one for one in rpcs.message(rpc.fields[0].of) if _may_change(one)]
        if rpc.fields[0].of in rpc_options.FLAT:
            options = ", ".join(one.option for one in names)
            raise click.UsageError(f"What shall change? Say one of {options}.")
        holds = ", ".join(one.name for one in names)
        raise click.UsageError(f"What shall change? The file holds nothing of {holds}.")
    found["update_mask"] = given


def _paths(kind: str, values: Mapping[str, Any], place: Path) -> Iterator[str]:
    for field in rpcs.message(kind):
        if field.name not in values or not (place or _may_change(field)):
            continue
        path, value = (*place, field.name), values[field.name]
        is_deep = field.kind == "message" and not field.is_repeated and len(path) < _DEEPEST
        if is_deep and isinstance(value, Mapping):
            yield from _paths(field.of, value, path)
        else:
            yield ".".join(path)


def _may_change(field: Field) -> bool:
    return field.name not in _NOT_CHANGED


def _text(typed: str) -> str:
    """Give a text that may stand in a file (@FILE) or on standard input (-)."""
    if typed == "-":
        return sys.stdin.read().strip()
    if not typed.startswith("@"):
        return typed
    try:
        return File(typed[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"Cannot read {typed[1:]}: {error}.") from None


def variable(rpc: Rpc, place: Place) -> str:
    """Give the environment variable that may hold a secret."""
    name = place.field.name
    return f"FINLINK_{_OTHER_VARIABLES.get((rpc.rpc, name), name).upper()}"


def _secret(rpc: Rpc, place: Place) -> str | list[str]:
    field, where = place.field, variable(rpc, place)
    if len(place.path) > 1:  # of a message: nobody is asked for what may be left out
        return os.environ.get(where, "").strip()
    if field.is_repeated:
        return read_secrets(where, field.name.replace("_", " "))
    return read_secret(where, field.name.replace("_", " "), is_new=field.name == "new_password")
