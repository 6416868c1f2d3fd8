"""Where a credential turned up: thousands of them in megabytes of text.

As a program it reads the files of a folder, with the credentials on standard input.
"""

from __future__ import annotations

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


if __name__ == "__main__":
    wanted = sys.stdin.read().splitlines()
    for file in Path(sys.argv[1]).iterdir():
        for hit in find(wanted, file.read_bytes()):
            sys.stdout.write(f"{file.name}: {hit}\n")
