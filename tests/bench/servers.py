"""Servers to measure: each a process on a core of its own, on a real data directory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.bench.server import CORE

_SERVING = re.compile(r"Serving on (?P<target>\S+:\d+)\.")
_PATIENCE = 60.0  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server, and what it said."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self.process = process
        self._said = said
        self._read = 0
        self.target = self._wait()

    def cpu_seconds(self) -> float:
        """What it has taken of its core, by now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """What it has in memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found
        return int(found[1]) * 1024 / 1e6

    def refusals(self) -> list[str]:
        """What it logged since the last time of calls that it refused, or that failed."""
        with Path(self._said.name).open("rb") as log:
            log.seek(self._read)
            lines = log.read().splitlines()
            self._read = log.tell()
        logged = [json.loads(line) for line in lines if line.startswith(b"{")]
        return [
            f"{one['method']}: {one['code']} {one['reason']}"
            for one in logged
            if one.get("event") == "call" and one["code"] not in {"OK", "CANCELLED"}
        ] + [str(one) for one in logged if one.get("level") in {"error", "warning"}]

    def _wait(self) -> str:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            said = Path(self._said.name).read_text()
            found = _SERVING.search(said)
            if found:
                return found["target"]
            if self.process.poll() is not None:
                raise AssertionError(f"The server ended: {said}")
            time.sleep(0.01)
        raise AssertionError("The server did not start.")


@contextmanager
def running(
    *arguments: str, core: int, data: Path | None = None, module: str = "tests.bench.server"
) -> Iterator[Server]:
    """Run a server until the block ends."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FINLINK_")}
    told = {"FINLINK_LISTEN": "127.0.0.1:0", "FINLINK_LOG_FORMAT": "json", CORE: str(core)}
    if data is not None:
        told["FINLINK_DATA_DIR"] = str(data)
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=inherited | told,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            yield Server(process, said)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
