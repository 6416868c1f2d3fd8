"""Where a credential turned up: thousands of them in megabytes of text.

As a program it reads files, with the credentials on standard input.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

SHORTEST = 10


def find(canaries: Iterable[str], text: bytes) -> list[str]:
    """Give the canaries that stand in a text.

    Looked for one by one, all that the suite uses take a minute: each place of the
    text is looked up among their beginnings instead.
    """
    by_start: dict[bytes, list[bytes]] = {}
    for canary in canaries:
        if len(canary) >= SHORTEST:
            raw = canary.encode()
            by_start.setdefault(raw[:SHORTEST], []).append(raw)
    found = {
        canary.decode()
        for place in range(len(text) - SHORTEST + 1)
        if (candidates := by_start.get(text[place : place + SHORTEST])) is not None
        for canary in candidates
        if text.startswith(canary, place)
    }
    return sorted(found)


def search(files: Iterable[Path], canaries: Iterable[str]) -> str:
    """Say which canaries stand in which files, nothing if none does.

    Another process reads them: closing them in the one that has a database of SQLite open
    would drop its locks.
    """
    return subprocess.run(
        [sys.executable, __file__, *files],
        input="\n".join(canaries),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    wanted = sys.stdin.read().splitlines()
    for file in map(Path, sys.argv[1:]):
        for hit in find(wanted, file.read_bytes()):
            sys.stdout.write(f"{file.name}: {hit}\n")
