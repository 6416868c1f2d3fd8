"""Where the command `finlink` begins."""

import sys


def main() -> None:
    """Run the command line, or say what is missing for it."""
    try:
        # Here and not above: the base install does without any of its needs.
        from finlink_client.command_line import commands  # noqa: PLC0415

        # Commands import what they alone need when they are run.
        exit_code = commands.run(sys.argv[1:])
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"click", "rich", "yaml"}:
            raise
        sys.stderr.write(
            "finlink: the command line needs more than the client does; "
            "install it with: pip install 'finlink-config[cli]'\n"
        )
        sys.exit(2)
    sys.exit(exit_code)
