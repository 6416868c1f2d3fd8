"""`finlink-server`, and `python -m finlink_server`."""

import os
import sys

# gRPC's core writes lines of its own between the log's, about what the log tells too.
# It reads this once, when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def main() -> None:
    """Run the command line, or say what is missing for it."""
    try:
        # Here and not above: the base install has this module too, and none of its needs.
        from finlink_server import commands  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "finlink").partition(".")[0].startswith("finlink"):
            raise
        sys.stderr.write(
            "finlink-server: the server needs more than the client does; "
            "install it with: pip install 'finlink-config[server]'\n"
        )
        sys.exit(2)
    commands.main()


if __name__ == "__main__":
    main()
