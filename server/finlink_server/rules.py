"""What a field of a request can be asked to be.

A rule gives the first thing that is wrong with a value, as what was expected,
or an empty string. Rules look at one value alone: what needs the database or the
clock is the domain's to refuse.
"""

import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email

from finlink_server import ids, text

# A rule: the value → what was expected, or "".
Rule = Callable[[Any], str]

_TIMESTAMP_SECONDS: Final = (-62_135_596_800, 253_402_300_799)  # timestamp.proto: years 1 to 9999
_NANOS: Final = 999_999_999
_MOST_PATHS: Final = 100


def anything(_: Any) -> str:  # noqa: ANN401
    """Accept whatever protobuf accepts: the domain judges it, or it is output only."""
    return ""


def name(value: str) -> str:
    """Refuse what is no name: 1 to 100 characters of one line."""
    return line(1, 100)(value)


def line(least: int, most: int) -> Rule:
    """Make a rule for text of one line."""

    def check(value: str) -> str:
        if not least <= len(value) <= most:
            return f"must have {least} to {most} characters, not {len(value)}"
        return text.problem(value)

    return check


def search(value: str) -> str:
    """Refuse what nobody types into a search box; spaces around it are typed all the time."""
    return line(0, 100)(value.strip(" "))


def password(value: str) -> str:
    """Refuse what cannot be a password."""
    if not 10 <= len(value) <= 256:  # noqa: PLR2004 - the contract's limits
        return "must have 10 to 256 characters"
    # Spaces other than U+0020 are not "printable", but some keyboards make them.
    if any(not (one.isprintable() or unicodedata.category(one) == "Zs") for one in value):
        return "must not hold control or invisible characters"
    return ""


def email(value: str) -> str:
    """Refuse what is no e-mail address (RFC 5321, RFC 6531)."""
    expected = "must be an e-mail address of at most 254 characters, such as ana@example.com"
    if len(value) > 254 or text.problem(value):  # noqa: PLR2004 - RFC 5321 errata 1690
        return expected
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        return expected
    return ""


def identifier(prefix: str) -> Rule:
    """Make a rule for the id of one kind of thing."""
    pattern = ids.pattern(prefix)
    expected = f"must be an id: `{prefix}_` and 26 lower-case letters and digits"
    return lambda value: "" if pattern.fullmatch(value) else expected


def matching(pattern: str, expected: str) -> Rule:
    """Make a rule for text of one form."""
    compiled = re.compile(pattern)
    return lambda value: "" if compiled.fullmatch(value) else expected


def optional(rule: Rule) -> Rule:
    """Accept an unset field."""
    return lambda value: rule(value) if value else ""


def request_id(value: str) -> str:
    """Refuse what is no UUID in its usual form."""
    try:
        usual = str(uuid.UUID(value)) == value.lower()
    except ValueError:
        usual = False
    return "" if usual else "must be a UUID, such as 3f0c1c8e-7a52-4d0b-9e58-0d6a1c5f2b11"


def number(least: int, most: int | None = None) -> Rule:
    """Make a rule for a number."""
    upper = "" if most is None else f" and at most {most}"
    expected = f"must be at least {least}{upper}"
    return lambda value: "" if value >= least and (most is None or value <= most) else expected


def one_of(*words: str) -> Rule:
    """Make a rule for text that is one of a few words."""
    expected = f"must be one of {', '.join(words)}"
    return lambda value: "" if value in words else expected


def cidr(value: str) -> str:
    """Refuse what is no CIDR block in its usual form."""
    expected = "must be a CIDR block without host bits, such as 203.0.113.0/24 or 2001:db8::/32"
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        return expected
    if "/" not in value:
        return "must be a CIDR block with its length, such as 203.0.113.7/32"
    # In the one form that the address of a caller is compared with: no netmasks, zones,
    # or IPv4 in the clothes of IPv6.
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return "" if str(network) == value.lower() and mapped is None else expected


def token(most: int) -> Rule:
    """Make a rule for opaque printable text."""
    return lambda value: text.token_problem(value, most)


def timestamp(value: Any) -> str:  # noqa: ANN401 - a Timestamp message
    """Refuse a Timestamp that is no time."""
    least, most = _TIMESTAMP_SECONDS
    if least <= value.seconds <= most and 0 <= value.nanos <= _NANOS:
        return ""
    return "must be a time of the years 1 to 9999, with nanos from 0 to 999,999,999"


def duration(least: int, most: int) -> Rule:
    """Make a rule for a Duration of whole seconds."""
    expected = f"must be {least} to {most} whole seconds"

    def check(value: Any) -> str:  # noqa: ANN401 - a Duration message
        return "" if value.nanos == 0 and least <= value.seconds <= most else expected

    return check


def mask(*paths: str) -> Rule:
    """Make a rule for a FieldMask that names at least one of these paths."""
    choices = ", ".join(f"`{path}`" for path in paths)

    def check(value: Any) -> str:  # noqa: ANN401 - a FieldMask message
        if len(value.paths) > _MOST_PATHS:
            return f"must name at most {_MOST_PATHS} paths"
        if not value.paths:
            return f"must name what to change: {choices}"
        unknown = [path for path in value.paths if path not in paths]
        return f"has no path `{unknown[0][:100]}`; use {choices}" if unknown else ""

    return check


@dataclass(frozen=True)
class Many:
    """The rule of a repeated field: how many, which, and, unless told otherwise, each once."""

    most: int
    rule: Rule
    least: int = 0
    once: bool = True

    def check(self, values: Sequence[Any]) -> str:
        """Judge the list as a whole; its items are judged one by one."""
        if not self.least <= len(values) <= self.most:
            return f"must have {self.least} to {self.most} entries, not {len(values)}"
        if self.once and len({str(value) for value in values}) < len(values):
            return "must not name anything twice"
        return ""


@dataclass(frozen=True)
class Inside:
    """The rule of a message field: its own fields have theirs."""

    required: bool = True
    most: int = 1  # of a repeated field; the domain may allow fewer, with a reason of its own
