"""Shows the demo: to a person with colours, to a program as JSON lines."""

import json
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from finlink_client.demo.stage import Outcome, Step

# As wide as the longest of each, so that the steps stand under each other.
NUMBER_WIDTH, WHO_WIDTH, RPC_WIDTH = 2, 9, 20
ANSWER_INDENT = NUMBER_WIDTH + WHO_WIDTH + 2

OUTCOME = "outcome"  # a column shown as marks, under no head
PATH = "path"  # a column never folded: the path of a field is one word

WHO_STYLES = {
    "operator": "magenta",
    "customer": "cyan",
    "server": "blue",
    "verifier": "green",
    "link": "bright_blue",
    "publisher": "bright_magenta",
    "receiver": "bright_cyan",
    "finder": "bright_green",
}


class Screen:
    """For people: two lines a step, coloured on a terminal, plain in a pipe."""

    def __init__(self, out: TextIO) -> None:
        """Show on `out`."""
        self._console = Console(file=out, highlight=False)
        unicode = self._console.encoding.startswith("utf")
        self._as_told, self._not_as_told = ("✓", "✗") if unicode else ("+", "!")
        self._outcomes = {
            "PASSED": Text(self._as_told, style="green"),
            "FAILED": Text(self._not_as_told, style="red"),
            "NOT_REACHED": Text("-", style="dim"),
        }

    def chapter(self, title: str) -> None:
        """Head the steps that follow."""
        self._console.print()
        self._console.print(Text(title, style="bold"))

    def asked(self, step: Step) -> None:
        """Show who asks what, before the answer is there."""
        lead = Text.assemble(
            (f"{step.number:>{NUMBER_WIDTH}} ", "dim"),
            (step.who.ljust(WHO_WIDTH + 1), WHO_STYLES.get(step.who, "")),
            (step.rpc.ljust(RPC_WIDTH + 1), "bold"),
        )
        self._hang(lead, Text(step.asked))

    def answered(self, step: Step) -> None:
        """Show the answer under the question."""
        if step.outcome is Outcome.ANSWERED:
            self._answer(Text(self._as_told, style="green"), Text(step.answer))
        elif step.outcome in {Outcome.REFUSED, Outcome.SKIPPED}:
            refused = Text.assemble((f"{step.outcome} ", "yellow"), (step.reason, "bold yellow"))
            refused.append(f"  {step.answer}", style="yellow")
            mark = "-" if step.outcome is Outcome.SKIPPED else self._as_told
            self._answer(Text(mark, style="yellow"), refused)
        else:
            came = Text.assemble(("expected ", "red"), (step.expected, "bold red"))
            came.append(f", but came {step.answer}", style="red")
            self._answer(Text(self._not_as_told, style="bold red"), came)
        if step.rows:
            self._console.print(Padding(self._table(step.rows), (0, 0, 0, NUMBER_WIDTH + 1)))

    def finished(self, steps: int, farewell: str) -> None:
        """Say that all is well, and what stays behind."""
        self._console.print()
        text = Text(f"{self._as_told} ", style="bold green")
        text.append(f"All {steps} steps went as the story tells.")
        self._console.print(text)
        self._console.print(Text(farewell, style="dim"))

    def _table(self, rows: list[dict[str, str]]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name in rows[0]:
            head = "" if name == OUTCOME else name
            table.add_column(head, overflow="fold", no_wrap=name == PATH)
        for row in rows:
            table.add_row(*(self._cell(name, value) for name, value in row.items()))
        return table

    def _cell(self, name: str, value: str) -> Text:
        if name == OUTCOME:
            return self._outcomes.get(value, Text(value))
        return Text(value)

    def _answer(self, mark: Text, answer: Text) -> None:
        self._hang(Text.assemble(" " * ANSWER_INDENT, mark, " "), answer)

    def _hang(self, lead: Text, text: Text) -> None:
        """Print a text whose further lines stand under its first."""
        width = max(self._console.width - lead.cell_len, RPC_WIDTH)
        for line in text.wrap(self._console, width):
            line.rstrip()
            self._console.print(lead + line, soft_wrap=True)
            lead = Text(" " * lead.cell_len)


class JsonLines:
    """For programs: one JSON object a step, and nothing else."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out

    def chapter(self, title: str) -> None:
        """Nothing: every step names its chapter."""

    def asked(self, step: Step) -> None:
        """Nothing: the answer comes with what was asked."""

    def answered(self, step: Step) -> None:
        """Write the whole step, at once, so that a reader can follow."""
        print(json.dumps(step.as_dict(), ensure_ascii=False), file=self._out, flush=True)

    def finished(self, steps: int, farewell: str) -> None:
        """Nothing: the exit code says it."""
