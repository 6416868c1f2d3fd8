"""What went wrong, as sentences for people or as one JSON object, and the exit code for it."""

from __future__ import annotations

import json
import re
import sys
import traceback
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import click

from finlink_client.command_line import rpcs

if TYPE_CHECKING:
    from finlink_client.errors import FinlinkError

EXIT_NO: Final = 1  # it was done, and the answer is no
EXIT_USAGE: Final = 2
EXIT_STATUS_BASE: Final = 64  # plus the status code, as with grpcurl
EXIT_INTERRUPTED: Final = 130

# Where the client's remedy speaks to somebody who writes a program.
_REMEDIES: Final = {
    "CREDENTIAL_MISSING": (
        "Say who you are: `finlink login` as a customer, or FINLINK_SERVICE_KEY, or"
        " FINLINK_CLIENT_ID and FINLINK_CLIENT_SECRET, or a profile (`finlink profiles set`)."
    ),
    "CREDENTIAL_INVALID": (
        "Sign in again with `finlink login`, or correct the credential of the profile or of the"
        " environment."
    ),
    "SESSION_INACTIVE": "Use a client secret that is live, which nobody else opens sessions with.",
    "ACCOUNT_TOKEN_REQUIRED": "Sign in as the customer: `finlink login`.",
    "SCOPE_MISSING": "Use a client secret that grants the scope.",
    "REQUEST_UNREADABLE": "Update this command to the version of the service.",
    "REQUEST_ID_REUSED": "Use a new UUID for each request, or leave --request-id out.",
    "METHOD_UNKNOWN": "The server is older than this command: update it.",
    "DEADLINE_PASSED": "Try again with a longer --timeout: nothing was done.",
}
_IN_THE_HISTORY: Final = (
    "A credential stood among the arguments: it is in the shell's history now, and others of this"
    " machine could read it. Give it on standard input or in a variable, and replace this one."
)
# What every error has as JSON, also where the service was not asked.
_SAYS_NOTHING: Final[dict[str, Any]] = {
    "code": "",
    "reason": "",
    "message": "",
    "remedy": "",
    "facts": {},
    "field_violations": [],
    "retry_delay_seconds": None,
    "call_id": "",
}
_CALL_OF_THE_CLIENT: Final = re.compile(r"\b([a-z_]+)\.([a-z_]+)\b")


def exit_code(error: FinlinkError) -> int:
    """Give the exit code of a call that was refused or failed."""
    number: int = error.code.value[0]
    return EXIT_STATUS_BASE + number


def remedy(error: FinlinkError) -> str:
    """Say what to do, in words of the command line; nothing where the message does."""
    from finlink_client.errors import tells_what_to_do  # noqa: PLC0415 - imports gRPC

    if error.reason and error.reason not in _REMEDIES and tells_what_to_do(error.message):
        return ""
    return _typed(_REMEDIES.get(error.reason) or error.remedy)


def _typed(said: str) -> str:
    """Name commands where the client's methods are named."""
    known = {(one.noun, one.verb) for one in rpcs.every()}

    def command(found: re.Match[str]) -> str:
        noun, verb = found.groups()
        if (noun, verb) not in known:
            return found[0]
        return f"`finlink {rpcs.hyphened(noun)} {rpcs.hyphened(verb)}`"

    return _CALL_OF_THE_CLIENT.sub(command, said)


def show(error: Exception, *, as_json: bool) -> int:
    """Show what a command raised, if it is of those that are told; give the exit code."""
    # Here and not above: they import gRPC, which has been done where one of them was raised.
    from finlink_client.demo.stage import StoryBrokenError  # noqa: PLC0415
    from finlink_client.errors import FinlinkError  # noqa: PLC0415

    if isinstance(error, FinlinkError):
        return show_refusal(error, as_json=as_json)
    if isinstance(error, StoryBrokenError):
        show_sentence(str(error), as_json=as_json, code="NOT_AS_TOLD")
        return EXIT_NO
    if _is_of_a_request(error):
        return show_mistake(click.UsageError(str(error)), as_json=as_json)
    raise error


def _is_of_a_request(error: Exception) -> bool:
    """Tell what the client refuses to send, which was typed so, from what is broken here."""
    if not isinstance(error, TypeError | ValueError):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames[-1].f_globals["__name__"] == "finlink_client.messages")


def show_refusal(error: FinlinkError, *, as_json: bool) -> int:
    """Show a call that was refused or failed; give the exit code."""
    if as_json:
        _show_json(
            code=error.code.name,
            reason=error.reason,
            message=error.message,
            remedy=remedy(error),
            facts=dict(error.facts),
            field_violations=[one._asdict() for one in error.field_violations],
            retry_delay_seconds=error.retry_delay and error.retry_delay.total_seconds(),
            call_id=error.call_id,
        )
        return exit_code(error)
    message = error.message or "The call failed and the answer does not say why."
    lines = [f"{one.field}: {one.expected}" for one in error.field_violations]
    lines = [one for one in lines if one not in message]
    if remedy(error):
        lines.append(remedy(error))
    if error.retry_delay is not None:
        lines.append(f"Try again in {error.retry_delay.total_seconds():g} s.")
    marks = [error.code.name, error.reason, error.call_id and f"call {error.call_id}"]
    _show(message, lines, ", ".join(mark for mark in marks if mark))
    return exit_code(error)


def show_mistake(error: click.ClickException, *, as_json: bool) -> int:
    """Show that a command cannot be run as it was typed; give the exit code."""
    if as_json:
        _show_json(code="USAGE", message=_without_credentials(error.format_message()))
    else:
        shown = StringIO()
        error.show(shown)
        click.echo(_without_credentials(shown.getvalue().rstrip("\n")), err=True)
    return EXIT_USAGE  # also where click would say 1, which means that the answer is no


def _without_credentials(said: str) -> str:
    """Leave out what was typed by mistake and must not stand there: screens are shared."""
    from finlink_client.secret_scan import formats  # noqa: PLC0415 - only where something is wrong

    masked = formats.masked(said)
    return masked if masked == said else f"{masked}\n{_IN_THE_HISTORY}"


def show_sentence(sentence: str, *, as_json: bool, code: str) -> None:
    """Show what the service did not say."""
    if as_json:
        _show_json(code=code, message=sentence)
    else:
        _show(sentence, [], "")


def _show_json(**facts: Any) -> None:  # noqa: ANN401 - what JSON can hold
    click.echo(json.dumps({"error": {**_SAYS_NOTHING, **facts}}, ensure_ascii=False), err=True)


def _show(message: str, lines: list[str], marks: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - only where something goes wrong
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(file=sys.stderr, highlight=False)
    console.print(Text.assemble(("finlink: ", "bold red"), message), soft_wrap=True)
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)
    if marks:
        console.print(Text(f"  [{marks}]", style="dim"), soft_wrap=True)
