"""Credentials in the clear, on their way from a request to where they are checked."""

import hmac
from typing import Final, NoReturn

_SHOWN: Final = "<hidden>"


class Plaintext:
    """A password, secret or token that nobody shows by accident.

    Not in a log line, a sentence, a traceback with its variables, JSON or a pickle: whoever
    needs the text asks for it by `reveal`.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for what checks or hashes it."""
        return self._text

    def __repr__(self) -> str:
        """Show nothing, not even how long it is."""
        return _SHOWN

    def __format__(self, form: str) -> str:
        """Show nothing, in any form."""
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Plaintext):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """As for the text."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """Refuse to be packed, or copied."""
        message = "a credential in the clear is not stored"
        raise TypeError(message)
