"""`finlink secrets revoke`: looks before it ends anything."""

from __future__ import annotations

import os
import sys
from datetime import UTC
from typing import Any, Final

import click

from finlink_client.command_line.connecting import Line, connected, telling_mistakes
from finlink_client.command_line.rpc_commands import show
from finlink_client.command_line.secret_input import read_secret
from finlink_client.command_line.values import cell, time

_PASSWORD = "FINLINK_PASSWORD"  # noqa: S105 - the name of a variable
_ENDED: Final = {"REVOKED", "EXPIRED"}


@click.command("revoke")
@click.argument("secret_id", metavar="SECRET_ID")
@click.option("--yes", is_flag=True, help="Do not show what would end, and do not ask.")
@click.option(
    "--validate-only",
    is_flag=True,
    help="Change nothing, and tell what would end. The password is checked all the same.",
)
@connected
def revoke(line: Line, secret_id: str, *, yes: bool, validate_only: bool) -> int:
    """End a secret for good, and the session that it opened.

    Shows first what would end, and when it was last used; then asks for the
    account's password, which is the yes. A password that stands in
    FINLINK_PASSWORD or comes from a pipe is none: say --yes then. Revoking a
    secret that has ended changes nothing.
    """
    if not (yes or validate_only):
        if line.screen.is_json:
            raise click.UsageError("With --json nobody is asked: say --yes if it is meant.")
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to ask: say --yes if it is meant.")
        with telling_mistakes():
            secret = line.client.secrets.get(secret_id)
        state = cell(secret, "state").plain
        if state in _ENDED:
            line.screen.describe(secret)
            ended = secret.revoke_time if state == "REVOKED" else secret.expire_time
            when = time(ended.ToDatetime(UTC))
            line.screen.note(f"It ended at {when} ({state}): nothing would change.")
            return 0
        _show_what_would_end(line, secret)
        if os.environ.get(_PASSWORD):
            line.screen.confirm("End it for good?")
    password = read_secret(_PASSWORD, "password")
    with telling_mistakes():
        answer = line.client.secrets.revoke(
            secret_id, password=password, validate_only=validate_only
        )
    return show(line, answer)


def _show_what_would_end(line: Line, secret: Any) -> None:  # noqa: ANN401 - a Secret
    sessions = [
        one
        for one in line.client.sessions.list(secret.app_id, active_only=True)
        if one.secret_id == secret.id
    ]
    screen = line.screen
    screen.err.print("This would end, for good:", style="bold", highlight=False)
    screen.describe(secret)
    if secret.HasField("last_use_time"):
        screen.warn(f"Last used at {time(secret.last_use_time.ToDatetime())}.")
    else:
        screen.note("It was never used.")
    for one in sessions:
        screen.warn(
            f"With it ends session {one.id}, which began at {time(one.create_time.ToDatetime())}."
        )
    if not sessions:
        screen.note("It has no active session.")
    screen.note("Auth tokens of Link that its sessions made stay good: they are the app's.")
