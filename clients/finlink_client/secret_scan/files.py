"""Credentials in files and folders. Opens nothing but regular files, and follows no link."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from finlink_client.secret_scan import streams
from finlink_client.secret_scan.streams import Finding

_NOT_ENTERED: Final = {".git"}
# A name that became a link or a pipe meanwhile is neither followed nor waited for.
# Windows has none of these.
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")
)


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
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except OSError as error:
            _note(tally, error, path)
            continue
        for file in _files_below(path, tally) if is_folder else [path]:
            yield from ((file, finding) for finding in _find_in(file, tally, binary=binary))


def _find_in(path: str, tally: Tally, *, binary: bool) -> Iterator[Finding]:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            tally.not_files += 1
            return
        with os.fdopen(os.open(path, _FLAGS), "rb", buffering=0) as file:
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
