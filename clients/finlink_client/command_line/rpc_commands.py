"""One command for each RPC: its options out of the request, its screen out of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import click

from finlink_client.command_line import rpc_options, rpc_requests
from finlink_client.command_line.connecting import Line, connected, telling_mistakes
from finlink_client.command_line.failures import EXIT_NO
from finlink_client.command_line.output import OutputLostError, stands_unseen
from finlink_client.command_line.rpcs import Rpc

_PAGE: Final = 500  # the service gives no more at once
# They take long enough for somebody to wonder.
_LONG: Final = {"VerifyAuditLog", "RedeliverEvents", "DeleteApp"}


def command_of(rpc: Rpc) -> click.Command:
    """Make the command of an RPC."""

    def run(line: Line, *, limit: int | None = None, **typed: Any) -> int:  # noqa: ANN401
        fields = rpc_requests.fields(rpc, line, typed)
        method = getattr(getattr(line.client, rpc.noun), rpc.verb)
        if rpc.pages:
            fields["page_size"] = min(limit or _PAGE, _PAGE)
            with telling_mistakes():  # pages are asked for when they are shown
                line.screen.list(islice(method(**fields), limit))
            return 0
        with telling_mistakes():
            answer = answer_of(rpc, line, method, fields)
        return show(line, answer)

    command = click.command(rpc.command[1], help=_help(rpc))(connected(run))
    command.params = [*rpc_options.parameters(rpc), *command.params]
    return command


def answer_of(rpc: Rpc, line: Line, method: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401
    """Call, and say meanwhile that something goes on where that takes long."""
    if rpc.rpc not in _LONG:
        return method(**fields)
    with line.screen.progress("Waiting for the answer"):
        return method(**fields)


def show(line: Line, answer: Any) -> int:  # noqa: ANN401 - any message
    """Show an answer; give the exit code that tells a no."""
    from finlink_client.command_line import values  # noqa: PLC0415 - help needs no tables

    shown_once = [one.name for one in answer.DESCRIPTOR.fields if values.is_secret(one)]
    try:
        line.screen.show(answer)
    except OutputLostError as lost:
        if shown_once:
            lost.stands = stands_unseen(answer, shown_once)
        raise
    if not answer.DESCRIPTOR.fields:
        line.screen.note("Done.")
    if shown_once:
        line.screen.warn(f"Keep {' and '.join(shown_once)} now: it is not shown again.")
    return EXIT_NO if is_no(answer) else 0


def is_no(answer: Any) -> bool:  # noqa: ANN401 - any message
    """Tell whether an answer is a no, as a script would ask."""
    match answer.DESCRIPTOR.name:
        case "ValidateSessionResponse":
            return not answer.active or bool(answer.missing_scopes)
        case "BatchValidateSessionsResponse":
            return any(is_no(one) for one in answer.results)
        case "VerifyAuditLogResponse":
            return bool(answer.HasField("first_problem"))
        case "ExplainLinkResponse":
            verdict = answer.DESCRIPTOR.fields_by_name["verdict"].enum_type
            return bool(verdict.values_by_number[answer.verdict].name.endswith("_REJECTED"))
    return False


def _help(rpc: Rpc) -> str:
    """Say what the protos say, and where its secrets come from."""
    parts = rpc.said.replace("RetryInfo", "the error").split("\n\n")
    parts = [f"\b\n{one}" if "\n- " in one or one.startswith("- ") else one for one in parts]
    return "\n\n".join([*parts, *_said_of_secrets(rpc)]).replace("`", "")


def _said_of_secrets(rpc: Rpc) -> Iterator[str]:
    for place in rpc_options.secrets(rpc):
        variable = rpc_requests.variable(rpc, place)
        where = "" if len(place.path) > 1 else ", a hidden prompt or a line of a pipe"
        yield f"Takes {place.field.name} from {variable}{where}; never as an argument."
