"""The log: one line for each call, as JSON for machines or as text for people.

What may stand in it is decided by type, and never by how a text looks: numbers, names and
ids as they are, of everything else its type alone. So no message, no credential
(`Plaintext`) and no exception's text can get in by being handed over.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

import structlog

from finlink_server import config, log_errors

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COLORS: Final = {
    "debug": "\x1b[2m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
}
_NO_COLOR: Final = "\x1b[0m"

Line = MutableMapping[str, Any]


class _Lossy:
    """Loses lines that cannot be written: no call, which may have happened, fails for its line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Libraries(logging.Handler):
    """Writes what libraries complain about as lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one; of an exception no more than of ours."""
        error = record.exc_info[1] if record.exc_info else None
        problem = "" if error else record.getMessage()
        structlog.get_logger().warning("library", name=record.name, problem=problem, exc_info=error)


_libraries: Final = _Libraries(logging.WARNING)


def start(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Set up the log. `auto` writes text on a terminal and JSON elsewhere."""
    on_terminal = stream.isatty()
    as_text = form == "text" or (form == "auto" and on_terminal)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_exception,
            _only_plain,
            _Text(in_color=on_terminal and config.wants_color())
            if as_text
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(_Lossy(stream)),  # type: ignore[arg-type] # prints
        cache_logger_on_first_use=False,
    )
    logging.getLogger().addHandler(_libraries)  # which it takes once, however often it is given


def printable(text: str) -> str:
    """Escape what would break a line, play tricks on a terminal, or turn text around."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _tell_exception(_: object, __: str, line: Line) -> Line:
    """Write where an exception came from, and its text if that is of a kind that may be."""
    error = line.pop("exc_info", None)
    if isinstance(error, BaseException):
        line["exception"] = log_errors.trace_of(error)
    return line


def _only_plain(_: object, __: str, line: Line) -> Line:
    for name, value in line.items():
        line[name] = _plain(value)
    return line


def _plain(value: object) -> object:
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if isinstance(value, BaseException):
        return log_errors.text_of(value)
    return f"<{type(value).__name__}>"


class _Text:
    """A line for people: what happened, then what is known of it, and nothing that is empty."""

    def __init__(self, *, in_color: bool) -> None:
        self._in_color = in_color

    def __call__(self, _: object, __: str, line: Line) -> str:
        time, level, event = line.pop("timestamp")[11:23], line.pop("level"), line.pop("event")
        exception = line.pop("exception", "")
        shown = f"{level:<7}"
        if self._in_color:
            shown = f"{_COLORS[level]}{shown}{_NO_COLOR}"
        words = [time, shown, f"{event:<9}"]
        if "code" in line and "ms" in line:
            words.append(f"{line.pop('code'):<19} {line.pop('ms'):>10.3f} ms ")
            words.append(f"{printable(line.pop('method')):<36}")
        words += [
            f"{name}={_word(value)}" for name, value in line.items() if value not in {"", None}
        ]
        whole = " ".join(words).rstrip()
        rest = [printable(one) for one in exception.splitlines()]
        return "\n    ".join([whole, *rest])


def _word(value: object) -> str:
    """A value that nobody can take for several."""
    text = str(value)
    is_one = text.isprintable() and not {" ", "=", '"'} & set(text)
    return text if is_one else printable(json.dumps(text, ensure_ascii=False))
