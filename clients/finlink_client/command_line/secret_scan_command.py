"""`finlink secrets scan`: credentials in files, found without a network."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click

from finlink_client.command_line import failures
from finlink_client.command_line.failures import EXIT_NO, EXIT_USAGE
from finlink_client.command_line.screen import Screen
from finlink_client.command_line.webhook_screen import harmless
from finlink_client.secret_scan import files, streams
from finlink_client.secret_scan.files import Tally
from finlink_client.secret_scan.streams import Finding

_STDIN: Final = "-"
_EXIT_CODES: Final = """\b
Exit codes:
  0  none was found
  1  some were found
  2  none was found, but not everything could be read
"""
_REMEDIES: Final = {
    "client secret": (
        "A client secret ends at once with `finlink secrets report-leaked`, which takes it on"
        " standard input: whoever holds it may do that. `finlink secrets rotate` replaces one"
        " without downtime."
    ),
    "service key": (
        "A service key ends with `finlink service-keys revoke`, by an operator; `finlink"
        " service-keys create` makes the next."
    ),
    "setup token": (
        "A setup token ends with `finlink accounts reset-password`, by an operator, which makes"
        " the next."
    ),
}


@click.command(epilog=_EXIT_CODES)
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(allow_dash=True, readable=False),  # by which a shell completes it
)
@click.option("--binary", is_flag=True, help="Look through binary files in folders too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding, for programs.")
def scan(paths: Sequence[str], *, binary: bool, as_json: bool) -> int:
    """Find client secrets, service keys and setup tokens in files, by format and checksum.

    PATH is a file, a folder with all that is below it, or '-' for standard input.
    What is named is looked into, be it a link, a pipe or binary. In a folder those
    and folders named .git are passed over. Nothing is unpacked: no archive, and no
    UTF-16 without its mark. Nothing is sent anywhere. Shows path:line:column, the
    column in bytes, and the end of what was found, never all of it.
    """
    screen = Screen(as_json=as_json)
    tally, kinds = Tally(), set()
    count = 0
    found = _find(paths, tally, binary=binary)
    with screen.progress("Found so far"):  # until there is something to see
        first = next(found, None)
    for path, finding in itertools.chain([first] if first else [], found):
        count += 1
        kinds.add(finding.format.kind)
        _show(screen, path, finding)
    if not as_json:
        screen.note(_summary(count, tally))
        for kind in sorted(kinds):
            screen.note(_REMEDIES[kind])
    for problem in tally.problems:
        sentence = f"Not looked through: {harmless(problem)}"
        failures.show_sentence(sentence, as_json=as_json, code="NOT_READ")
    if count:
        return EXIT_NO
    return EXIT_USAGE if tally.problems else 0


def _find(paths: Sequence[str], tally: Tally, *, binary: bool) -> Iterator[tuple[str, Finding]]:
    for path in paths:
        if path != _STDIN:
            yield from files.find([path], tally, binary=binary)
            continue
        # What somebody pipes in is looked through, whatever it is.
        blocks = streams.text_blocks(sys.stdin.buffer, binary=True)
        yield from (("<stdin>", finding) for finding in streams.find(blocks or ()))
        tally.files += 1


def _show(screen: Screen, path: str, finding: Finding) -> None:
    if screen.is_json:
        screen.json_line(
            {
                "path": path,
                "line": finding.line,
                "column": finding.column,
                "kind": finding.format.kind,
                "masked": finding.masked,
            }
        )
    else:
        place = f"{harmless(path)}:{finding.line}:{finding.column}"
        screen.print(f"{place}: {finding.format.kind} {finding.masked}")


def _summary(count: int, tally: Tally) -> str:
    passed = [
        (tally.binaries, "binary file{}"),
        (tally.not_files, "link{} or pipe{}"),
        (len(tally.problems), "that could not be read"),
    ]
    told = [
        f"{number} {words.replace('{}', 's' * (number > 1))}" for number, words in passed if number
    ]
    over = f"; passed over {', '.join(told)}" if told else ""
    found = f"Found {count}" if count else "Found no credential"
    return f"{found} in {tally.files} file{'s' * (tally.files != 1)}{over}."
