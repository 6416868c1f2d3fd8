"""`finlink settings export`, `plan` and `apply`: an app's settings and endpoints as a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from finlink_client.command_line import failures
from finlink_client.command_line.connecting import Line, connected
from finlink_client.command_line.output import OutputLostError
from finlink_client.command_line.webhook_screen import harmless
from finlink_client.errors import FinlinkError
from finlink_client.settings_file import changes, diffs, plans, reader, rehearsal, writer
from finlink_client.settings_file.changes import Done
from finlink_client.settings_file.plans import Plan
from finlink_client.settings_file.problems import SettingsFileError

EXIT_WRONG_FILE: Final = failures.EXIT_STATUS_BASE + 3  # as if the server had said INVALID_ARGUMENT
EXIT_CHANGES: Final = 3
_COLORS: Final = {"+": "green", "-": "red", " ": ""}


def _unicode(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """Refuse what could not be sent before the plan is shown."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("it must be Unicode, and holds half of a character.") from None
    return text


_app_id = click.option("--app-id", help="`app_…`; else the one that the file or the profile names.")
# Its type lets a shell complete it.
_file = click.argument("file", type=click.Path(allow_dash=True, readable=False))
_prune = click.option(
    "--prune", is_flag=True, help="Delete endpoints that the file does not name; else they stay."
)


def _of_file(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command about a file show what is wrong in it."""

    def run(line: Line, *, file: str, **options: Any) -> int:  # noqa: ANN401 - the command's own
        try:
            return command(line, file=file, **options)
        except SettingsFileError as error:
            return _show_problems(line, _name(file), error)

    return update_wrapper(run, command)


@click.command()
@click.option("--app-id", help="`app_…`; else that of the profile.")
@click.option("--with-ids", is_flag=True, help="Write ids too: the file then fits this app alone.")
@connected
def export(line: Line, *, app_id: str | None, with_ids: bool) -> None:
    """Write an app's settings and webhook endpoints as a file, to standard output.

    YAML, or JSON with --json; 'apply' reads both. No secret is in it. Without
    ids it fits another app as well: 'plan' then knows a redirect or an endpoint
    again by its uri, else by its display_name.
    """
    content = writer.content(line.client.settings.get(line.app_id(app_id)), with_ids=with_ids)
    if line.screen.is_json:
        line.screen.json(content)
    else:
        click.echo(writer.write(content), nl=False)


@click.command()
@_file
@_app_id
@_prune
@click.option("--exit-code", is_flag=True, help="Exit with 3 if there is something to change.")
@connected
@_of_file
def plan(line: Line, *, file: str, app_id: str | None, prune: bool, exit_code: bool) -> int:
    """Show what a settings file would change, as a diff. Changes nothing.

    FILE is what 'export' wrote, edited; '-' is standard input. What it does not
    mention stays as it is: to empty something, write it empty ('' or []). The
    server checks the settings as if they were applied.
    """
    found = _plan(line, file, app_id, prune=prune)
    if line.screen.is_json:
        line.screen.json(diffs.as_json(found))
    else:
        _show(line, found)
    return EXIT_CHANGES if exit_code and found.changes_anything else 0


@click.command()
@_file
@_app_id
@_prune
@click.option(
    "--comment",
    default="",
    callback=_unicode,
    help="Why, for whoever reads the versions later.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
@_of_file
def apply(
    line: Line, *, file: str, app_id: str | None, prune: bool, comment: str, yes: bool
) -> int:
    """Change an app to what a settings file says, after showing the plan and asking.

    FILE is as in 'plan'. Each change is made only if what it changes is as the
    plan saw it: whoever was faster is not overwritten, and planning again shows
    what they did. Applying a file twice changes nothing the second time.

    New endpoints' signing secrets are shown once, on standard output. With
    --json there is a line for the plan and one for each change as it is made.
    """
    found = _plan(line, file, app_id, prune=prune)
    if line.screen.is_json:
        line.screen.json_line({"plan": diffs.as_json(found)})
    else:
        _show(line, found)
    if found.changes_anything:
        if not yes:
            _ask(line, file)
        _make(line, found, comment)
    return 0


def _ask(line: Line, file: str) -> None:
    if line.screen.is_json:
        raise click.UsageError("With --json nobody is asked: say --yes if it is meant.")
    if file == "-":
        raise click.UsageError("The file took standard input, where a yes would come from: --yes.")
    line.screen.confirm("Change it?")


def _plan(line: Line, file: str, app_id: str | None, *, prune: bool) -> Plan:
    wanted = reader.read(_content(file))
    if app_id and wanted.app_id and app_id != wanted.app_id:
        raise click.UsageError(
            f"{_name(file)} is of {wanted.app_id} and not of {app_id}: take app_id out of the"
            " file, and it fits any app."
        )
    present = line.client.settings.get(wanted.app_id or line.app_id(app_id))
    found = plans.make(wanted, present, prune=prune)
    rehearsal.rehearse(line.client, wanted, found)
    return found


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"Cannot read {file}: {error.strerror}.") from None


def _show(line: Line, found: Plan) -> None:
    for sign, text in diffs.diff(found):
        line.screen.print(Text(f"{sign} {harmless(text)}", style=_COLORS[sign]))
    line.screen.note(diffs.summary(found))
    for remark in diffs.remarks(found):
        line.screen.note(harmless(remark))
    for redirect_id in found.lost_redirects:
        line.screen.warn(f"Link URLs with id={redirect_id} will be refused: that redirect goes.")


def _make(line: Line, found: Plan, comment: str) -> None:
    done: list[Done] = []
    try:
        for one in changes.make(line.client, found, comment):
            done.append(one)
            _tell(line, one)
    except OutputLostError as lost:
        lost.stands = f"{' '.join(harmless(one.what) for one in done)} That stands all the same."
        raise
    except (FinlinkError, KeyboardInterrupt):
        _say_what_was_done(line, done)
        raise
    finally:
        if any(one.signing_secret for one in done):
            line.screen.warn("Keep each signing_secret now: it is not shown again.")


def _tell(line: Line, done: Done) -> None:
    if line.screen.is_json:
        line.screen.json_line({"done": done.as_json()})
        return
    line.screen.print(harmless(done.what))
    if done.signing_secret:
        line.screen.print(f"  signing_secret: {done.signing_secret}")


def _say_what_was_done(line: Line, done: list[Done]) -> None:
    """Say what stands where a change failed in the middle. JSON has told it line by line."""
    if done and not line.screen.is_json:
        told = " ".join(one.what for one in done)
        line.screen.warn(
            f"Done before it was cut off: {harmless(told)} That stays. Apply the file again:"
            " it goes on from there."
        )


def _show_problems(line: Line, name: str, error: SettingsFileError) -> int:
    sentences = [f"{name}:{harmless(str(one))}" for one in error.problems]
    code = "FILE_INVALID"
    if line.screen.is_json:
        failures.show_sentence("\n".join(sentences), as_json=True, code=code)
    else:
        for sentence in sentences:
            failures.show_sentence(sentence, as_json=False, code=code)
        line.screen.note("Nothing was changed.")
    return EXIT_WRONG_FILE


def _name(file: str) -> str:
    return "standard input" if file == "-" else file
