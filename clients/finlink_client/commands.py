"""The commands of `finlink`.

Exit codes: 0 as asked; 1 the demo did not go as told, or one of the webhooks
that `webhooks listen --count` waited for did not verify; 2 wrong usage; 64 plus
the gRPC status code for a call that was refused or failed, as with grpcurl (78:
nothing answers); 130 interrupted.
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import click
import grpc

import finlink_client
from finlink.config import v1
from finlink_client.channel import open_channel
from finlink_client.credential_input import read_credential
from finlink_client.demo.screen import JsonLines, Screen
from finlink_client.demo.stage import Caller, StoryBrokenError
from finlink_client.demo.story import play
from finlink_client.errors import FinlinkError
from finlink_client.webhook_commands import webhooks

EXIT_NOT_AS_TOLD = 1
EXIT_STATUS_BASE = 64
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(finlink_client.__version__, prog_name="finlink")
def finlink() -> None:
    """Speak with a Finlink Config server."""


@finlink.command()
@click.option(
    "--target",
    default="127.0.0.1:50051",
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
    with open_channel(target, root_certificates=_certificates(tls_root)) as channel:
        _meet(channel, target)
        play(channel, _operator(channel), audience)


finlink.add_command(webhooks)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; give its exit code. What goes wrong is one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a tick must not fail on an ASCII terminal
    try:
        exit_code = finlink.main(list(arguments), prog_name="finlink", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
    except StoryBrokenError as broken:
        return _complain(str(broken), EXIT_NOT_AS_TOLD)
    except FinlinkError as error:
        return _complain(str(error), EXIT_STATUS_BASE + error.code.value[0])
    return exit_code if isinstance(exit_code, int) else 0


def _complain(sentence: str, exit_code: int) -> int:
    click.echo(f"finlink: {sentence}", err=True)
    return exit_code


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


def _certificates(file: Path | None) -> bytes | None:
    if file is None:
        return None
    certificates = file.read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in certificates:
        # gRPC would only say that a handshake failed.
        raise click.BadParameter("holds no certificate in PEM.", param_hint="--tls-root")
    return certificates
