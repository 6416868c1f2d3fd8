"""Credentials in a stream of bytes of any length, block by block."""

import codecs
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from finlink_client.secret_scan import formats
from finlink_client.secret_scan.formats import Format

BLOCK: Final = 1 << 20  # bytes
_HEAD: Final = 8000  # bytes in which git, too, looks for a NUL
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Finding:
    """Where a credential stands, and what may be shown of it."""

    line: int
    column: int  # in bytes (in UTF-8, for UTF-16), from 1
    format: Format
    masked: str


def text_blocks(stream: BinaryIO, *, binary: bool) -> Iterator[bytes] | None:
    """Read a stream in blocks; None for one that is not text, unless `binary` wants it too.

    UTF-16, in which PowerShell writes what it redirects, is turned into UTF-8.
    """
    head = _read_head(stream)
    blocks = itertools.chain([head], iter(lambda: stream.read(BLOCK), b""))
    if head.startswith(_UTF_16):
        return _as_utf_8(blocks)
    return blocks if binary or b"\0" not in head else None


def find(blocks: Iterable[bytes]) -> Iterator[Finding]:
    """Find the credentials in a stream, also those that one block begins and the next one ends."""
    held, line, column = b"", 1, 1  # where `held` begins
    for block in itertools.chain(blocks, [None]):
        held += block or b""
        # What starts later may go on in the next block.
        before = len(held) if block is None else len(held) - formats.LONGEST + 1
        if before <= 0:
            continue
        past = 0
        for found in formats.find(held, before):
            line, column = _move(held, past, found.start, line, column)
            past = found.start
            yield Finding(line, column, found.format, found.masked)
        line, column = _move(held, past, before, line, column)
        held = held[before:]


def _move(text: bytes, start: int, end: int, line: int, column: int) -> tuple[int, int]:
    lines = text.count(b"\n", start, end)
    if not lines:
        return line, column + end - start
    return line + lines, end - text.rindex(b"\n", start, end)


def _read_head(stream: BinaryIO) -> bytes:
    """Read the beginning, of a pipe in as many pieces as it comes in."""
    head = b""
    while len(head) < _HEAD and (piece := stream.read(BLOCK)):
        head += piece
    return head


def _as_utf_8(blocks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()
