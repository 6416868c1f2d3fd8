"""What the RPCs are called and take, from the table that protos/generate.py makes of the protos.

Not from the client's modules: importing those takes longer than help and completion may.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Field:
    """A field of a request, or of a message in one."""

    name: str
    kind: str  # string, bool, number, enum or message
    of: str  # the name of its message or enum
    said: str
    is_repeated: bool
    is_demanded: bool
    is_secret: bool

    @property
    def option(self) -> str:
        """Its name on a command line."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Rpc:
    """A method of the API: `client.<noun>.<verb>(…)` and `finlink <noun> <verb>`."""

    noun: str
    verb: str
    service: str
    rpc: str
    said: str
    gives: str  # the field that a Get or a List gives
    gives_type: str
    pages: bool
    streams: bool
    fields: tuple[Field, ...]

    @property
    def command(self) -> tuple[str, str]:
        """Its noun and its verb as they are typed."""
        return hyphened(self.noun), hyphened(self.verb)


def hyphened(name: str) -> str:
    """Write a name as one types it: `link_tokens` → `link-tokens`."""
    return name.replace("_", "-")


@cache
def every() -> tuple[Rpc, ...]:
    """Give all RPCs, by noun."""
    return tuple(
        Rpc(**{**one, "fields": tuple(Field(**each) for each in one["fields"])})
        for one in _table()["methods"]
    )


def by_command(noun: str) -> dict[str, Rpc]:
    """Give the RPCs of a noun by their verbs, both as they are typed."""
    return {one.command[1]: one for one in every() if one.command[0] == noun}


@cache
def nouns() -> tuple[str, ...]:
    """Give the nouns as they are typed."""
    return tuple(dict.fromkeys(one.command[0] for one in every()))


@cache
def message(name: str) -> tuple[Field, ...]:
    """Give what a message holds that a caller may set."""
    return tuple(Field(**one) for one in _table()["messages"][name])


def choices(enum: str) -> list[str]:
    """Give the values of an enum, without their prefix."""
    return list(_table()["enums"][enum])


def first_sentence(said: str) -> str:
    """Give what a comment of the protos says first, on one line."""
    text = " ".join(said.partition("\n\n")[0].split())
    return re.split(r"(?<=[.;])\s", text, maxsplit=1)[0].rstrip(";.") + "."


@cache
def _table() -> dict[str, Any]:
    # From the package above: importing finlink.config.v1 would import gRPC.
    file = files("finlink.config") / "v1" / "methods.json"
    table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return table
