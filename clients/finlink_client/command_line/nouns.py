"""The groups `finlink <noun>`: made when they are asked for, so that the others cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

import click
from click.exceptions import NoSuchCommand

from finlink_client.command_line import rpcs

# Commands that were written by hand: where they stand, and what they do in a line. Those with
# an RPC's name stand in place of the one that is made of it.
HAND_MADE: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("secrets", "revoke"): (
        "secret_commands:revoke",
        "Ends a secret for good, and the session that it opened.",
    ),
    ("secrets", "scan"): (
        "secret_scan_command:scan",
        "Finds credentials in files, by format and checksum, without a network.",
    ),
    ("sessions", "watch-revocations"): (
        "watch_commands:watch_revocations",
        "Tells which sessions and signing keys end before their time.",
    ),
    ("settings", "watch"): (
        "watch_commands:watch_settings",
        "Tells of every new version of apps' settings.",
    ),
    ("settings", "export"): (
        "settings_file_commands:export",
        "Writes an app's settings and webhook endpoints as a file.",
    ),
    ("settings", "plan"): (
        "settings_file_commands:plan",
        "Shows what a settings file would change, as a diff.",
    ),
    ("settings", "apply"): (
        "settings_file_commands:apply",
        "Changes an app to what a settings file says.",
    ),
    ("links", "explain"): (
        "link_commands:explain",
        "Tells whether a Link URL would open, and if not, why.",
    ),
    ("links", "open"): ("link_commands:begin", "Opens Link, as the widget does."),
    ("profiles", "set"): ("profile_commands:put", "Makes a profile, or changes it."),
    ("profiles", "list"): ("profile_commands:show", "Lists the profiles."),
    ("profiles", "remove"): ("profile_commands:remove", "Forgets a profile."),
    ("webhooks", "listen"): (
        "webhook_commands:listen",
        "Verify and print the webhooks that arrive, until Ctrl-C.",
    ),
}
_PACKAGE: Final = "finlink_client.command_line"


def show_help() -> None:
    """Show what there is, to whoever names nothing of it: that is a question and no mistake."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


class LazyGroup(click.Group):
    """A group that makes its commands when they are asked for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for one that there is not, click itself would know none like it."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, None, self.list_commands(ctx), ctx) from None


class Noun(LazyGroup):
    """The commands about one noun."""

    def __init__(self, name: str, said: str) -> None:
        """Make none of its commands yet."""
        super().__init__(name, help=said, callback=show_help, invoke_without_command=True)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the verbs: those of the RPCs, then those beside them."""
        del ctx
        noun = str(self.name)
        beside = [verb for owner, verb in HAND_MADE if owner == noun]
        return list(dict.fromkeys([*rpcs.by_command(noun), *beside]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make a verb's command."""
        del ctx
        noun = str(self.name)
        if (noun, cmd_name) in HAND_MADE:
            return load(HAND_MADE[noun, cmd_name][0])
        rpc = rpcs.by_command(noun).get(cmd_name)
        if rpc is None:
            return None
        return load("rpc_commands:command_of", rpc)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs, without making their commands."""
        noun = str(self.name)
        known = rpcs.by_command(noun)
        rows = []
        for verb in self.list_commands(ctx):
            made_by_hand = HAND_MADE.get((noun, verb))
            said = made_by_hand[1] if made_by_hand else rpcs.first_sentence(known[verb].said)
            rows.append((verb, said))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load(place: str, *arguments: object) -> click.Command:
    """Import a command, or the function that makes it: `file:name`."""
    module, _, name = place.partition(":")
    found: click.Command | Callable[..., click.Command]
    found = getattr(import_module(f"{_PACKAGE}.{module}"), name)
    return found if isinstance(found, click.Command) else found(*arguments)
