"""`finlink-server`, and `python -m finlink_server`."""

import os

# gRPC's core writes lines of its own between the log's, about what the log tells too.
# It reads this once, when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from finlink_server.commands import main

if __name__ == "__main__":
    main()
