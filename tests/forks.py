"""Runs `finlink-server` in processes of their own that need not import it first.

Half a second of each command is imports, and the tests run hundreds. Theirs are forks of one
process that has imported everything and done nothing: each with an environment, an output
and an exit code of its own. Not for `serve`: gRPC's threads survive no fork.
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
from functools import cache
from typing import IO

_LONGEST = 64 * 1024  # bytes of a request, which is one message
_PATIENCE = 10  # seconds, for the end of a process that has nothing to do


def run(
    arguments: tuple[str, ...], env: dict[str, str], patience: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = _fork(arguments, env, [out, err], patience)
        said, warned = map(_text, (out, err))
    return subprocess.CompletedProcess(arguments, code, said, warned)


def _fork(
    arguments: tuple[str, ...], env: dict[str, str], output: list[IO[bytes]], patience: float
) -> int:
    request = json.dumps([arguments, env]).encode()
    assert len(request) < _LONGEST
    answer, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with answer:
        with theirs:
            descriptors = [*(one.fileno() for one in output), theirs.fileno()]
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
        request, descriptors, *_ = socket.recv_fds(requests, _LONGEST, 3)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            _attend(*descriptors)
            arguments, environment = json.loads(request)
            return arguments, environment
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(out: int, err: int, answer: int) -> None:
    """Fork once more, and tell the end of that one; returns in it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        with socket.socket(fileno=answer) as told:
            told.send(str(pid).encode())
            told.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for descriptor in (out, err, answer):
        os.close(descriptor)


def _main() -> None:
    sys.path.pop(0)  # the folder of this file
    os.environ["GRPC_VERBOSITY"] = "NONE"  # as `python -m finlink_server` sets it
    from finlink_server import commands  # noqa: PLC0415 - in this process alone

    arguments, environment = _fork_on(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(environment)
    commands.main(arguments, prog_name="python -m finlink_server")


if __name__ == "__main__":
    _main()
