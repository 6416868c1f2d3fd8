"""README.md and the pages beside it, taken apart.

A chapter is found by its heading, in whatever page it stands. A block in `sh` that is directly
followed by a block in `text` prints that; `…` stands for anything within its line and, alone on
a line, for any lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args, get_origin

from finlink_server.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent
# Written by people; generated/REFERENCE.md is not, and the changelog tells of what was.
PAGES = {
    name: (REPOSITORY / name).read_text()
    for name in (
        "README.md",
        "clients/GUIDE.md",
        "clients/STORY.md",
        "server/DESIGN.md",
        "server/OPERATING.md",
        "tests/GUARANTEES.md",
    )
}
TEXT = PAGES["README.md"]

# What the recipes have their programs saved as.
SAVED_AS = ("orders.py", "caller.py")

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")
_HERE_DOCUMENT = re.compile(r"<<END(?P<rest>[^\n]*)\n.*?^END$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the block under it says that it prints."""

    language: str
    text: str
    shown: str

    @property
    def command_lines(self) -> list[str]:
        """Logical lines, without what here-documents and single quotes keep from the shell."""
        text = _HERE_DOCUMENT.sub(r"\g<rest>", self.text).replace("\\\n", " ")
        return re.sub(r"'[^']*'", "''", text).splitlines()


def section(heading: str) -> str:
    """Give what stands under a heading of the second or third level: no two are the same."""
    chapter = re.compile(
        rf"^(?P<level>###?) {re.escape(heading)}\n(?P<text>.*?)(?=^(?P=level) |^## |\Z)",
        re.MULTILINE | re.DOTALL,
    )
    found = [one["text"] for page in PAGES.values() for one in chapter.finditer(page)]
    assert len(found) == 1, f"{len(found)} chapters are called {heading}"
    return found[0]


def blocks(text: str, *languages: str) -> list[Block]:
    """Give the blocks in these languages."""
    found = list(_BLOCK.finditer(text))
    return [
        Block(one["language"], one["text"], _shown(text, one, after))
        for one, after in zip_longest(found, found[1:])
        if one["language"] in languages
    ]


def _shown(text: str, block: re.Match[str], after: re.Match[str] | None) -> str:
    is_output = (
        after and after["language"] == "text" and not text[block.end() : after.start()].strip()
    )
    return after["text"] if after and is_output else ""


def prints(shown: str, printed: str) -> bool:
    """Tell whether what was printed is what was shown, but for the amount of white space."""
    pattern = ""
    for words in _tidy(shown):
        if words == "…":
            pattern += "(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, words.split("…"))) + "\n"
    return re.fullmatch(pattern, "".join(f"{words}\n" for words in _tidy(printed))) is not None


def _tidy(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def table(heading: str, first: str) -> list[list[str]]:
    """Give the cells of the table of a section whose first column has this name."""
    rows = [cells(line) for line in _table_lines(section(heading), first)]
    return rows[1:]  # without the line under the column names


def _table_lines(text: str, first: str) -> Iterator[str]:
    _, found, rest = text.partition(f"\n| {first} |")
    assert found, f"no table that begins with {first}"
    for line in rest.splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield line


def cells(line: str) -> list[str]:
    """Give the cells of a table's line."""
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]


def names(cell: str) -> list[str]:
    """Give what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def settings_rows() -> list[list[str]]:
    """Say what the table of settings should hold, from the settings themselves."""
    return [
        [f"`FINLINK_{name.upper()}`", *_default_and_meaning(name)] for name in Config.model_fields
    ]


def _default_and_meaning(name: str) -> tuple[str, str]:
    field = Config.model_fields[name]
    meaning, _, default = (field.description or "").partition(" Default: ")
    if default:
        return default.removesuffix("."), meaning
    limits = {type(limit).__name__: limit for limit in field.metadata}
    if {"Ge", "Le"} <= set(limits):
        between = f"{limits['Ge'].ge} to {limits['Le'].le}"
        meaning = meaning if between in meaning else _with(meaning, between)
    if get_origin(field.annotation) is Literal:
        words = [f"`{word}`" for word in get_args(field.annotation)]
        meaning = meaning if words[-1] in meaning else _with(meaning, ", ".join(words))
    return _written(field.default), meaning


def _with(meaning: str, allowed: str) -> str:
    return f"{meaning.removesuffix('.')}: {allowed}."


def _written(value: object) -> str:
    if value in {None, ()}:
        return ""
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
