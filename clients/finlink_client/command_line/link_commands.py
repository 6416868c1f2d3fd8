"""`finlink links explain`: every check of a Link URL, with a tick or a cross."""

from __future__ import annotations

import sys
from typing import Any, Final

import click
import grpc
from rich.text import Text

from finlink_client.command_line import failures, rpc_commands, tables, values
from finlink_client.command_line.connecting import Line, connected, telling_mistakes
from finlink_client.errors import FailedPrecondition

# What remedies say of this command, to who does not run it yet.
_THIS_COMMAND: Final = "; `finlink links explain` shows every check."


@click.command("explain")
@click.argument("url", metavar="URL")
@click.option("--bank-id", help="Tell of this bank whether it would show.")
@connected
def explain(line: Line, url: str, bank_id: str | None) -> int:
    """Tell whether a Link URL would open, and if not, why.

    URL is what an end user opens, or the part after its `?`; - reads it from
    standard input, where no other user of the machine can see the auth token in
    it. Opens and consumes nothing. Exits with 1 if Link would not open.
    """
    with telling_mistakes():
        answer = line.client.links.explain(query=query_of(url), bank_id=bank_id or "")
    if line.screen.is_json:
        line.screen.show(answer)
    else:
        _show(line, answer)
    return failures.EXIT_NO if rpc_commands.is_no(answer) else 0


@click.command("open")
@click.argument("url", metavar="URL")
@click.option("--request-id", help="A UUID that makes a repeat harmless for 24 hours (AIP-155).")
@connected
def begin(line: Line, url: str, request_id: str | None) -> int:
    """Open Link as the widget does, for keys with the role LINK.

    URL as in `finlink links explain`: - reads it from standard input.
    """
    with telling_mistakes():
        answer = line.client.links.open(query=query_of(url), request_id=request_id or "")
    return rpc_commands.show(line, answer)


def query_of(url: str) -> str:
    """Give the query of a URL, undecoded; of a text without `?` all of it."""
    text = sys.stdin.readline().strip() if url == "-" else url
    before, found, query = text.partition("?")
    return (query if found else before).partition("#")[0]


def _show(line: Line, answer: Any) -> None:  # noqa: ANN401 - an ExplainLinkResponse
    screen = line.screen
    tick, cross = ("✓", "✗") if screen.out.encoding.startswith("utf") else ("+", "!")
    if rpc_commands.is_no(answer):
        screen.print(Text(f"{cross} Link would not open.", style="bold red"))
    else:
        screen.print(Text(f"{tick} Link would open.", style="bold green"))
    screen.print("")
    width = max((len(one.name) for one in answer.checks), default=0) + 2
    for check in answer.checks:
        outcome = values.cell(check, "outcome").plain
        mark, style = {"PASSED": (tick, "green"), "FAILED": (cross, "red")}.get(
            outcome, ("-", "dim")
        )
        name = Text.assemble((f"  {mark} ", style), (check.name.ljust(width), style))
        screen.hang(name, Text(check.message, style="" if outcome == "FAILED" else "dim"))
        if outcome == "FAILED":
            screen.hang(Text(" " * (width + 4)), _remedy(check))
    sources = {one.parameter: values.cell(one, "origin") for one in answer.sources}
    rows: list[dict[str, str | Text]] = [
        {"parameter": name, "value": text, "from": sources.get(name, Text())}
        for name, text in tables.fields(answer.parameters)
    ]
    if rows:
        screen.print("")
        screen.rows(rows)
    if answer.ignored_parameters:
        screen.print(Text(f"\nIgnored: {', '.join(answer.ignored_parameters)}", style="yellow"))
    if answer.HasField("bank"):
        shown = values.cell(answer.bank, "visibility")
        screen.print(Text.assemble("\n", answer.bank.bank_id, ": ", shown))


def _remedy(check: Any) -> Text:  # noqa: ANN401 - a LinkCheck
    refusal = FailedPrecondition(
        grpc.StatusCode.FAILED_PRECONDITION, check.message, reason=check.reason
    )
    told = failures.remedy(refusal).replace(_THIS_COMMAND, ".")
    return Text.assemble((check.reason, "bold"), f"  {told}")
