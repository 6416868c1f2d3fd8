"""Text that people read: what it must not hold."""

import unicodedata
from typing import Final

# Control, format (bidirectional and zero-width among them), surrogate, private
# and unassigned characters, line and paragraph separators.
_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Invisible though the Unicode categories call them letters or marks.
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5")


def problem(value: str) -> str:
    """Say what is wrong with a text of one line; empty if nothing is."""
    for character in value:
        if unicodedata.category(character) in _FORBIDDEN or character in _INVISIBLE:
            return (
                "must not hold control, bidirectional or zero-width characters, such as"
                f" U+{ord(character):04X}"
            )
    if value != value.strip():
        return "must not begin or end with a space"
    return ""


def token_problem(value: str, longest: int) -> str:
    """Say what is wrong with an opaque token; empty if nothing is."""
    if len(value) > longest:
        return f"must have at most {longest} characters"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "must be printable ASCII without spaces"
    return ""
