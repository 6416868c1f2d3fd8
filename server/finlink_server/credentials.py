"""The formats of credentials that are random strings.

A checksum at the end finds a typo without the database and lets scanners match
leaked credentials in source code with next to no false positives.
"""

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from hashlib import sha256

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE = len(_ALPHABET)
_CHECKSUM_LENGTH = 6  # 62^6 > 2^32


@dataclass(frozen=True)
class Format:
    """How one kind of credential looks: prefix, lookup id, random part, checksum.

    The random part never reaches the database but as a hash; the lookup id
    stands there as it is, to find the row.
    """

    prefix: str
    lookup_length: int
    random_length: int

    @property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression that matches the whole credential."""
        length = self.lookup_length + self.random_length + _CHECKSUM_LENGTH
        return re.compile(rf"{self.prefix}[0-9A-Za-z]{{{length}}}")

    def new(self) -> "Credential":
        """Make a new credential from the operating system's random source."""
        body = "".join(
            secrets.choice(_ALPHABET) for _ in range(self.lookup_length + self.random_length)
        )
        text = self.prefix + body
        return Credential(text + checksum(text), self)

    def parse(self, text: str) -> "Credential | None":
        """Give the credential, or None when it is none of this format."""
        if not self.pattern.fullmatch(text):
            return None
        if text[-_CHECKSUM_LENGTH:] != checksum(text[:-_CHECKSUM_LENGTH]):
            return None
        return Credential(text, self)


@dataclass(frozen=True)
class Credential:
    """A plaintext credential. Its repr shows nothing of it."""

    text: str
    format: Format

    def __repr__(self) -> str:
        """Hide the plaintext: this is what lands in logs and tracebacks."""
        return f"<{self.format.prefix}…{self.hint}>"

    @property
    def lookup(self) -> str:
        """The part by which its row is found."""
        start = len(self.format.prefix)
        return self.text[start : start + self.format.lookup_length]

    @property
    def hint(self) -> str:
        """The last 4 characters, by which people tell credentials apart."""
        return self.text[-4:]

    def hash(self) -> bytes:
        """SHA-256: enough for a random string, where bcrypt gains nothing."""
        return sha256(self.text.encode()).digest()

    def matches(self, stored: bytes) -> bool:
        """Compare with a stored hash, in constant time."""
        return hmac.compare_digest(self.hash(), stored)


def checksum(text: str) -> str:
    """CRC32 in 6 digits of base 62, most significant first."""
    value = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        value, digit = divmod(value, _BASE)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


# What an unknown credential is compared with, so that it costs the same work.
NOBODY = b"\0" * 32

# 27 characters of base 62 are 160.7 bits.
CLIENT_SECRET_LIVE = Format("fls_live_", lookup_length=12, random_length=27)
CLIENT_SECRET_TEST = Format("fls_test_", lookup_length=12, random_length=27)
# 22 characters of base 62 are 131 bits.
SERVICE_KEY = Format("fsk_", lookup_length=10, random_length=22)
SETUP_TOKEN = Format("fst_", lookup_length=10, random_length=22)


def parse_client_secret(text: str) -> Credential | None:
    """Read a client secret of either environment."""
    return CLIENT_SECRET_LIVE.parse(text) or CLIENT_SECRET_TEST.parse(text)


def client_secret_problem(text: str) -> str:
    """What is wrong with the form of a client secret, without a word of it; empty if nothing."""
    if parse_client_secret(text):
        return ""
    if not text:
        return "must not be empty: it takes a client secret, `fls_live_…` or `fls_test_…`"
    for prefix, kind in _OTHERS.items():
        if text.startswith(prefix):
            return f"must be a client secret, `fls_live_…` or `fls_test_…`; this is {kind}"
    if not text.startswith("fls_"):
        return "must be a client secret, which begins with `fls_live_` or `fls_test_`"
    return "must be a whole client secret; its checksum says that this one is mistyped or cut off"


# What is put in a client secret's place by mistake, by how it begins.
_OTHERS = {
    SERVICE_KEY.prefix: "a service key",
    SETUP_TOKEN.prefix: "a setup token",
    "whsec_": "a webhook's signing secret",
    "eyJ": "a token",
}
