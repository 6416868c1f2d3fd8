"""The arguments and options of an RPC's command, out of the fields of its request.

The id of the thing that it is about is an argument, everything else an option with the field's
name. What holds a secret is neither: it is read from the environment, a prompt or a pipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

from finlink_client.command_line import rpcs
from finlink_client.command_line.rpcs import Field, Rpc
from finlink_client.command_line.spans import MOMENT, SPAN

Path = tuple[str, ...]  # of a field in a request: ("secret", "display_name")

# Messages whose fields are options of their own; others come from a file.
FLAT: Final = {"App", "Secret", "Endpoint", "LinkParameters"}
# Who leaves the app out means all of them.
OF_THE_WHOLE_ACCOUNT: Final = {"ListAuditEvents"}
_PAGING: Final = {"page_size", "page_token"}
_TIMES: Final = {"google.protobuf.Timestamp": MOMENT, "google.protobuf.Duration": SPAN}
_MASK: Final = "google.protobuf.FieldMask"
# Of what fields say to programs, and of what goes without saying of an option.
_SAID_TO_PROGRAMS: Final = re.compile(r"\s*A session token may leave it empty: its own( app)?\.")


@dataclass(frozen=True)
class Place:
    """Which field of the request an option or an argument fills."""

    path: Path
    field: Field

    @property
    def parameter(self) -> str:
        """Its name among the command's parameters."""
        return "__".join(self.path)


def places(rpc: Rpc) -> list[Place]:
    """Give the fields that are typed: arguments and options."""
    return [one for one in _places(rpc) if not one.field.is_secret]


def secrets(rpc: Rpc) -> list[Place]:
    """Give the fields that hold a secret, and are never typed."""
    return [one for one in _places(rpc) if one.field.is_secret]


def parameters(rpc: Rpc) -> list[click.Parameter]:
    """Give the parameters of an RPC's command."""
    found = [_parameter(rpc, one) for one in places(rpc)]
    if rpc.pages:
        found.append(
            click.Option(
                ["--limit"], type=click.IntRange(min=1), help="Show so many at most; else all."
            )
        )
    return found


def subject(rpc: Rpc) -> Path | None:
    """Give the field that is an argument: the id of the thing that it is about."""
    if rpc.verb == "update" and rpc.fields[0].of in FLAT:
        return (rpc.fields[0].name, "id")
    if not rpc.fields:
        return None
    first = rpc.fields[0].name
    is_own = first in {f"{rpc.noun.removesuffix('s')}_id", "query"}
    is_named = rpc.fields[0].is_demanded and first.endswith("_id") and first != "client_id"
    if is_own or (is_named and first != "app_id"):
        return (first,)
    return None


def is_app(field: Field) -> bool:
    """Tell whether a field names the app, which the profile may do."""
    return field.name == "app_id"


def _places(rpc: Rpc) -> Iterator[Place]:
    for field in rpc.fields:
        if field.name in _PAGING and rpc.pages:
            continue
        if field.of in FLAT:
            yield from (Place((field.name, one.name), one) for one in rpcs.message(field.of))
        else:
            yield Place((field.name,), field)


def _parameter(rpc: Rpc, place: Place) -> click.Parameter:
    field = place.field
    if place.path == subject(rpc):
        name = f"{rpc.noun.removesuffix('s')}_id" if field.name == "id" else field.name
        is_needed = not is_app(field) and (field.is_demanded or field.name == "id")
        shown = name.upper() if is_needed else f"[{name.upper()}]"
        return click.Argument([place.parameter], required=is_needed, metavar=shown)
    shown = (
        "Which fields to take; else those that are given."
        if field.of == _MASK
        else _help(rpc, field)
    )
    is_file = field.kind == "message" and field.of not in {*_TIMES, _MASK}
    options: dict[str, Any] = {"help": shown}
    if field.kind == "bool":
        name = field.option
        if len(place.path) > 1:  # of a thing that is changed: off must be sayable too
            return click.Option(
                [f"{name}/--no-{name.removeprefix('--')}", place.parameter],
                default=None,
                **options,
            )
        return click.Option([name, place.parameter], is_flag=True, **options)
    is_needed = field.is_demanded and not is_app(field) and field.of != _MASK
    return click.Option(
        ["--file" if is_file else field.option, place.parameter],
        type=_type(field),
        multiple=field.is_repeated or field.of == _MASK,
        required=is_needed,
        **options,
    )


def _type(field: Field) -> click.ParamType[Any]:
    if field.kind == "enum":
        return click.Choice(rpcs.choices(field.of), case_sensitive=False)
    if field.kind == "number":
        return click.INT
    if field.of in _TIMES:
        return _TIMES[field.of]
    if field.kind == "message" and field.of != _MASK:
        return click.File("r", encoding="utf-8")
    return click.STRING


def _help(rpc: Rpc, field: Field) -> str:
    text = " ".join(_SAID_TO_PROGRAMS.sub("", field.said).split())
    if is_app(field) and rpc.rpc not in OF_THE_WHOLE_ACCOUNT:
        text = f"{text.removesuffix('.')}; else FINLINK_APP_ID, else the profile's."
    if field.kind == "message" and field.of not in {*_TIMES, _MASK}:
        text = f"{text} A file with it as JSON; - is standard input."
    if field.is_repeated:
        text = f"{text} Say it again for more."
    return text
