"""The commands of `finlink`, and what becomes of what goes wrong in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from finlink_client.command_line import failures, output
from finlink_client.command_line.nouns import LazyGroup, Noun, load, show_help
from finlink_client.command_line.output import OutputLostError

_EXIT_CODES: Final = """\b
Exit codes:
  0     done
  1     done, and the answer is no: a token is not active, a Link does not open
  2     wrong usage
  4     done or not, but the answer could not be written
  64+N  refused or failed with gRPC's status N, as with grpcurl:
        67 invalid argument     73 not in this state
        69 not found            74 changed by somebody else
        71 not allowed          78 nothing answers
        72 too much at once     80 no valid credential
  130   interrupted
  141   who read the answer went away, as with head
"""
# The nouns, by what people come for.
SECTIONS: Final = {
    "Customers": {
        "accounts": "Customers: sign in, passwords, and what operators do with them.",
        "apps": "A customer's apps.",
        "audit": "Who did what, and whether the record is whole.",
    },
    "Credentials": {
        "secrets": "Client secrets: make, rotate, revoke.",
        "sessions": "API sessions, which client secrets open.",
        "service-keys": "Credentials of the platform's services.",
        "signing-keys": "The keys that sign tokens.",
    },
    "Link": {
        "links": "Opened Link instances, and why a Link URL opens or does not.",
        "link-tokens": "Auth tokens, which hold a Link's parameters.",
        "settings": "What an app's widget looks like and may do, in versions.",
        "banks": "The catalogue of banks.",
    },
    "Webhooks": {
        "endpoints": "Where an app's events are sent to.",
        "events": "What happened.",
        "deliveries": "What was sent to whom, and every attempt.",
        "webhooks": "Receive webhooks on this machine.",
    },
    "This command line": {
        "profiles": "Servers and credentials, under names.",
    },
}
# What is no noun: where it stands, and what it does in a line.
OTHERS: Final = {
    "login": ("profile_commands:login", "Sign in as a customer, for 12 hours."),
    "logout": ("profile_commands:logout", "End that."),
    "watch": ("watch_commands:watch", "Show what ends and what changes, as it happens."),
    "completion": ("completion:completion", "Let a shell complete commands."),
    "demo": ("demo_command:demo", "Play the service's whole story against a running server."),
}


class Finlink(LazyGroup):
    """The command itself. A noun's singular is understood too: `finlink secret get`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the nouns, and what is none."""
        del ctx
        return [*(noun for nouns in SECTIONS.values() for noun in nouns), *OTHERS]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Tell who says --json first where it stands."""
        if args[:1] == ["--json"]:
            raise click.UsageError("--json stands after the command: `finlink apps list --json`.")
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make a noun's group."""
        del ctx
        if cmd_name in OTHERS:
            return load(OTHERS[cmd_name][0])
        for nouns in SECTIONS.values():
            for name in (cmd_name, f"{cmd_name}s"):
                if name in nouns:
                    return Noun(name, nouns[name])
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the nouns, in their sections."""
        del ctx
        for title, nouns in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(nouns.items()))
        with formatter.section("Others"):
            formatter.write_dl([(name, said) for name, (_, said) in OTHERS.items()])


def _show_version(context: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001 - click calls it so
    if is_asked:
        from finlink_client import __version__  # noqa: PLC0415 - as late as can be

        click.echo(f"finlink, version {__version__}")
        context.exit()


@click.group(
    cls=Finlink,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_CODES,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def finlink() -> None:
    """Speak with a Finlink Config server."""
    show_help()


def run(arguments: Sequence[str]) -> int:
    """Run one command line; give its exit code. What goes wrong is said on stderr."""
    as_json = "--json" in arguments
    if not output.prepare():
        said = "Standard output is closed: give it a place, such as a file. Nothing was done."
        failures.show_sentence(said, as_json=as_json, code="USAGE")
        return failures.EXIT_USAGE
    try:
        exit_code = finlink.main(list(arguments), prog_name="finlink", standalone_mode=False)
        sys.stdout.flush()
    except OutputLostError as lost:
        output.give_up()
        if lost.sentence:
            failures.show_sentence(lost.sentence, as_json=as_json, code="NOT_WRITTEN")
        return lost.exit_code
    except click.ClickException as error:
        return failures.show_mistake(error, as_json=as_json)
    except click.Abort:
        return failures.EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - raised again unless it is one that is told
        return failures.show(error, as_json=as_json)
    return exit_code if isinstance(exit_code, int) else 0
