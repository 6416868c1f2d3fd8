"""The second shell, into which somebody pastes the blocks of the README."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.processes import Home
from tests.readme import Block

_BIN = Path(sys.executable).parent
_GRPCURL = shutil.which("grpcurl", path=f"{_BIN}{os.pathsep}{os.environ['PATH']}")
HAS_GRPCURL = _GRPCURL or (platform.system(), platform.machine()) == ("Linux", "x86_64")
_MARK = "=== end of a block, which exits with"


@dataclass(frozen=True)
class Demo:
    """A running `serve --demo`, what it printed, and a checkout for the second shell."""

    printed: str
    checkout: Path
    home: Home

    @property
    def exports(self) -> list[str]:
        return [line for line in self.printed.splitlines() if line.startswith("export ")]

    @property
    def variables(self) -> dict[str, str]:
        return dict(re.findall(r"^export (\w+)='(.*)'$", self.printed, re.MULTILINE))

    @property
    def arguments(self) -> list[str]:
        return (self.checkout / "arguments").read_text().splitlines()

    def play(self, shell: str, story: list[Block]) -> list[tuple[str, int]]:
        """Paste it all into a shell; give what each block printed, and its exit code."""
        noting = self.checkout / ".venv" / "bin"
        pasted = [*self.exports, f'PATH="{noting}:$PATH"']
        for block in story:
            pasted += [block.text, f"echo '{_MARK}' $?"]
        script = self.checkout / "pasted"
        script.write_text("\n".join(pasted))
        done = subprocess.run(
            [shell, script.name],
            cwd=self.checkout,
            env={"PATH": os.environ["PATH"], "RECEIVER": f"127.0.0.1:{free_port()}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
            text=True,
            timeout=120,
        )
        parts = re.split(rf"^{_MARK} (\d+)\n", done.stdout, flags=re.MULTILINE)
        return [(text, int(code)) for text, code in zip(parts[:-1:2], parts[1::2], strict=True)]

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `finlink-server …` in the checkout, with the demo's data."""
        assert command == "finlink-server"
        return subprocess.run(
            [sys.executable, "-m", "finlink_server", *arguments],
            cwd=self.checkout,
            env=self.home.environment({}),
            capture_output=True,
            check=True,
            text=True,
        )


def note_arguments(checkout: Path) -> None:
    """Put commands where the README has them, that write down with what they were started."""
    begin = "from finlink_client.cli import main; main()"
    commands = {
        "grpcurl": shlex.quote(str(_GRPCURL)),
        "finlink": shlex.join(
            ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-c", begin]
        ),
    }
    folder = checkout / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name, command in commands.items():
        noting = folder / name
        noting.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{checkout}/arguments'\nexec {command} \"$@\"\n"
        )
        noting.chmod(0o755)


def free_port() -> int:
    """Find a port that nobody listens on, though somebody may before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
