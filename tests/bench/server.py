"""The server that is measured, in a process of its own: `python -m tests.bench.server`.

`finlink-server serve` with one method more, which does nothing: what it costs is what
surrounds every call. Like ValidateSession it is for service keys that verify, and is
counted and not logged. With `bare`, the framework alone: grpc and an empty handler.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import grpc

from finlink.config import v1
from finlink_server import access, app, calls, commands
from finlink_server.config import Config

SERVICE = "finlink.bench.Empty"
METHOD = f"/{SERVICE}/Do"
CORE = "BENCH_CORE"  # in the environment: the core to run on
_services = app._services


def serve() -> None:
    """Serve the product, and the empty method beside it."""
    access.METHODS[METHOD] = access.VERIFIER
    counted = calls._COUNTED | {METHOD}
    with (
        mock.patch.object(calls, "_COUNTED", counted),
        mock.patch.object(app, "_services", _with_empty),
    ):
        commands.main()


def serve_bare() -> None:
    """Serve an empty handler without any of our code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    server = grpc.server(ThreadPoolExecutor(Config().limit_handler_threads))
    handler: Any = grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")
    server.add_registered_method_handlers(SERVICE, {"Do": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"Serving on 127.0.0.1:{port}.", file=sys.stderr)  # noqa: T201 - as the product says it
    signal.sigwait((signal.SIGTERM,))
    server.stop(0).wait()


def _with_empty(env, made_by, watches, turnstile):
    empty = made_by.handler(
        METHOD, v1.ListSigningKeysRequest, lambda _request, _caller: b"", pool=None
    )
    known = _services(env, made_by, watches, turnstile)
    return {**known, SERVICE: {"Do": empty}}


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(os.environ[CORE])})
    if sys.argv[1:] == ["bare"]:
        serve_bare()
    else:
        serve()
