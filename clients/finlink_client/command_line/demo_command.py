"""`finlink demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import grpc

from finlink.config import v1
from finlink_client.channel import open_channel
from finlink_client.command_line.connecting import TARGET, certificates
from finlink_client.command_line.secret_input import read_credential
from finlink_client.demo.screen import JsonLines, Screen
from finlink_client.demo.stage import Caller
from finlink_client.demo.story import play
from finlink_client.errors import FinlinkError


@click.command()
@click.option(
    "--target",
    default=TARGET,
    show_default=True,
    help="The server, as host:port. Plaintext on loopback, TLS elsewhere.",
)
@click.option(
    "--tls-root",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate authorities to trust (PEM) in place of the system's; TLS on loopback too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per step, for programs.")
def demo(target: str, tls_root: Path | None, *, as_json: bool) -> None:
    """Play the service's whole story against a running server.

    Needs a service key with the role OPERATOR: from the environment variable
    OPERATOR_KEY, or from standard input; never as an argument, which other
    users of the machine could read. Makes an account of its own, checks every
    answer and every refusal, and cleans up. For a moment it says of one bank
    that it is DOWN, which the widgets of every app of the server then show.
    """
    audience = JsonLines(sys.stdout) if as_json else Screen(sys.stdout)
    root = certificates(tls_root) if tls_root else None
    with open_channel(target, root_certificates=root) as channel:
        _meet(channel, target)
        play(channel, _operator(channel), audience)


def _meet(channel: grpc.Channel, target: str) -> None:
    """Make sure that a Finlink Config server answers, before the first question."""
    try:
        v1.SessionServiceStub(channel).ListSigningKeys(v1.ListSigningKeysRequest())
    except grpc.RpcError as error:
        failure = FinlinkError.of(error)
        if not failure.reason:
            failure.message = f"No Finlink Config server answers at {target}: {failure.message}"
        raise failure from error


def _operator(channel: grpc.Channel) -> Caller:
    key = read_credential(
        "OPERATOR_KEY",
        "Service key of an operator",
        "No operator's service key: set OPERATOR_KEY, or give it on standard input. "
        "'finlink-server service-key create --name demo --role OPERATOR' makes one.",
    )
    try:
        return Caller("operator", channel, key)
    except ValueError as error:
        raise click.UsageError(f"The operator's service key: {error}") from None
