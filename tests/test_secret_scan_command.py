"""`finlink secrets scan` as people and hooks run it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
from tests import readme
from tests.shell import plain

from finlink_client.command_line import commands
from finlink_server import credentials

SECRET = credentials.CLIENT_SECRET_LIVE.new().text
KEY = credentials.SERVICE_KEY.new().text
TOKEN = credentials.SETUP_TOKEN.new().text
FAKE = "fls_test_" + 45 * "0"

pytestmark = pytest.mark.either("asks no database")


@pytest.fixture
def scan(capsys, monkeypatch):
    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        exit_code = commands.run(["secrets", "scan", *map(str, arguments)])
        shown = capsys.readouterr()
        assert not [one for one in (SECRET, KEY, TOKEN) if one in shown.out + shown.err]
        return exit_code, shown.out, shown.err

    return run


def test_a_finding_is_a_place_and_the_end_of_what_was_found(scan, tmp_path):
    (tmp_path / "config.py").write_text(f"\nKEY = '{SECRET}'\n")

    exit_code, out, err = scan(tmp_path)

    assert exit_code == 1
    assert out == f"{tmp_path}/config.py:2:8: client secret fls_live_…{SECRET[-4:]}\n"
    assert "Found 1 in 1 file." in err
    assert "finlink secrets report-leaked" in err


def test_nothing_found_is_said_and_is_no_failure(scan, tmp_path):
    (tmp_path / "README.md").write_text(f"An example: {FAKE}")
    (tmp_path / "image").write_bytes(b"\0")
    (tmp_path / "link").symlink_to("README.md")

    exit_code, out, err = scan(tmp_path)

    assert (exit_code, out) == (0, "")
    assert err == "Found no credential in 1 file; passed over 1 binary file, 1 link or pipe.\n"


@pytest.mark.parametrize(
    ("credential", "command"),
    [
        (SECRET, "finlink secrets report-leaked"),
        (KEY, "finlink service-keys revoke"),
        (TOKEN, "finlink accounts reset-password"),
    ],
    ids=["client secret", "service key", "setup token"],
)
def test_for_each_kind_it_says_what_ends_it(scan, tmp_path, credential, command):
    (tmp_path / "file").write_text(credential)

    assert command in scan(tmp_path)[2]


@pytest.mark.parametrize(
    "command",
    ["secrets report-leaked", "secrets rotate", "service-keys revoke", "accounts reset-password"],
)
def test_the_commands_that_it_names_exist(capsys, command):
    assert commands.run([*command.split(), "--help"]) == 0


def test_standard_input_is_a_dash(scan):
    exit_code, out, _ = scan("-", stdin=f"+ key = {KEY}\n")

    assert (exit_code, out) == (1, f"<stdin>:1:9: service key fsk_…{KEY[-4:]}\n")
    assert scan("-", stdin="nothing\n")[0] == 0


def test_as_json_each_finding_is_a_line_and_nothing_else_is_said(scan, tmp_path):
    (tmp_path / "a").write_text(f"{SECRET}\n{KEY}")

    exit_code, out, err = scan("--json", tmp_path)

    found = [json.loads(line) for line in out.splitlines()]
    assert (exit_code, err) == (1, "")
    assert found[0] == {
        "path": f"{tmp_path}/a",
        "line": 1,
        "column": 1,
        "kind": "client secret",
        "masked": f"fls_live_…{SECRET[-4:]}",
    }
    assert [one["line"] for one in found] == [1, 2]


def test_what_could_not_be_read_is_never_called_clean(scan, tmp_path):
    (tmp_path / "a").write_text("nothing")

    exit_code, _, err = scan(tmp_path, tmp_path / "missing")

    assert exit_code == 2
    assert f"Not looked through: {tmp_path}/missing: No such file or directory" in err
    exit_code, _, err = scan("--json", tmp_path, tmp_path / "missing")
    assert (exit_code, json.loads(err)["error"]["code"]) == (2, "NOT_READ")


def test_a_name_cannot_steer_the_terminal(scan, tmp_path):
    (tmp_path / "a\x1b[2J\nb").write_text(SECRET)

    _, out, _ = scan(tmp_path)

    assert f"{tmp_path}/a\\u001b[2J\\u000ab:1:1: client secret" in out


def test_a_name_that_is_no_unicode_is_shown_all_the_same(scan, tmp_path):
    (tmp_path / "a\udcff").write_text(SECRET)

    assert scan(tmp_path)[0] == scan("--json", tmp_path)[0] == 1


def test_this_repository_holds_no_credential(scan):
    folders = ["clients", "generated", "protos", "server", "tests", "README.md", "CHANGELOG.md"]

    exit_code, out, _ = scan(*(readme.REPOSITORY / one for one in folders))

    assert (exit_code, out) == (0, "")


def test_nothing_is_sent_anywhere(scan, tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("opened a socket")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setenv("FINLINK_TARGET", "127.0.0.1:9")
    (tmp_path / "file").write_text(SECRET)

    assert scan(tmp_path)[0] == 1


def test_without_a_path_it_is_wrong_usage(scan):
    assert scan()[0] == 2


@pytest.mark.skipif(not shutil.which("git"), reason="no git here")
def test_a_commit_that_adds_a_secret_is_stopped_and_one_that_removes_it_is_not(tmp_path):
    """The hook of the README, as git runs it."""
    line = re.search(r"`(git diff --cached .*)`$", readme.TEXT, re.MULTILINE)
    assert line

    def git(*arguments):
        return subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments],  # noqa: S607
            cwd=tmp_path,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            check=False,
            text=True,
        )

    git("init", "--quiet")
    program = f"{sys.executable} -c 'from finlink_client.cli import main; main()'"
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\n"
        f"export PYTHONPATH='{':'.join(sys.path)}'\n"
        f"{line[1].replace('finlink', program)}\n"
    )
    hook.chmod(0o755)
    file = tmp_path / "settings.py"

    file.write_text(f"KEY = '{SECRET}'\n")
    git("add", ".")
    stopped = git("commit", "-m", "a secret")
    git("commit", "--no-verify", "-m", "a secret all the same")
    file.write_text("KEY = environ['KEY']\n")
    git("add", ".")
    removed = git("commit", "-m", "no secret")

    assert stopped.returncode == 1
    assert "client secret fls_live_…" in stopped.stdout + stopped.stderr
    assert removed.returncode == 0, removed.stderr


def test_at_a_terminal_each_finding_has_a_line_of_its_own(anyone, tmp_path):
    (tmp_path / "file").write_text(f"{SECRET}\n{KEY}\n")

    shown = plain(anyone.screen("secrets", "scan", str(tmp_path / "file"), width=200))

    found = [line for line in shown.splitlines() if "file:" in line]
    assert [line.rpartition("/")[2] for line in found] == [
        f"file:1:1: client secret fls_live_…{SECRET[-4:]}",
        f"file:2:1: service key fsk_…{KEY[-4:]}",
    ]
