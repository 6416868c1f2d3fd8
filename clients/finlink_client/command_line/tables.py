"""Messages as tables and records for people.

An id or a credential is never folded: whoever copies it must get it whole. So a table that is
too wide leaves columns out, the last ones first, and a record leaves long words to the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from finlink_client.command_line import values
from finlink_client.command_line.columns import COLUMNS

_GAP: Final = 2
_NARROWEST: Final = 16  # columns of a text that is folded


def table(out: Console, messages: Sequence[Any]) -> list[str]:
    """Print things of one kind, a line each; give the columns that had no room."""
    names = _columns(messages[0])
    cells = {name: [values.cell(one, name) for one in messages] for name in names}
    cells = {name: texts for name, texts in cells.items() if name == names[0] or any(texts)}
    shown = _fitting(cells, out.width)
    printed = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in shown:
        whole = not values.may_fold(name)
        least = _width(name, cells[name]) if whole else _NARROWEST
        printed.add_column(values.heading(name), no_wrap=whole, min_width=min(least, out.width))
    for row in zip(*(cells[name] for name in shown), strict=True):
        printed.add_row(*row)
    for line in out.render_lines(printed, pad=False):
        text = Text.assemble(*((one.text, one.style or "") for one in line))
        text.rstrip()  # what fills the last column is nothing to copy
        out.print(text, soft_wrap=True)
    return [name for name in cells if name not in shown]


def record(out: Console, message: Message) -> None:
    """Print one thing, a field a line; those of messages in it with a dot in their names."""
    rows, lists = list(_rows(message, "")), list(_lists(message))
    width = max((cell_len(name) for name, _ in rows), default=0) + _GAP
    for name, text in rows:
        lead = Text(name.ljust(width), style="dim")
        room = out.width - width
        if " " not in text.plain or room < _NARROWEST:
            out.print(lead + text, soft_wrap=True)
            continue
        for line in text.wrap(out, room):
            line.rstrip()
            out.print(lead + line, soft_wrap=True)
            lead = Text(" " * width)
    for name, found in lists:
        if rows or len(lists) > 1:
            out.print(Text(f"\n{name}", style="dim"))
        table(out, found)


def _columns(message: Message) -> Sequence[str]:
    kind = message.DESCRIPTOR
    return COLUMNS.get(kind.name) or [one.name for one in kind.fields]


def _fitting(cells: dict[str, list[Text]], room: int) -> list[str]:
    """Give the columns that fit, in order; the first one always."""
    shown: list[str] = []
    taken = 0
    for name, texts in cells.items():
        width = _width(name, texts)
        least = min(width, _NARROWEST) if values.may_fold(name) else width
        if shown and taken + _GAP + least > room:
            continue
        taken += least + (_GAP if shown else 0)
        shown.append(name)
    return shown


def _width(name: str, texts: Sequence[Text]) -> int:
    return max(cell_len(values.heading(name)), *(text.cell_len for text in texts))


def _lists(message: Any) -> Iterator[tuple[str, Sequence[Any]]]:  # noqa: ANN401 - any message
    """Give what a record holds several of, and what there is a table for."""
    for field, found in message.ListFields():
        if field.is_repeated and field.message_type and field.message_type.name in COLUMNS:
            yield field.name, found


def _rows(message: Any, place: str) -> Iterator[tuple[str, Text]]:  # noqa: ANN401 - any message
    for field in message.DESCRIPTOR.fields:
        name = f"{place}{field.name}"
        if field.is_repeated and field.message_type is not None:
            if not place and field.message_type.name in COLUMNS:
                continue  # a table of its own, below
            for number, one in enumerate(getattr(message, field.name)):
                yield from _rows(one, f"{name}[{number}].")
        elif field.message_type is None or values.is_plain(field):
            text = values.cell(message, field.name)
            if text:
                yield name, text
        elif message.HasField(field.name):
            yield from _rows(getattr(message, field.name), f"{name}.")
