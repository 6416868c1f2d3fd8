"""What commands show: tables and records to people, JSON to programs.

On a terminal as wide as it is and in colour, elsewhere plain and unfolded. Rich sees to that,
NO_COLOR included.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from finlink_client.command_line import tables

_FEW: Final = 500  # things, which come as one page
_UNFOLDED: Final = 100_000  # columns of what is no terminal


class Screen:
    """Results on stdout, everything that is said about them on stderr."""

    def __init__(self, *, as_json: bool) -> None:
        """Show on the process's own streams."""
        self.is_json = as_json
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    def show(self, message: Message) -> None:
        """Show one message: a thing, or an answer as it is."""
        if self.is_json:
            self.json(as_dict(message))
        else:
            self._tell_left_out(tables.record(self.out, message))

    def list(self, messages: Iterable[Message]) -> None:
        """Show a list of things of one kind. As JSON it is one array."""
        found = []
        with self.progress("Reading", after=_FEW) as tell:
            for one in messages:
                found.append(one)
                tell(len(found))
        if self.is_json:
            self.json([as_dict(one) for one in found])
        elif found:
            self._tell_left_out(tables.things(self.out, found))
        else:
            self.note("There are none.")

    def rows(self, rows: Sequence[Mapping[str, str | Text]]) -> None:
        """Show what is no message: a table, or an array of objects."""
        if self.is_json:
            self.json([{name: str(value) for name, value in row.items()} for row in rows])
        elif rows:
            texts = [{name: _text(value) for name, value in row.items()} for row in rows]
            self._tell_left_out(tables.table(self.out, texts))
        else:
            self.note("There are none.")

    def json(self, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Write a JSON document."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def json_line(self, value: Any) -> None:  # noqa: ANN401 - the same
        """Write one of several JSON documents, at once."""
        click.echo(json.dumps(value, ensure_ascii=False))  # which flushes

    def print(self, text: str | Text) -> None:
        """Print a line for people. What is longer than the terminal is left to it to fold."""
        self.out.print(_text(text), soft_wrap=True)

    def hang(self, lead: Text, text: Text) -> None:
        """Print a text whose further lines stand under its first."""
        tables.hang(self.out, lead, text)

    def describe(self, message: Message) -> None:
        """Tell on stderr of the thing that a question is about."""
        tables.record(self.err, message)

    def note(self, text: str) -> None:
        """Say something about the result, on stderr."""
        self.err.print(Text(text, style="dim"), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what somebody must not miss, on stderr."""
        self.err.print(Text(text, style="bold yellow"), soft_wrap=True)

    def confirm(self, question: str) -> None:
        """Ask on stderr, and go on only after a yes. Raises Abort after a no."""
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to ask: say --yes if it is meant.")
        if not click.confirm(question, err=True):
            self.note("Nothing was changed.")
            raise click.Abort

    @contextmanager
    def progress(self, doing: str, *, after: int = 0) -> Iterator[Callable[[int], None]]:
        """Say on a terminal that something goes on; what it gives takes how much is done.

        Only once more than `after` is done: what is there in a moment need not flicker.
        """
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:.0f}"),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
            disable=not self.err.is_terminal,
        )
        task = progress.add_task(doing, total=None)

        def tell(done: int) -> None:
            progress.update(task, completed=done)
            if done > after:
                progress.start()

        if not after:
            progress.start()
        try:
            yield tell
        finally:
            progress.stop()

    def _tell_left_out(self, columns: Sequence[str]) -> None:
        if columns:
            self.note(f"No room for {', '.join(columns)}: widen the terminal, or say --json.")


def as_dict(message: Message) -> dict[str, Any]:
    """Give a message as JSON has it: the protos' names, and fields that are empty too."""
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNFOLDED
    return Console(file=stream, highlight=False, markup=False, width=width)


def _text(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(value)
