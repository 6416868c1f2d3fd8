"""How the credentials look that are random strings: prefix, base62, and a checksum at the end.

The README publishes the formats (chapter Credentials). What only looks like one, such as an
example in a manual, has another checksum: one in 4 billion passes.
"""

import re
import string
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = (string.digits + string.ascii_uppercase + string.ascii_lowercase).encode()
_CHECKSUM_LENGTH: Final = 6  # of base 62, the most significant first
_HINT_LENGTH: Final = 4


@dataclass(frozen=True)
class Format:
    """One kind of credential: what people call it, and how it looks."""

    kind: str
    prefix: str
    length: int  # without the prefix


FORMATS: Final = (
    Format("client secret", "fls_live_", 45),
    Format("client secret", "fls_test_", 45),
    Format("service key", "fsk_", 38),
    Format("setup token", "fst_", 38),
)
LONGEST: Final = max(len(one.prefix) + one.length for one in FORMATS)

# One expression for all: the search is as fast as its first letters are rare.
_ALL: Final = re.compile(
    b"|".join(rf"{one.prefix}[0-9A-Za-z]{{{one.length}}}".encode() for one in FORMATS)
)
# What somebody took for one, whole or not, and tokens: rather too much than one of them.
_LIKE_ONE: Final = re.compile(
    "|".join(rf"{one.prefix}[0-9A-Za-z]{{8,}}" for one in FORMATS)
    + r"|whsec_[0-9A-Za-z+/=]{8,}|eyJ[\w-]+\.[\w-]+\.[\w-]+"
)
_BY_PREFIX: Final = {one.prefix: one for one in FORMATS}


@dataclass(frozen=True)
class Found:
    """A credential at a place in some bytes, without the credential itself."""

    start: int
    format: Format
    hint: str  # its last 4 characters, by which lists name it

    @property
    def masked(self) -> str:
        """What may be shown of it."""
        return f"{self.format.prefix}…{self.hint}"


def find(text: bytes, before: int) -> Iterator[Found]:
    """Find the credentials that start before a position, in their order."""
    at = 0
    while (match := _ALL.search(text, at)) and match.start() < before:
        credential = match[0]
        if credential[-_CHECKSUM_LENGTH:] == checksum(credential[:-_CHECKSUM_LENGTH]):
            prefix = credential[: credential.rindex(b"_") + 1].decode()
            hint = credential[-_HINT_LENGTH:].decode()
            yield Found(match.start(), _BY_PREFIX[prefix], hint)
            at = match.end()
        else:
            at = match.start() + 1


def masked(text: str) -> str:
    """Give a text without the credentials in it, and without what only looks like one."""
    return _LIKE_ONE.sub(lambda found: f"{_beginning(found[0])}…", text)


def _beginning(credential: str) -> str:
    known = [one.prefix for one in FORMATS if credential.startswith(one.prefix)]
    return known[0] if known else credential[:3]


def checksum(text: bytes) -> bytes:
    """CRC32 in base 62."""
    value, digits = zlib.crc32(text), bytearray()
    for _ in range(_CHECKSUM_LENGTH):
        value, digit = divmod(value, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return bytes(reversed(digits))
