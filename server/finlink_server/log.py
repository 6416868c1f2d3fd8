"""The log: one line for each call, as JSON for machines or as text for people."""

import sys
from contextlib import suppress
from typing import TextIO

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Lossy:
    """Loses lines that cannot be written: no call, which may have happened, fails for its line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def start(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Set up the log. `auto` writes text on a terminal and JSON elsewhere."""
    as_text = form == "text" or (form == "auto" and stream.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0)
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(_Lossy(stream)),  # type: ignore[arg-type] # prints
        cache_logger_on_first_use=False,
    )
