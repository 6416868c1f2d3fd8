"""The file of `finlink`'s profiles: what it holds, and who may read it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.either("What the command line keeps does not depend on the database.")


# ------------------------------------------------------------------------- the list of them


def test_the_list_shows_no_secret(anyone, app, secret, operator):
    anyone.run("profiles", "set", "shop", "--client-id", app.id, pipe=secret.plaintext)
    anyone.run("profiles", "set", "ops", "--service-key", pipe=operator.credential)

    listed = anyone.json("profiles", "list")
    table = anyone.run("profiles", "list")

    assert [(one["name"], one["credential"]) for one in listed] == [
        ("shop", "client secret"),
        ("ops", "service key"),
    ]
    for credential in (secret.plaintext, operator.credential):
        assert credential not in str(listed) + table.out + table.err


def test_a_profile_that_is_removed_is_forgotten(anyone):
    anyone.run("profiles", "set", "one", "--target", "a.example:1")
    anyone.run("profiles", "set", "two", "--target", "b.example:1")

    removed = anyone.run("profiles", "remove", "one", "--json")

    assert [one["name"] for one in removed.json] == ["two"]
    assert list(anyone.kept()) == ["two"]
    assert anyone.run("profiles", "remove", "one").code == 2


@pytest.mark.parametrize("name", ["", "../x", "a b", "[x]", "x" * 65, "ñ"])
def test_a_name_is_a_word(anyone, name):
    assert anyone.run("profiles", "set", name, "--target", "a.example:1").code == 2


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb\t", "ü€\u2028", "\x7f", "[x]\n[y]"])
def test_whatever_is_kept_comes_back_as_it_was(anyone, value):
    anyone.run("profiles", "set", "odd.name-1", "--tls-root", value)

    assert anyone.kept()["odd.name-1"]["tls_root"] == value
    assert anyone.json("profiles", "list")[0]["tls_root"] == value


# ----------------------------------------------------------------------- who may read them


def test_the_file_is_for_its_owner_alone_from_its_first_moment(anyone):
    anyone.run("profiles", "set", "one", "--target", "a.example:1")

    assert stat.S_IMODE(anyone.profiles.stat().st_mode) == 0o600
    assert stat.S_IMODE(anyone.profiles.parent.stat().st_mode) == 0o700
    assert [one.name for one in anyone.profiles.parent.iterdir()] == ["profiles.toml"]


def test_a_file_that_is_a_link_stays_one(anyone, tmp_path):
    anyone.run("profiles", "set", "one", "--target", "a.example:1")
    elsewhere = tmp_path / "dotfiles.toml"
    anyone.profiles.rename(elsewhere)
    anyone.profiles.symlink_to(elsewhere)

    anyone.run("profiles", "set", "two", "--target", "b.example:1")

    assert anyone.profiles.is_symlink()
    assert list(anyone.kept()) == ["one", "two"]
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
@pytest.mark.parametrize(
    "arguments",
    [("profiles", "list"), ("apps", "list", "--profile", "one"), ("login",)],
    ids=" ".join,
)
def test_a_file_that_others_can_read_is_refused(anyone, mode, arguments):
    anyone.run("profiles", "set", "one", "--email", "ana@example.com")
    anyone.profiles.chmod(mode)

    done = anyone.run(*arguments)

    assert done.code == 2
    assert f"chmod 600 '{anyone.profiles}'" in done.err
    assert stat.S_IMODE(anyone.profiles.stat().st_mode) == mode


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[one\n", "is not TOML (at line 1)"),
        ('[one]\nservice_key = "fsk_hidden\n', "is not TOML (at line 2)"),
        ('[one]\n\ntarget = """hidden', "is not TOML (at line 3)"),
        ('[one]\npassword = "hidden"\n', "[one] has password, which is none of"),
        ("[one]\ntarget = 7\n", "[one] must be a table of texts"),
        ('one = "hidden"\n', "[one] must be a table of texts"),
    ],
)
def test_a_file_that_is_broken_is_named_and_not_quoted(anyone, text, says):
    anyone.profiles.parent.mkdir(parents=True)
    anyone.profiles.write_text(text)
    anyone.profiles.chmod(0o600)

    done = anyone.run("profiles", "list")

    assert done.code == 2
    assert says in done.err
    assert "hidden" not in done.err
    assert "Traceback" not in done.err


def replace_with_a_pipe(file):
    file.unlink()
    os.mkfifo(file, 0o600)


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.chmod(0o644), id="open-to-all"),
        pytest.param(lambda file: file.write_bytes(b"[one]\ntarget = '\xff'\n"), id="not-utf-8"),
        pytest.param(lambda file: file.write_text("[one\n"), id="not-toml"),
        pytest.param(lambda file: (file.unlink(), file.mkdir()), id="folder"),
        pytest.param(replace_with_a_pipe, id="pipe"),
    ],
)
def test_a_file_that_cannot_be_used_never_looks_like_an_answer(anyone, spoil, more):
    """1 would say that it was done, and that the answer is no."""
    anyone.run("profiles", "set", "one", "--email", "ana@example.com")
    spoil(anyone.profiles)

    done = anyone.run("sessions", "validate", *more, pipe="a token")

    assert (done.code, done.out) == (2, "")
    assert not more or done.error["code"] == "USAGE"


def test_profiles_that_are_made_at_once_leave_a_file_that_is_whole(anyone):
    def put(number):
        return anyone.run("profiles", "set", f"number-{number}", "--target", "a.example:1").code

    with ThreadPoolExecutor(8) as racers:
        codes = list(racers.map(put, range(8)))

    assert codes == [0] * 8
    assert sorted(anyone.kept()) == [f"number-{number}" for number in range(8)]


def test_a_folder_that_cannot_be_written_is_a_sentence(anyone):
    anyone.config.write_text("a file, where the folder should be")

    done = anyone.run("profiles", "set", "one", "--target", "a.example:1")

    assert done.code == 2
    assert "Cannot" in done.err
    assert "Traceback" not in done.err
