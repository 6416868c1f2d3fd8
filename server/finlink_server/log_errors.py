"""What the log tells of exceptions: where they came from, and what they say only if that is safe.

An exception may quote anything: a request with its password, the key of a dictionary. So
its text is shown if its type is one whose text is known, and not if it looks harmless.
"""

import traceback
from collections.abc import Iterator
from typing import Final

# Sentences of our own; and databases', which say which table, column or connection it was.
# What stands in the row comes in the lines after the first.
_KNOWN: Final = {"finlink_server", "peewee", "pysqlite3", "psycopg"}


def text_of(error: BaseException) -> str:
    """What it says, or no more than what it is."""
    package = type(error).__module__.partition(".")[0]
    if package in _KNOWN or isinstance(error, OSError):
        return "".join(str(error).splitlines()[:1])
    return f"<{type(error).__name__}>"


def trace_of(error: BaseException) -> str:
    """Where it came from, after what led to it; without the values of variables."""
    parts: list[str] = []
    for one in reversed(list(_chain(error))):
        parts += traceback.format_tb(one.__traceback__)
        parts.append(f"{type(one).__qualname__}: {text_of(one)}\n")
    return "".join(parts).rstrip()


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        suppressed = following.__suppress_context__
        following = following.__cause__ or (None if suppressed else following.__context__)
