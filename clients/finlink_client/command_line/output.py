"""Standard output that may fail: its disk full, its reader gone, or closed from the beginning.

Whoever writes to it need not care: what fails is raised as one exception, which is no OSError,
so that neither click nor rich makes an exit code of 1 of it. That would mean an answer of no.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_NOT_WRITTEN: Final = 4  # EX_IOERR is 74, which is gRPC's ABORTED here
EXIT_READER_GONE: Final = 141  # what a shell says of a program that SIGPIPE ended


class OutputLostError(Exception):
    """Standard output took not all of it."""

    def __init__(self, error: OSError) -> None:
        """Keep why; what stands all the same is told where it is known."""
        self.is_reader_gone = error.errno == errno.EPIPE
        self.stands = ""
        super().__init__(f"Standard output could not be written: {error.strerror}.")

    @property
    def exit_code(self) -> int:
        """A reader who has seen enough is no failure, but for who counts lines."""
        return EXIT_READER_GONE if self.is_reader_gone else EXIT_NOT_WRITTEN

    @property
    def sentence(self) -> str:
        """Say what went wrong; nothing of a reader who went away from what can be had again."""
        return " ".join([str(self), self.stands]).strip() if self._must_be_told else ""

    @property
    def _must_be_told(self) -> bool:
        return bool(self.stands) or not self.is_reader_gone


class Output(TextIOWrapper):
    """Standard output, which says in one way that it failed."""

    def write(self, text: str) -> int:
        """Write. Raises OutputLostError."""
        with _telling():
            return super().write(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Write lines. Raises OutputLostError."""
        with _telling():
            super().writelines(lines)

    def flush(self) -> None:
        """Flush. Raises OutputLostError."""
        with _telling():
            super().flush()


def prepare() -> bool:
    """Let what the process writes to be ready; give whether there is a standard output at all."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - till the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a tick must not fail on an ASCII terminal
    if type(sys.stdout) is TextIOWrapper:  # the interpreter's own
        sys.stdout = Output(
            sys.stdout.buffer,
            encoding=sys.stdout.encoding,
            errors="replace",
            line_buffering=sys.stdout.line_buffering,
        )
    return sys.stdout is not None


def give_up() -> None:
    """Let what is still held go nowhere, or the interpreter complains of it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def stands_unseen(answer: Any, credentials: Iterable[str]) -> str:  # noqa: ANN401 - any message
    """Say what was made though nobody has seen the credentials that were in the answer."""
    made = [getattr(answer, one.name) for one in answer.DESCRIPTOR.fields if one.message_type]
    named = next((one.id for one in made if "id" in one.DESCRIPTOR.fields_by_name), "")
    what = f" ({named})" if named else ""
    names = " and ".join(credentials)
    return f"It was done all the same{what}, and nobody has seen its {names}: end it, make another."


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputLostError(error) from None
