"""What a line of the log looks like, and what cannot get into one."""

from __future__ import annotations

import io
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from finlink.config import v1
from finlink_server import log
from finlink_server.errors import SecretNotFound
from finlink_server.plaintext import Plaintext

CALL = {
    "method": "SecretService/GetSecret",
    "code": "NOT_FOUND",
    "reason": "SECRET_NOT_FOUND",
    "ms": 1.25,
    "caller": "account",
    "caller_id": "acc_1",
    "app_id": "",
    "call_id": "call_1",
    "client_trace_id": "",
    "client_address": "127.0.0.1",
}
CANARY = "canary-in-a-cage"
# By which a line could be broken, forged or turned around.
TRICKS = {
    "newline": "a\nb",
    "return": "a\rb",
    "escape": "a\x1b[31mb",
    "bell": "a\x07b",
    "csi": "a\x9b31mb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "right to left": "a\u202eb",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "tag": "a\U000e0041b",
    "surrogate": "a\ud800b",
    "forged": 'a code=OK caller="operator" b',
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def written(monkeypatch) -> Iterator[Callable[..., io.StringIO]]:
    """Start a log, instead of that of the server under test; what it is written to."""
    before = structlog.get_config()
    monkeypatch.delenv("NO_COLOR", raising=False)

    def start(form: str, level: str = "debug", stream: io.StringIO | None = None) -> io.StringIO:
        made = stream or io.StringIO()
        log.start(level, form, made)
        return made

    yield start
    structlog.configure(**before)


def tell(**facts: Any) -> None:
    structlog.get_logger("call").info("call", **(CALL | facts))


def fail_with(error: Exception) -> None:
    try:
        raise error
    except type(error) as caught:
        structlog.get_logger("call").error("defect", exc_info=caught)


# --------------------------------------------------------------------------------- for people


def test_people_read_what_happened_in_columns(written):
    text = written("text")

    tell()
    tell(code="OK", reason="", ms=12345.678, method="SessionService/BatchValidateSessions")

    first, second = text.getvalue().splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} info    call +NOT_FOUND +1\.250 ms  SecretService/GetSecret +"
        r"reason=SECRET_NOT_FOUND caller=account caller_id=acc_1 call_id=call_1"
        r" client_address=127\.0\.0\.1",
        first,
    )
    assert first.index("ms ") == second.index("ms ")
    assert first.index("caller=") != second.index("caller=")  # for the reason stands between
    assert first.index(" reason=") == second.index(" caller=")


def test_empty_fields_are_no_noise(written):
    text = written("text")

    tell()

    assert "app_id" not in text.getvalue()
    assert "client_trace_id" not in text.getvalue()


def test_machines_get_every_field(written):
    text = written("json")

    tell()

    assert json.loads(text.getvalue()) | {"timestamp": ""} == {
        **CALL,
        "event": "call",
        "level": "info",
        "timestamp": "",
    }


@pytest.mark.parametrize(
    ("stream", "no_color", "colored"),
    [(Terminal, "", True), (Terminal, "1", False), (io.StringIO, "", False)],
    ids=["terminal", "no color", "file"],
)
def test_colour_is_for_terminals_that_want_it(written, monkeypatch, stream, no_color, colored):
    monkeypatch.setenv("NO_COLOR", no_color)
    text = written("text", stream=stream())

    tell()

    assert ("\x1b[" in text.getvalue()) == colored


def test_of_itself_it_is_text_on_a_terminal_and_json_elsewhere(written):
    on_terminal, elsewhere = written("auto", stream=Terminal()), io.StringIO()
    tell()
    written("auto", stream=elsewhere)
    tell()

    assert "NOT_FOUND" in on_terminal.getvalue()
    assert not on_terminal.getvalue().startswith("{")
    assert json.loads(elsewhere.getvalue())["code"] == "NOT_FOUND"


# ---------------------------------------------------------------------------------- injection


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(
    "field", ["client_trace_id", "client_address", "reason", "caller_id", "method", "problem"]
)
def test_no_caller_can_break_or_forge_a_line(written, form, trick, field):
    text = written(form)

    trick = TRICKS[trick]
    tell(**{field: trick})

    whole = text.getvalue()
    assert whole.isascii() or form == "text"
    assert whole.endswith("\n")
    line = whole[:-1]
    assert line.isprintable()
    if form == "json":
        assert json.loads(line)[field] == trick
    elif field != "method":
        assert " caller=account" in line or field == "caller"
        assert " code=OK " not in line.replace(json.dumps(trick), "")


@pytest.mark.parametrize("trick", TRICKS)
def test_nor_can_what_an_exception_quotes(written, trick):
    for form in ("json", "text"):
        text = written(form)

        fail_with(SecretNotFound(secret_id=TRICKS[trick]))

        for line in text.getvalue().rstrip("\n").split("\n"):
            assert line.isprintable()


@pytest.mark.parametrize("trick", [one for one in TRICKS if one != "surrogate"])  # pytest's own
def test_nor_can_what_a_library_says(written, trick):
    text = written("text")

    logging.getLogger("some.library").warning("it says %s", TRICKS[trick])

    (line,) = text.getvalue().splitlines()
    assert line.isprintable()
    assert "name=some.library" in line


# ---------------------------------------------------------------------------------- redaction


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "value",
    [
        Plaintext(CANARY),
        v1.RevokeSecretRequest(password=CANARY),
        [CANARY],
        {"password": CANARY},
        CANARY.encode(),
        ValueError(CANARY),
        KeyError(CANARY),
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_fact_is_named_by_its_type_alone(written, form, value):
    text = written(form)

    structlog.get_logger().debug("look", value=value)

    assert CANARY not in text.getvalue()
    assert f"<{type(value).__name__}>" in text.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("level", ["debug", "info", "error"])
def test_a_defect_tells_where_it_was_and_not_what_it_quotes(written, form, level):
    text = written(form, level)

    error = ValueError(f"no {CANARY}")
    error.__cause__ = KeyError(CANARY)
    fail_with(error)

    assert CANARY not in text.getvalue()
    for word in ("KeyError: <KeyError>", "ValueError: <ValueError>", "test_log_lines.py"):
        assert word in text.getvalue()


def test_what_our_own_sentences_and_the_system_say_is_told(written):
    text = written("json")

    fail_with(SecretNotFound(secret_id="sec_1"))
    fail_with(OSError(28, "No space left on device"))

    first, second = map(json.loads, text.getvalue().splitlines())
    assert "sec_1" in first["exception"]
    assert "No space left on device" in second["exception"]


def test_a_plaintext_shows_itself_to_nobody_who_does_not_ask():
    secret = Plaintext(CANARY)

    shown = f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]} {(secret,)}"
    assert CANARY not in shown
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)
    assert secret.reveal() == CANARY
    assert secret == Plaintext(CANARY)
    assert secret != Plaintext(CANARY + "x")
    assert secret != CANARY
