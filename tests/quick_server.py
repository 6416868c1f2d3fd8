"""`finlink-server` with passwords that cost next to nothing, for tests that need many.

The product refuses so low a cost: this composes the same server with another hasher, in a
process of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from finlink_server.config import Config
    from finlink_server.hashing import Hasher


def serve() -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from finlink_server import bootstrap, commands, hashing  # noqa: PLC0415 - the line above first

    def new_hasher(config: Config) -> Hasher:
        return hashing.Hasher(4, threads=2, queue=config.limit_hash_queue)

    with mock.patch.object(bootstrap, "new_hasher", new_hasher):
        commands.main()


if __name__ == "__main__":
    serve()
