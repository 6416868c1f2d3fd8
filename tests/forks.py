"""Runs `finlink-server` and `finlink` in processes of their own that need not import first.

Up to half a second of each command is imports, and the tests run hundreds. Theirs are forks of
one process that has imported everything and done nothing: each with an environment, an input,
an output and an exit code of its own. gRPC's threads survive no fork, and begin after it.
Servers are started as fresh interpreters: see `processes.Home.run`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from typing import IO

_LONGEST = 64 * 1024  # bytes of a request, which is one message
_PATIENCE = 10  # seconds, for the end of a process that has nothing to do


def run(
    program: str, arguments: tuple[str, ...], env: dict[str, str], patience: float, pipe: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(pipe.encode())
        files[0].seek(0)
        code = _fork((program, *arguments), env, files, patience)
        return subprocess.CompletedProcess(arguments, code, *map(_text, files[1:]))


def _fork(
    command: tuple[str, ...], env: dict[str, str], files: Sequence[IO[bytes]], patience: float
) -> int:
    request = json.dumps([command, env]).encode()
    assert len(request) < _LONGEST
    answer, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with answer:
        with theirs:
            descriptors = [*(one.fileno() for one in files), theirs.fileno()]
            socket.send_fds(_original(), [request], descriptors)
        answer.settimeout(patience)
        pid = int(answer.recv(32))
        try:
            return int(answer.recv(32))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _original() -> socket.socket:
    """Start what is forked. It ends when nobody can ask any more."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = [sys.executable, __file__, str(theirs.fileno())]
        original = subprocess.Popen(program, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        original.wait(_PATIENCE)

    atexit.register(end)
    return ours


# ------------------------------------------------------------------------- in the other process


def _fork_on(requests: socket.socket) -> tuple[list[str], dict[str, str]]:
    """Fork for each request, for ever; returns in each fork, with what it is to do."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who attends to a request is not waited for
    while True:
        request, descriptors, *_ = socket.recv_fds(requests, _LONGEST, 4)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            _attend(*descriptors)
            arguments, environment = json.loads(request)
            return arguments, environment
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(*descriptors: int) -> None:
    """Fork once more, and tell the end of that one; returns in it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *files, answer = descriptors
    pid = os.fork()
    if pid:
        with socket.socket(fileno=answer) as told:
            told.send(str(pid).encode())
            told.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    for number, file in enumerate(files):
        os.dup2(file, number)
    for descriptor in descriptors:
        os.close(descriptor)


def _main() -> None:
    sys.path.pop(0)  # the folder of this file
    os.environ["GRPC_VERBOSITY"] = "NONE"  # as `python -m finlink_server` sets it
    # In this process alone, and before all forks.
    from finlink_client.command_line import commands as client  # noqa: PLC0415
    from finlink_client.command_line import nouns  # noqa: PLC0415
    from finlink_server import commands as server  # noqa: PLC0415

    for place, _ in (*nouns.HAND_MADE.values(), *client.OTHERS.values()):
        nouns.load(place)
    (program, *arguments), environment = _fork_on(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(environment)
    if program == "finlink":
        sys.exit(client.run(arguments))
    server.main(arguments, prog_name="python -m finlink_server")


if __name__ == "__main__":
    _main()
