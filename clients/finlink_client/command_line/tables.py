"""Messages as tables and records for people.

An id or a credential is never folded: whoever copies it must get it whole. So a table that is
too wide leaves columns out, the last ones first, and a record leaves long words to the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


def things(out: Console, messages: Sequence[Any]) -> list[str]:
    """Print things of one kind, a line each; give the columns that had no room."""
    kind = messages[0].DESCRIPTOR
    names = COLUMNS.get(kind.name) or [one.name for one in kind.fields]
    return table(out, [{name: values.cell(one, name) for name in names} for one in messages])


def table(out: Console, rows: Sequence[Mapping[str, Text]]) -> list[str]:
    """Print rows, each with the same columns; give the columns that had no room.

    One that is empty in every row is not shown; the first one always is.
    """
    first, *others = rows[0]
    columns = [first, *(name for name in others if any(row[name] for row in rows))]
    widths = {name: _width(name, [row[name] for row in rows]) for name in columns}
    shown = _fitting(widths, out.width)
    printed = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in shown:
        least = _least(name, widths[name])
        printed.add_column(
            values.heading(name),
            overflow="fold",  # and not an ellipsis: what is cut off is lost
            no_wrap=not values.may_fold(name),
            min_width=least,
        )
    for row in rows:
        printed.add_row(*(row[name] for name in shown))
    # Where not even the first column fits, the terminal folds it.
    room = out.options.update_width(max(out.width, _least(first, widths[first]) + _GAP))
    for line in out.render_lines(printed, room, pad=False):
        text = Text.assemble(*((one.text, one.style or "") for one in line))
        text.rstrip()  # what fills the last column is nothing to copy
        out.print(text, soft_wrap=True)
    return [name for name in columns if name not in shown]


def record(out: Console, message: Message) -> list[str]:
    """Print one thing, a field a line; give the columns of lists in it that had no room."""
    rows, lists = list(_told(message)), list(_lists(message))
    width = max((cell_len(name) for name, _ in rows), default=0) + _GAP
    for name, text in rows:
        hang(out, Text(name.ljust(width), style="dim"), text)
    left_out: list[str] = []
    for name, found in lists:
        if rows or len(lists) > 1:
            out.print(Text(f"\n{name}", style="dim"))
        left_out += things(out, found)
    return left_out


def hang(out: Console, lead: Text, text: Text) -> None:
    """Print a text whose further lines stand under its first; a single word stays whole."""
    room = out.width - lead.cell_len
    is_words = " " in text.plain and room >= _NARROWEST
    for line in text.wrap(out, room) if is_words else [text]:
        whole = lead + line
        whole.rstrip()
        out.print(whole, soft_wrap=True)
        lead = Text(" " * lead.cell_len)


def fields(message: Any, place: str = "") -> Iterator[tuple[str, Text]]:  # noqa: ANN401 - any message
    """Give what is set, however deep: the fields of a message in it have a dot in their names."""
    for field in message.DESCRIPTOR.fields:
        name = f"{place}{field.name}"
        if field.message_type is None or values.is_plain(field):
            text = values.cell(message, field.name)
            if text:
                yield name, text
        elif not field.is_repeated:
            if message.HasField(field.name):
                yield from fields(getattr(message, field.name), f"{name}.")
        elif place or field.message_type.name not in COLUMNS:
            for number, one in enumerate(getattr(message, field.name)):
                yield from fields(one, f"{name}[{number}].")


def _told(message: Any) -> Iterator[tuple[str, Text]]:  # noqa: ANN401 - any message
    """Give the fields of a thing; those of an answer that holds one thing, as that thing's."""
    rows = list(fields(message))
    held = [one for one in message.DESCRIPTOR.fields if one.message_type and not one.is_repeated]
    things = [one for one in held if not values.is_plain(one)]
    is_answer = message.DESCRIPTOR.name.endswith("Response") and len(things) == 1
    credentials = [one.name for one in message.DESCRIPTOR.fields if values.is_secret(one)]
    # They come last, where what is said about them stands.
    for name, text in sorted(rows, key=lambda row: row[0] in credentials):
        shown = Text(text.plain, style="bold") if name in credentials else text
        yield name.removeprefix(f"{things[0].name}.") if is_answer else name, shown


def _lists(message: Any) -> Iterator[tuple[str, Sequence[Any]]]:  # noqa: ANN401 - any message
    """Give what a record holds several of, and what there is a table for."""
    for field, found in message.ListFields():
        if field.is_repeated and field.message_type and field.message_type.name in COLUMNS:
            yield field.name, found


def _fitting(widths: Mapping[str, int], room: int) -> list[str]:
    """Give the columns that fit, in order; the first one always."""
    shown: list[str] = []
    taken = 0
    for name, width in widths.items():
        least = _least(name, width)
        if not shown or taken + least + _GAP <= room:  # rich counts the last gap too
            taken += least + _GAP
            shown.append(name)
    return shown


def _least(name: str, width: int) -> int:
    """Give how narrow a column may become."""
    return min(width, _NARROWEST) if values.may_fold(name) else width


def _width(name: str, texts: Sequence[Text]) -> int:
    return max(cell_len(values.heading(name)), *(text.cell_len for text in texts))
