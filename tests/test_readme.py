"""The README: what it shows is run, and what it says is compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from tests import readme
from tests.processes import Home
from tests.second_shell import HAS_GRPCURL, Demo, note_arguments_of_grpcurl

from finlink.config import v1
from finlink_server import access, commands, credentials, errors
from finlink_server.domain.caller import Role

BLOCKS = readme.blocks(readme.TEXT, "sh", "console")
STORY = readme.blocks(readme.section("The story, call by call"), "sh")

FORMATS = [
    credentials.CLIENT_SECRET_LIVE,
    credentials.CLIENT_SECRET_TEST,
    credentials.SERVICE_KEY,
    credentials.SETUP_TOKEN,
]

# What may be given to grpcurl: no plaintext, only the name of a variable that holds one.
ARGUMENT = re.compile(
    r"-plaintext|-emit-defaults|-expand-headers|-d|@|list|-H"
    r"|authorization: Bearer \$\{[A-Z_]+\}|127\.0\.0\.1:\d+|finlink\.config\.v1\.\w+/\w+"
)
EXPANDED = re.compile(r"\$\{?(\w+)")
HARMLESS = {"TARGET", "1"}  # 1: the name of a field


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = Home(tmp_path_factory.mktemp("demo"))
    checkout = tmp_path_factory.mktemp("checkout")
    note_arguments_of_grpcurl(checkout)
    process = home.start("serve", "--demo", LOG_LEVEL="error")
    assert process.stdout
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("grpcurl "):
                break
        yield Demo(printed, checkout)
    finally:
        process.terminate()
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "Stopping: running calls may finish.\n")


# ------------------------------------------------------------------------------ what is run


def test_make_run_prints_what_the_readme_shows(demo):
    shown, *_ = readme.blocks(readme.section("Run it"), "text")

    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:50051", demo.printed)

    assert readme.prints(shown.text, printed), printed


@pytest.mark.skipif(not HAS_GRPCURL, reason="no grpcurl here, and none to install on this platform")
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_story_goes_as_shown_each_time_it_is_pasted(demo, shell):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")

    played = demo.play(shell, STORY)

    for block, (printed, exit_code) in zip(STORY, played, strict=True):
        assert readme.prints(block.shown, printed), f"{block.text}prints\n{printed}"
        assert exit_code == 0, block.text
    assert [one for one in demo.arguments if not ARGUMENT.fullmatch(one)] == []


def test_the_python_client_goes_as_shown(demo):
    [block] = readme.blocks(readme.section("From Python"), "python")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        env={**os.environ, **demo.variables},
        capture_output=True,
        check=False,
        text=True,
    )

    assert readme.prints(block.shown, done.stdout), done.stdout + done.stderr


def test_the_story_tells_the_main_job():
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
    ]


def test_no_command_line_expands_a_credential():
    """The shell's own printf and echo have no arguments that another process could read."""
    lines = [line for block in BLOCKS for line in block.command_lines]
    builtin = re.compile(r"""\b(printf|echo)( ''| "[^"]*")+""")

    assert [line for line in lines if set(EXPANDED.findall(builtin.sub("", line))) - HARMLESS] == []


def test_the_checksum_goes_as_shown():
    [block] = readme.blocks(readme.section("Credentials"), "python")
    defined: dict[str, object] = {}
    exec(block.text, defined)  # noqa: S102 - it is ours
    is_genuine = defined["is_genuine"]
    assert callable(is_genuine)

    for one in FORMATS:
        plain = one.new().text
        assert is_genuine(plain)
        assert not is_genuine(plain[:-1] + ("a" if plain[-1] != "a" else "b"))


# ------------------------------------------------------------------------ what is compared


def test_the_expressions_match_each_credential():
    published = [readme.names(cell)[0] for _, cell in readme.table("Credentials", "what")]

    for one in FORMATS:
        plain = one.new().text
        assert [bool(re.fullmatch(each, plain)) for each in published].count(True) == 1


def test_the_table_of_credentials_is_the_servers():
    methods = {name: who for service in access.TABLE.values() for name, who in service.items()}
    said = {
        credential: {name for name in re.findall(r"\w+", may_call) if name in methods}
        for credential, _, _, may_call in readme.table("Credentials", "credential")
    }

    assert said.pop("auth token of Link") == {"OpenLink"}
    assert said == {
        "none": {name for name, who in methods.items() if who.open},
        "account token": {name for name, who in methods.items() if who.account},
        "session token": {name for name, who in methods.items() if who.scope == "any"},
        **{
            f"… with scope `{scope}`": {name for name, who in methods.items() if who.scope == scope}
            for scope in ("read", "write")
        },
        **{
            f"service key, role {role.value}": {
                n for n, who in methods.items() if role in who.roles
            }
            for role in Role
            if any(role in who.roles for who in methods.values())
        },
    }


def test_the_table_of_errors_is_the_servers():
    raised: dict[errors.Code, list[str]] = {}
    for reason, outcome in errors.REASONS.items():
        raised.setdefault(outcome.code, []).append(f"`{reason}`")

    assert readme.table("Errors", "code") == [
        [f"`{code.name}`", str(64 + code.value), ", ".join(raised[code])]
        for code in errors.Code
        if code in raised
    ]


def test_the_names_of_errors_that_the_table_lacks_are_kept_for_later():
    published = {name.removeprefix("ERROR_REASON_") for name in v1.ErrorReason.keys()}  # noqa: SIM118
    said = {name for _, _, cell in readme.table("Errors", "code") for name in readme.names(cell)}

    assert said < published
    assert not {name for name in published - said if name in errors.REASONS}


def test_the_table_of_settings_is_the_servers():
    said = ["| " + " | ".join(row) + " |" for row in readme.table("Settings", "variable")]

    assert said == ["| " + " | ".join(row) + " |" for row in readme.settings_rows()]


def test_the_table_of_commands_is_the_servers():
    said = "".join(cells[0] for cells in readme.table("Commands", "command"))

    assert set(re.findall(r"finlink-server((?: [a-z][a-z-]*)+)", said)) == set(
        lines_of(commands.main)
    )


def lines_of(command: click.Command) -> Iterator[str]:
    """Say how each command of a group is called."""
    if not isinstance(command, click.Group):
        yield ""
    else:
        for name, each in command.commands.items():
            yield from (f" {name}{rest}" for rest in lines_of(each))


# ------------------------------------------------------------------------- what it points at


def test_every_path_that_it_names_exists():
    tops = {path.name for path in readme.REPOSITORY.iterdir()} - {".venv", ".finlink"}
    named = {
        name for name in re.findall(r"`([\w./-]+)`", readme.TEXT) if name.split("/")[0] in tops
    }
    linked = set(re.findall(r"\]\((?!https:|#)([^)]+)\)", readme.TEXT))

    assert "server/finlink_server/app.py" in named
    assert [name for name in named | linked if not (readme.REPOSITORY / name).exists()] == []


def test_every_link_within_the_page_leads_somewhere():
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", readme.TEXT, flags=re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", readme.TEXT)) <= anchors


def test_every_target_of_make_that_it_names_exists():
    makefile = (readme.REPOSITORY / "Makefile").read_text()

    for target in re.findall(r"\bmake ([a-z]+)\b(?=`|  | *#)", readme.TEXT):
        assert f"\n{target}:" in makefile
