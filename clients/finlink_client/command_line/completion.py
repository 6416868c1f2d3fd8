"""`finlink completion`: the script that lets a shell complete commands, options and values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_FINLINK_COMPLETE"  # by which click tells that a shell asks
_HELP = """\
Print the script that completes commands in a shell.

\b
bash:  finlink completion bash > ~/.local/share/bash-completion/completions/finlink
zsh:   finlink completion zsh > ~/.zfunc/_finlink, with ~/.zfunc in fpath
fish:  finlink completion fish > ~/.config/fish/completions/finlink.fish
"""


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - for the type checker
    click.echo(kind(context.find_root().command, {}, "finlink", _VARIABLE).source())
