"""`finlink webhooks …`: try webhooks out on the developer's machine."""

import itertools
import re
import sys
from collections import Counter
from queue import Queue

import click

from finlink_client.command_line.secret_input import read_credential
from finlink_client.command_line.webhook_screen import WebhookJsonLines, WebhookScreen
from finlink_client.webhook_receiver import Arrival, Receiver
from finlink_client.webhooks import WebhookError, read_signing_secrets

EXIT_NOT_VERIFIED = 1


@click.command()
@click.option(
    "--listen",
    "address",
    default="127.0.0.1:8010",
    show_default=True,
    help="Where to listen, as host:port; port 0 takes a free one.",
)
@click.option(
    "--status",
    type=click.IntRange(200, 599),
    default=204,
    show_default=True,
    help="Answer webhooks that verify with this: 500 brings them again, 410 disables the endpoint.",
)
@click.option("--count", type=click.IntRange(min=1), help="End after so many webhooks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per webhook, for programs.")
def listen(address: str, status: int, count: int | None, *, as_json: bool) -> int:
    """Verify and print the webhooks that arrive, until Ctrl-C.

    Needs the endpoint's signing secret: from the environment variable
    FINLINK_SIGNING_SECRET, a hidden prompt or a pipe; never as an argument,
    which other users of the machine could read. Several, during a rotation, are
    parted by commas or spaces. What does not verify is answered with 401.

    With --count it exits with 0 if all of them verified, else with 1.
    """
    host, port = _split(address)
    signing_secrets = _signing_secrets()
    screen = WebhookJsonLines(sys.stdout) if as_json else WebhookScreen(sys.stdout)
    try:
        receiver = Receiver(host, port, signing_secrets, status, count)
    except OSError as error:
        raise click.BadParameter(
            f"cannot listen on {address}: {error.strerror}. Give another address, or port 0 for"
            " one that is free.",
            param_hint="--listen",
        ) from None
    _say_what_next(receiver.uri, len(signing_secrets))
    with receiver.answering():
        exit_code = _show(receiver.arrivals, count, screen)
        receiver.arrivals.join()  # until the last one is answered
        return exit_code


def _show(
    arrivals: Queue[Arrival], count: int | None, screen: WebhookScreen | WebhookJsonLines
) -> int:
    seen: Counter[str] = Counter()
    all_verified = True
    for _ in range(count) if count else itertools.count():
        arrival = arrivals.get()
        if arrival.event:
            screen.show(arrival, seen[arrival.id])
            seen[arrival.id] += 1
        else:
            screen.show(arrival, 0)  # whose id it bears, nobody can tell
            all_verified = False
    return 0 if all_verified else EXIT_NOT_VERIFIED


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise click.BadParameter("must be host:port, as 127.0.0.1:8010.", param_hint="--listen")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _signing_secrets() -> list[str]:
    given = read_credential(
        "FINLINK_SIGNING_SECRET",
        "Signing secret of the endpoint",
        "No signing secret: set FINLINK_SIGNING_SECRET, or give it on standard input. "
        "CreateEndpoint and RotateSigningSecret show it, once.",
    )
    found = [one for one in re.split(r"[,\s]+", given) if one]
    try:
        read_signing_secrets(found)
    except WebhookError as error:
        raise click.UsageError(str(error)) from None
    return found


def _say_what_next(uri: str, secrets: int) -> None:
    click.echo(
        f"Listening on {uri} with {secrets} signing secret{'s' * (secrets > 1)}; Ctrl-C stops it.\n"
        f"The endpoint's uri must be {uri} (CreateEndpoint, UpdateEndpoint); SendTestEvent sends"
        " it an event.\n"
        "The server must be allowed to reach it: `finlink-server serve --demo` may reach loopback,"
        " any other needs FINLINK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8.",
        err=True,
    )
