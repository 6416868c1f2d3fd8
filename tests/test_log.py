"""The log is written beside the calls, and never in their way."""

import io

import pytest
import structlog

from finlink_server import log


class FullDisk(io.StringIO):
    """A stream whose disk is full, or for a while."""

    is_full = True

    def write(self, text):
        if self.is_full:
            raise OSError("No space left on device")
        return super().write(text)

    def flush(self):
        if self.is_full:
            raise OSError("No space left on device")


@pytest.fixture
def stream():
    """A log's stream, instead of that of the server under test."""
    before = structlog.get_config()
    full = FullDisk()
    log.start("info", "json", full)
    yield full
    structlog.configure(**before)


def test_a_line_for_which_there_is_no_room_is_lost_and_nothing_else(stream):
    structlog.get_logger("call").info("lost")
    stream.is_full = False

    structlog.get_logger("call").info("kept")

    assert "lost" not in stream.getvalue()
    assert '"event":"kept"' in stream.getvalue().replace(" ", "")
