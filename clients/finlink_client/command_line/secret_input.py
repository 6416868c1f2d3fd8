"""Where the command line gets a credential from: never an argument, which others can read."""

import os
import sys

import click


def read_credential(variable: str, prompt: str, missing: str, *, is_new: bool = False) -> str:
    """Read it from an environment variable, a hidden prompt or a line of a pipe.

    A new one is asked for twice. With none there it raises UsageError, with the sentence
    `missing`.
    """
    found = os.environ.get(variable, "").strip()
    if not found and sys.stdin.isatty():
        # Whoever interrupts it means to: Abort.
        found = click.prompt(prompt, hide_input=True, err=True, confirmation_prompt=is_new).strip()
    elif not found:
        found = sys.stdin.readline().strip()
    if not found:
        raise click.UsageError(missing)
    return found


def read_secret(variable: str, words: str, *, is_new: bool = False) -> str:
    """Read what a command needs and takes no option for."""
    missing = f"No {words}: set {variable}, or give it on standard input."
    return read_credential(variable, words.capitalize(), missing, is_new=is_new)


def read_secrets(variable: str, words: str) -> list[str]:
    """Read several, parted by white space: from the environment, or all of a pipe."""
    found = os.environ.get(variable, "")
    if not found and sys.stdin.isatty():
        found = read_secret(variable, words)
    found = found or sys.stdin.read()
    if not found.split():
        raise click.UsageError(f"No {words}: set {variable}, or give them on standard input.")
    return found.split()
