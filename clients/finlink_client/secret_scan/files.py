"""Credentials in files and folders.

What somebody names is looked into whatever it is: a link, a pipe, a binary file. What a walk
through a folder meets is opened only if it is a regular file.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from finlink_client.secret_scan import streams
from finlink_client.secret_scan.streams import Finding

_NOT_ENTERED: Final = {".git"}
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC"))
# A name that became a link or a pipe meanwhile is neither followed nor waited for.
# Windows has none of these.
_FLAGS_OF_MET: Final = _FLAGS | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK"))


@dataclass
class Tally:
    """What was looked through so far, and what was not."""

    files: int = 0
    binaries: int = 0
    not_files: int = 0  # links and pipes
    problems: list[str] = field(default_factory=list)  # what could not be read, and why


def find(paths: Sequence[str], tally: Tally, *, binary: bool) -> Iterator[tuple[str, Finding]]:
    """Find credentials in files, and in folders with all that is below them but `.git`."""
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
        except OSError as error:
            _note(tally, error, path)
            continue
        if not is_folder:
            found = _find_in(path, tally, _FLAGS, binary=True)
            yield from ((path, finding) for finding in found)
            continue
        for file in _files_below(path, tally):
            found = _find_in_met(file, tally, binary=binary)
            yield from ((file, finding) for finding in found)


def _find_in_met(path: str, tally: Tally, *, binary: bool) -> Iterator[Finding]:
    try:
        is_file = stat.S_ISREG(os.lstat(path).st_mode)
    except OSError as error:
        _note(tally, error, path)
        return
    if is_file:
        yield from _find_in(path, tally, _FLAGS_OF_MET, binary=binary)
    else:
        tally.not_files += 1


def _find_in(path: str, tally: Tally, flags: int, *, binary: bool) -> Iterator[Finding]:
    try:
        with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
            blocks = streams.text_blocks(file, binary=binary)
            if blocks is None:
                tally.binaries += 1
                return
            yield from streams.find(blocks)
        tally.files += 1
    except OSError as error:
        _note(tally, error, path)


def _files_below(top: str, tally: Tally) -> Iterator[str]:
    """Give what is no folder, a folder's files before those of the folders in it."""
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            _note(tally, error, folder)
            continue
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry.path
        folders += [
            entry.path
            for entry in reversed(entries)
            if entry.is_dir(follow_symlinks=False) and entry.name not in _NOT_ENTERED
        ]


def _note(tally: Tally, error: OSError, path: str) -> None:
    tally.problems.append(f"{path}: {error.strerror or error}")
