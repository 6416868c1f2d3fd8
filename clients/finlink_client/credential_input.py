"""Where the command line gets a credential from: never an argument, which others can read."""

import os
import sys

import click


def read_credential(variable: str, prompt: str, missing: str) -> str:
    """Read it from an environment variable, a hidden prompt or a line of a pipe.

    With none there it raises UsageError, with the sentence `missing`.
    """
    found = os.environ.get(variable, "").strip()
    if not found and sys.stdin.isatty():
        found = click.prompt(prompt, hide_input=True, err=True).strip()
    elif not found:
        found = sys.stdin.readline().strip()
    if not found:
        raise click.UsageError(missing)
    return found
