"""README.md and the pages beside it: what they show is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import readme
from tests.processes import Home
from tests.second_shell import HAS_GRPCURL, Demo, note_arguments

BLOCKS = [block for page in readme.PAGES.values() for block in readme.blocks(page, "sh", "console")]
TOUR = readme.blocks(readme.section("Five-minute tour"), "sh")
STORY = readme.blocks(readme.PAGES["clients/STORY.md"], "sh")
FIRST_STEPS = STORY[:1]  # the functions that all parts use
SECOND_PART = readme.blocks(readme.section("Second part: the widget is shaped"), "sh")
THIRD_PART = readme.blocks(readme.section("Third part: webhooks arrive"), "sh")
PROGRAMS = [
    block
    for heading in ("From Python", "The Python client")
    for block in readme.blocks(readme.section(heading), "python")
]

# What may be given to a command: no plaintext, only the name of a variable that holds one.
ARGUMENT = re.compile(
    r"-plaintext|-emit-defaults|-expand-headers|-d|@|list|-H|webhooks|listen|--listen|--count|1"
    r"|authorization: Bearer \$\{[A-Z_]+\}|127\.0\.0\.1:\d+|finlink\.config\.v1\.\w+/\w+"
)
EXPANDED = re.compile(r"\$\{?(\w+)")
# 1 and 2: names of a field, a method, or a variable.
HARMLESS = {"TARGET", "RECEIVER", "LISTENER", "ARRIVED", "NEW_DATABASE", "1", "2"} | {
    "DEMO_APP_ID",  # ids and an e-mail address are no credentials
    "DEMO_EMAIL",
    "DEMO_REDIRECT_ID",
    "SECRET_ID",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = Home(tmp_path_factory.mktemp("demo"))
    checkout = tmp_path_factory.mktemp("checkout")
    note_arguments(checkout)
    process = home.start("serve", "--demo", LOG_LEVEL="error")
    assert process.stdout
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("grpcurl "):
                break
        yield Demo(printed, checkout, home)
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "Stopping: running calls may finish.\n")


# ------------------------------------------------------------------------------ what is run


def test_make_run_prints_what_the_readme_shows(demo):
    shown, *_ = readme.blocks(readme.section("Run it"), "text")

    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:50051", demo.printed)

    assert readme.prints(shown.text, printed), printed


def test_whoever_pastes_the_exports_has_the_commands_in_any_folder(demo, tmp_path):
    [path] = [one for one in demo.exports if one.startswith("export PATH=")]

    done = subprocess.run(
        ["/bin/sh", "-c", f"{path}; command -v python"],
        cwd=tmp_path,
        env={"PATH": os.defpath},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout.strip() == str(Path(sys.executable).with_name("python"))


@pytest.mark.skipif(not HAS_GRPCURL, reason="no grpcurl here, and none to install on this platform")
@pytest.mark.parametrize(
    ("shell", "story"),
    [
        pytest.param("bash", TOUR, id="tour, bash"),
        pytest.param("sh", TOUR, id="tour, sh"),
        pytest.param("bash", STORY, id="bash"),
        pytest.param("sh", STORY, id="sh"),
        pytest.param("sh", [*FIRST_STEPS, *THIRD_PART, *SECOND_PART], id="backwards"),
    ],
)
def test_tour_and_story_go_as_shown_each_time_they_are_pasted(demo, shell, story):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")

    played = demo.play(shell, story)

    for block, (printed, exit_code) in zip(story, played, strict=True):
        assert readme.prints(block.shown, printed), f"{block.text}prints\n{printed}"
        assert exit_code == 0, block.text
    assert [one for one in demo.arguments if not ARGUMENT.fullmatch(one)] == []


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_the_python_client_goes_as_shown(demo, number):
    block = PROGRAMS[number]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        env={**os.environ, **demo.variables},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )

    assert readme.prints(block.shown, done.stdout), done.stdout + done.stderr
    assert done.stderr == ""


def test_the_operators_file_goes_as_shown_and_twice_is_once(demo):
    [file] = readme.blocks(readme.section("Banks"), "json")
    [command] = readme.blocks(readme.section("Banks"), "console")
    (demo.checkout / "banks.json").write_text(file.text)

    first, again = (demo.run(*shlex.split(command.text)) for _ in range(2))

    assert readme.prints(command.shown, first.stderr), first.stderr
    assert [line.split()[-3:] for line in again.stderr.splitlines()[1:]] == [["0", "0", "0"]]


def test_the_tour_is_short_and_shows_what_is_essential():
    called = re.findall(
        r"^(?:answer=\$\()?call(?:_as \w+)? \w+/(\w+)",
        "".join(one.text for one in TOUR),
        re.MULTILINE,
    )

    assert called == [
        "SignIn",
        "CreateApp",
        "UpdateSettings",
        "CreateSecret",
        "StartSession",
        "ValidateSession",
        "CreateLinkToken",
        "OpenLink",
        "RevokeSecret",
        "ValidateSession",
        "CreateLinkToken",
        "ListEvents",
        "DeleteApp",
    ]


def test_the_story_tells_all_main_jobs():
    called = re.findall(r"finlink\.config\.v1\.\w+/(\w+)", "".join(one.text for one in STORY))

    assert list(dict.fromkeys(called)) == [
        "CreateAccount",
        "SetPassword",
        "SignIn",
        "CreateApp",
        "UpdateSettings",
        "CreateSecret",
        "StartSession",
        "ValidateSession",
        "CreateLinkToken",
        "OpenLink",
        "RotateSecret",
        "RevokeSecret",
        "ListAuditEvents",
        "GetSettings",
        "ListBanks",
        "ExplainLink",
        "ListSettingsVersions",
        "RollbackSettings",
        "CreateEndpoint",
        "PublishEvent",
        "ListDeliveries",
        "GetDelivery",
        "RedeliverEvents",
        "DeleteEndpoint",
    ]


def test_no_command_line_expands_a_credential():
    """The shell's own printf and echo have no arguments that another process could read."""
    lines = [line for block in BLOCKS for line in block.command_lines]
    builtin = re.compile(r"""\b(printf|echo)( ''| "[^"]*")+""")

    assert [line for line in lines if set(EXPANDED.findall(builtin.sub("", line))) - HARMLESS] == []
