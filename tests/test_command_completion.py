"""Completion of `finlink` in a shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from finlink_client.command_line import commands

BASH = shutil.which("bash") or "bash"

pytestmark = pytest.mark.either("No database is asked.")


def offered(*words, incomplete=""):
    """What a shell would offer after these words."""
    complete = ShellComplete(commands.finlink, {}, "finlink", "_FINLINK_COMPLETE")
    items: list[CompletionItem] = complete.get_completions(list(words), incomplete)
    return [str(one.value) for one in items]


def test_nouns_verbs_and_options_are_offered():
    assert offered(incomplete="se") == ["secrets", "sessions", "service-keys", "settings"]
    assert offered("secrets", incomplete="r") == ["rotate", "revoke", "report-leaked"]
    assert "--overlap" in offered("secrets", "rotate", incomplete="--")
    assert offered("secret", "rotate", incomplete="--o") == ["--overlap"]


def test_values_of_enums_are_offered():
    found = offered("banks", "set-status", "es-bbva", "--status", incomplete="")

    assert [one.upper() for one in found] == ["OPERATIONAL", "DEGRADED", "DOWN"]


@pytest.mark.parametrize(
    "words", [("settings", "plan"), ("settings", "apply"), ("secrets", "scan")], ids=" ".join
)
def test_files_are_offered_where_one_is_meant(words):
    complete = ShellComplete(commands.finlink, {}, "finlink", "_FINLINK_COMPLETE")

    assert [one.type for one in complete.get_completions(list(words), "a")] == ["file"]


def test_names_of_profiles_are_offered(anyone, monkeypatch):
    for name in ("shop", "shop-test", "ops"):
        anyone.run("profiles", "set", name, "--target", "a.example:1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(anyone.config))

    assert offered("apps", "list", "--profile", incomplete="sh") == ["shop", "shop-test"]
    assert offered("profiles", "remove", incomplete="o") == ["ops"]


def test_profiles_that_cannot_be_read_are_no_traceback_in_the_middle_of_a_line(anyone, monkeypatch):
    anyone.run("profiles", "set", "shop", "--target", "a.example:1")
    anyone.profiles.chmod(0o644)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(anyone.config))

    assert offered("apps", "list", "--profile", incomplete="") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_understands(anyone, shell, tmp_path):
    script = tmp_path / "script"

    done = anyone.run("completion", shell)

    script.write_text(done.out)
    assert done.code == 0
    assert "_FINLINK_COMPLETE" in done.out
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


def test_bash_completes_what_was_typed(anyone, tmp_path):
    """The function that the script defines is called as bash calls it."""
    script = tmp_path / "finlink.bash"
    script.write_text(anyone.run("completion", "bash").out)
    command = tmp_path / "finlink"
    command.write_text(f'#!/bin/sh\nexec {" ".join(map(quoted, anyone.command()))} "$@"\n')
    command.chmod(0o755)

    done = subprocess.run(
        [
            BASH,
            "-c",
            f"""
        source {script}
        COMP_WORDS=({command} secrets ro) COMP_CWORD=2
        _finlink_completion {command}
        echo "${{COMPREPLY[@]}}"
        """,
        ],
        env=anyone.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("rotate\n", "")


def quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"
