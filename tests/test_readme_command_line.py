"""The README's chapter about the command line: its blocks are pasted into a shell."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests import readme
from tests.processes import Home
from tests.second_shell import Demo, note_arguments

CHAPTER = readme.section("From the command line")
STORY = readme.blocks(CHAPTER, "sh")

pytestmark = pytest.mark.sqlite("serve --demo is for SQLite alone")


@pytest.fixture
def demo(tmp_path):
    home = Home(tmp_path / "data")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    note_arguments(checkout)
    with home.serving("--demo") as server:
        server.exported()
        printed = f"{server.out}\nexport XDG_CONFIG_HOME='{tmp_path}/config'\n"
        printed += "export PYTHONIOENCODING='utf-8'\n"
        yield Demo(printed, checkout, home)


def test_the_chapter_goes_as_shown(demo):
    played = demo.play("bash", STORY)

    for block, (printed, exit_code) in zip(STORY, played, strict=True):
        assert not block.shown or readme.prints(block.shown, printed), f"{block.text}{printed}"
        assert exit_code == 0, printed


def test_no_credential_of_the_chapter_is_an_argument(demo):
    demo.play("bash", STORY)

    secrets = {
        value for name, value in demo.variables.items() if "ID" not in name and "EMAIL" not in name
    }
    secrets = {one for one in secrets if len(one) >= 20 and not one.startswith("/")}
    assert len(secrets) >= 4
    assert secrets & set(demo.arguments) == set()


def test_every_command_in_the_chapter_is_one(anyone):
    named = set(re.findall(r"`finlink ([a-z-]+(?: [a-z][a-z-]+)?)", CHAPTER)) - {"profiles"}

    for command in sorted(named):
        done = replace(anyone, variables={}).run(*command.split(), "--help")
        assert done.code == 0, command


def test_every_exit_code_in_the_chapter_is_that_of_a_status():
    rows = dict(readme.table("From the command line", "exit code"))

    assert list(rows) == ["0", "1", "2", "4", "64 + N", "130", "141"]
    assert re.findall(r"\b(\d\d) ", rows["64 + N"]) == [
        str(64 + n) for n in (3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 16)
    ]
