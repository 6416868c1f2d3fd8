"""The command `finlink`: a command for every RPC, what it takes, gives, and exits with."""

from __future__ import annotations

import subprocess
import sys

import click
import grpc
import pytest
from tests.methods import METHODS

import finlink_client
from finlink_client.command_line import commands, nouns, rpcs

# Where every command and every group of them stands.
PLACES = list(
    dict.fromkeys(
        [
            *(one.command for one in rpcs.every()),
            *nouns.HAND_MADE,
            *((name,) for name in commands.OTHERS),
            *((noun,) for section in commands.SECTIONS.values() for noun in section),
        ]
    )
)


def command(*names):
    found: click.Command | None = commands.finlink
    for name in names:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
        assert found is not None, names
    return found


# ------------------------------------------------------------------------- for every RPC


def test_every_rpc_has_a_command_under_a_noun_that_the_help_shows():
    shown = {noun for section in commands.SECTIONS.values() for noun in section}

    known = {one.rpc: one.command for one in rpcs.every()}

    assert sorted(known) == sorted(method.name for method in METHODS)
    for noun, verb in known.values():
        assert noun in shown
        assert isinstance(command(noun, verb), click.Command)


@pytest.mark.parametrize("rpc", rpcs.every(), ids=lambda one: one.rpc)
def test_every_command_can_set_every_field_of_its_request_and_takes_no_secret(rpc):
    paging = {"page_size", "page_token"} if rpc.pages else set()
    made = command(*rpc.command)

    taken = {part for one in made.params for part in (one.name or "").split("__")}

    for field in rpc.fields:
        if field.name == "query" and field.is_secret:
            assert "url" in taken
        elif field.is_secret or field.name in paging:
            assert field.name not in taken
        else:
            assert field.name in taken, field.name


@pytest.mark.parametrize("place", PLACES, ids=" ".join)
def test_every_command_has_help_that_fits_a_terminal(place):
    made = command(*place)

    text = made.get_help(click.Context(made, info_name=" ".join(place), terminal_width=80))

    assert text.splitlines()[2].strip(), "it says what it does"
    assert max(map(len, text.splitlines())) <= 80 or place == ("completion",)


@pytest.mark.parametrize("rpc", rpcs.every(), ids=lambda one: one.rpc)
def test_every_command_speaks_json(rpc):
    assert "as_json" in {one.name for one in command(*rpc.command).params}


@pytest.mark.parametrize("place", nouns.HAND_MADE, ids=" ".join)
def test_a_command_made_by_hand_speaks_json_too(place):
    assert "as_json" in {one.name for one in command(*place).params}


def test_an_rpc_without_a_command_is_found(monkeypatch):
    """The first test of this file fails when the table of the RPCs lacks one."""
    fewer = tuple(one for one in rpcs.every() if one.rpc != "GetSecret")
    monkeypatch.setattr(rpcs, "every", lambda: fewer)

    with pytest.raises(AssertionError):
        test_every_rpc_has_a_command_under_a_noun_that_the_help_shows()


# ---------------------------------------------------------------------------- the start


def test_finlink_alone_shows_the_nouns_in_their_sections(anyone):
    shown, text = anyone.run(), anyone.run("--help").out

    assert (shown.code, shown.out, shown.err) == (0, text, "")
    for title, section in commands.SECTIONS.items():
        assert f"\n{title}:\n" in text
        for noun in section:
            assert f"\n  {noun} " in text


def test_a_noun_alone_shows_its_verbs(anyone):
    shown = anyone.run("secrets")

    assert (shown.code, shown.out) == (0, anyone.run("secrets", "--help").out)
    for rpc in rpcs.by_command("secrets").values():
        assert f"\n  {rpc.command[1]} " in shown.out


def test_help_and_completion_import_neither_grpc_nor_the_tables_for_people():
    program = (
        "import sys; from finlink_client.command_line import commands;"
        "commands.run(['secrets', '--help']); commands.run(['secrets', 'rotate', '--help']);"
        "print({'grpc', 'google.protobuf', 'jwt', 'cryptography', 'rich'} & sys.modules.keys())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_what_the_client_exports_is_loaded_when_it_is_asked_for():
    for name in finlink_client.__all__:
        assert getattr(finlink_client, name) is not None
    assert sorted(finlink_client._MODULES) == sorted(set(finlink_client.__all__) - {"__version__"})
    assert set(finlink_client.__all__) <= set(dir(finlink_client))
    assert finlink_client.errors.NotFound is finlink_client.NotFound
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = finlink_client.Nothing


@pytest.mark.parametrize("noun", ["secret", "link", "settings", "service-key"])
def test_a_noun_is_understood_in_the_singular(noun):
    assert isinstance(command(noun), nouns.Noun)


@pytest.mark.parametrize(
    "kind",
    [
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "UNAVAILABLE",
        "UNAUTHENTICATED",
    ],
)
def test_the_help_names_the_exit_code_of_each_kind_of_error(kind):
    shown = command().get_help(click.Context(commands.finlink))

    assert f" {64 + getattr(grpc.StatusCode, kind).value[0]} " in shown


def test_whatever_click_complains_of_is_wrong_usage_and_never_a_no(monkeypatch):
    def complain(*_arguments, **_options):
        raise click.ClickException("It cannot be.")

    monkeypatch.setattr(commands.finlink, "main", complain)

    assert commands.run(["apps", "list"]) == 2
