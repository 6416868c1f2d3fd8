"""The command `finlink`, and how its demo plays one step.

The whole story is played against the real server elsewhere.
"""

import io
import json
import socket
import subprocess
import sys

import grpc
import pytest
from google.rpc import error_details_pb2
from tests.scripted_server import SECRET_NOT_FOUND, refusal

from finlink.config import v1
from finlink_client import open_channel
from finlink_client.command_line import commands
from finlink_client.demo.screen import JsonLines, Screen
from finlink_client.demo.stage import Caller, Stage, StoryBrokenError, veil

KEY = "fsk_" + 37 * "0" + "Z"


# ------------------------------------------------------------------------ command line


def python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_importing_the_client_brings_no_command_line():
    done = python(
        "import sys, finlink_client; print(sorted({'click', 'rich'} & sys.modules.keys()))"
    )

    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_line_names_it(missing):
    done = python(
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['profiles', 'list'];"
        "from finlink_client.cli import main; main()"
    )

    assert done.returncode == 2
    assert "pip install 'finlink-config[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_demo_with_nobody_there_says_so_and_what_to_do(capsys):
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{taken.getsockname()[1]}"

        exit_code = commands.run(["demo", "--target", target])

    shown = capsys.readouterr()
    assert exit_code == 64 + grpc.StatusCode.UNAVAILABLE.value[0]
    said, remedy, mark = shown.err.splitlines()
    assert f"No Finlink Config server answers at {target}" in said
    assert "Check the target" in remedy
    assert "UNAVAILABLE" in mark
    assert shown.out == ""


def test_a_demo_without_a_key_says_where_to_put_one(scripted, capsys, monkeypatch):
    monkeypatch.delenv("OPERATOR_KEY", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    exit_code = commands.run(["demo", "--target", scripted.target])

    assert exit_code == 2
    assert "OPERATOR_KEY" in capsys.readouterr().err


def test_a_demo_whose_first_step_fails_shows_what_came_and_exits_1(scripted, capsys, monkeypatch):
    monkeypatch.setenv("OPERATOR_KEY", KEY)
    scripted.answer = v1.ListSigningKeysResponse()  # read as CreateAccount's: an empty one

    exit_code = commands.run(["demo", "--target", scripted.target, "--json"])

    (step,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert exit_code == 1
    assert (step["rpc"], step["as_told"]) == ("CreateAccount", False)
    assert step["expected"] == "an account without a password"


# -------------------------------------------------------------------- a step of the demo


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture(params=[Screen, JsonLines])
def stage(request, out):
    return Stage(request.param(out))


@pytest.fixture
def customer(scripted):
    with open_channel(scripted.target) as channel:
        yield Caller("customer", channel, KEY)


def ask(stage, customer, **expectations):
    return stage.ask(
        customer,
        customer.secrets.GetSecret,
        v1.GetSecretRequest(),
        asked="the secret",
        told=lambda answer: f"it is {answer.secret.id}",
        **expectations,
    )


def expect_refusal(stage, customer, says=()):
    stage.expect_refusal(
        customer,
        customer.secrets.GetSecret,
        v1.GetSecretRequest(),
        asked="the secret",
        reason="SECRET_NOT_FOUND",
        says=says,
    )


def test_a_step_shows_who_asked_what_and_what_came(scripted, stage, customer, out):
    scripted.answer = v1.GetSecretResponse(secret=v1.Secret(id="sec_1"))

    answer = ask(stage, customer, holds=lambda a: {"a secret": a.HasField("secret")})

    assert answer == scripted.answer
    for part in ("customer", "GetSecret", "the secret", "it is sec_1"):
        assert part in out.getvalue()


def test_a_broken_promise_is_named_and_ends_the_story(scripted, stage, customer, out):
    with pytest.raises(StoryBrokenError):
        ask(stage, customer, holds=lambda a: {"a secret": a.HasField("secret")})

    assert "a secret" in out.getvalue()


def test_an_unexpected_refusal_is_shown_and_ends_the_story(scripted, stage, customer, out):
    scripted.answer = refusal(SECRET_NOT_FOUND)

    with pytest.raises(StoryBrokenError):
        ask(stage, customer)

    assert "There is no such secret." in out.getvalue()


def test_an_expected_refusal_is_as_told(scripted, stage, customer, out):
    scripted.answer = refusal(SECRET_NOT_FOUND)

    expect_refusal(stage, customer)

    assert "refused" in out.getvalue()
    assert "SECRET_NOT_FOUND" in out.getvalue()


def test_a_refusal_for_another_reason_ends_the_story(scripted, stage, customer, out):
    scripted.answer = refusal(
        error_details_pb2.ErrorInfo(domain="config.finlink", reason="APP_NOT_FOUND")
    )

    with pytest.raises(StoryBrokenError):
        expect_refusal(stage, customer)

    assert "APP_NOT_FOUND" in out.getvalue()


def test_a_refusal_that_does_not_say_enough_ends_the_story(scripted, stage, customer, out):
    scripted.answer = refusal(SECRET_NOT_FOUND)
    expect_refusal(stage, customer, says=["no such", "secret"])

    with pytest.raises(StoryBrokenError):
        expect_refusal(stage, customer, says=["no such", "sec_1"])

    assert "There is no such secret." in out.getvalue()


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", "✓✗-"), ("ascii", "+!-")])
def test_checks_are_shown_as_marks(scripted, customer, encoding, marks):
    out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    outcomes = ("PASSED", "FAILED", "NOT_REACHED")

    ask(
        Stage(Screen(out)),
        customer,
        rows=lambda _: [{"outcome": one, "check": one.lower()} for one in outcomes],
    )

    out.seek(0)
    *_, passed, failed, unreached = out.read().splitlines()
    assert [line.split() for line in (passed, failed, unreached)] == [
        [mark, outcome.lower()] for mark, outcome in zip(marks, outcomes, strict=True)
    ]


def test_an_answer_where_a_refusal_was_due_ends_the_story_unshown(scripted, stage, customer, out):
    scripted.answer = v1.GetSecretResponse(secret=v1.Secret(id="sec_1"))

    with pytest.raises(StoryBrokenError):
        expect_refusal(stage, customer)

    assert "sec_1" not in out.getvalue()


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        ("fls_test_" + 41 * "0" + "aB3x", "fls_test_…aB3x"),
        (KEY, "fsk_…000Z"),
        ("eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl", "…dXJl"),
    ],
)
def test_a_credential_is_shown_by_its_prefix_and_its_end(credential, shown):
    assert veil(credential) == shown
