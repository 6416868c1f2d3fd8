"""What commands of `finlink` look like on a terminal of a real size."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text
from tests import people
from tests.link_urls import auth_token_for
from tests.shell import plain

from finlink.config import v1
from finlink_client.command_line import tables, values
from finlink_client.command_line.columns import COLUMNS

pytestmark = pytest.mark.either("What the command line shows does not depend on the database.")

COLOUR = re.compile(r"\x1b\[[0-9;]+m")


@pytest.fixture
def secrets(account, app):
    return [people.new_secret(account, app) for _ in range(3)]


@pytest.mark.parametrize("width", [30, 40, 80, 200])
def test_a_table_fits_the_terminal_and_breaks_no_id(customer, app, secrets, width):
    shown = customer.screen("secrets", "list", "--app-id", app.id, width=width)

    lines = plain(shown).splitlines()
    table = [line for line in lines if line.startswith(("ID", "sec_"))]
    assert [line.split()[0] for line in table] == ["ID", *(one.id for one in secrets)]
    assert max(map(len, table)) <= max(width, len(secrets[0].id))


def test_a_wide_terminal_shows_every_column_and_a_narrow_one_says_which_it_left_out(
    customer, app, secrets
):
    wide = plain(customer.screen("secrets", "list", "--app-id", app.id, width=200))
    narrow = plain(customer.screen("secrets", "list", "--app-id", app.id, width=60))

    assert "CREATE_TIME" in wide
    assert "No room" not in wide
    assert "STATE" in narrow
    assert "CREATE_TIME" not in narrow
    assert re.search(r"No room for [a-z_, ]*create_time", narrow)


def test_at_no_width_is_anything_of_a_shown_column_lost():
    rows = [
        {
            "id": Text("whe_01m833ka8ve1sb15yj97a12skd"),
            "uri": Text("https://hooks.example/a/very/long/path"),
            "disabled": Text("no"),
            "display_name": Text("the endpoint of the warehouse in 東京都 Alcalá"),
        }
    ]
    for width in range(10, 200):
        out = Console(file=io.StringIO(), width=width)

        left_out = tables.table(out, rows)

        shown = [name for name in rows[0] if name not in left_out]
        wanted = "".join(values.heading(name) + rows[0][name].plain for name in shown)
        assert isinstance(out.file, io.StringIO)
        assert sorted("".join(out.file.getvalue().split())) == sorted("".join(wanted.split()))


@pytest.mark.parametrize("width", [78, 100])
def test_texts_of_people_are_folded_within_their_column_and_ids_stay_whole(
    customer, account, app, width
):
    name = "the endpoint that the warehouse in Alcalá listens at"
    made = account.webhooks.CreateEndpoint(
        app_id=app.id, uri=people.NO_RECEIVER, display_name=name
    ).endpoint

    shown = plain(customer.screen("endpoints", "list", "--app-id", app.id, width=width))

    rows = shown.splitlines()
    assert max(map(len, rows)) <= width
    assert name not in shown
    assert any(row.startswith(f"{made.id} ") for row in rows)
    assert all(word in shown for word in name.split())


def test_a_credential_is_one_word_however_narrow_the_terminal(customer, account, app, redirect_id):
    """The terminal folds it by itself, and copies it whole."""
    shown = customer.screen(
        *("link-tokens", "create", "--app-id", app.id, "--redirect-id", redirect_id),
        *("--product", "TRANSACTIONS"),
        width=40,
    )

    [line] = [line for line in plain(shown).splitlines() if line.startswith("auth_token")]
    assert line.split()[1].count(".") == 2
    assert len(line) > 300


def test_on_a_terminal_there_is_colour_and_with_no_color_there_is_none(customer, app, secrets):
    coloured = customer.screen("secrets", "list", "--app-id", app.id)
    without = customer.screen("secrets", "list", "--app-id", app.id, NO_COLOR="1")
    dumb = customer.screen("secrets", "list", "--app-id", app.id, TERM="dumb")

    # Bold heads are no colour, and stay.
    assert re.search(r"\x1b\[3[0-9]m", coloured)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", without)
    assert not COLOUR.search(dumb)
    assert plain(coloured).splitlines()[:2] == plain(without).splitlines()[:2]


def test_an_error_is_coloured_on_a_terminal_alone(customer):
    shown = customer.screen("secrets", "get", "sec_00000000000000000000000000")
    piped = customer.run("secrets", "get", "sec_00000000000000000000000000")

    assert COLOUR.search(shown)
    assert not COLOUR.search(piped.err)
    said = piped.err.splitlines()[0]
    assert said in plain(shown)


def test_json_is_the_same_on_a_terminal(customer, app):
    shown = customer.screen("apps", "get", app.id, "--json", width=40)

    assert shown == customer.run("apps", "get", app.id, "--json").out


def test_a_terminal_that_knows_ascii_alone_gets_no_traceback(customer, account, app):
    people.add_redirect(account, app, "https://shop.example/back")

    shown = customer.screen(
        "apps", "update", app.id, "--display-name", "Café", PYTHONIOENCODING="ascii"
    )

    assert "Caf?" in shown
    assert "Traceback" not in shown


def test_what_a_server_says_cannot_steer_the_terminal(anyone, scripted):
    """Ours refuses such a name; another one might not."""
    name = "\x1b]0;title\x07\x1b[2J\u202eevil"
    scripted.answer = v1.GetSecretResponse(secret=v1.Secret(id="sec_1", display_name=name))

    shown = anyone.screen("secrets", "get", "sec_1", "--target", scripted.target)

    assert "\\u001b]0;title" in shown
    for steering in ("\x1b]", "\x07", "\u202e", "\x1b[2J"):
        assert steering not in shown


# -------------------------------------------------------------------------- why Link opens


def test_explaining_a_link_ticks_what_passed_and_says_what_to_do_about_what_failed(
    customer, app, redirect_id
):
    url = f"https://link.example/?id={redirect_id}&product=TRANSACTIONS&entity=es-nobody#top"

    done = customer.run("link", "explain", url)

    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[0] == "✗ Link would not open."
    assert "  ✓ redirect_present" in lines
    [failed] = [number for number, line in enumerate(lines) if line.startswith("  ✗ ")]
    assert "es-nobody" in lines[failed]
    assert lines[failed + 1].split()[0] == "LINK_BANK_NOT_AVAILABLE"
    assert any(re.fullmatch(r"product +TRANSACTIONS +URL", line) for line in lines)


def test_explaining_a_link_does_not_send_to_itself(customer, redirect_id):
    done = customer.run("link", "explain", f"id={redirect_id}&product=TRANSACTIONS&theme=PINK")

    assert "LINK_PARAMETER_INVALID  Correct the parameter." in done.out
    assert "links explain" not in done.out


def test_explaining_a_link_that_opens_exits_with_0(customer, app, redirect_id):
    done = customer.run("link", "explain", f"id={redirect_id}&product=TRANSACTIONS")

    assert done.code == 0
    assert done.out.startswith("✓ Link would open.\n")
    assert "✗" not in done.out


def test_a_link_url_with_an_auth_token_can_come_from_a_pipe(customer, account, app, redirect_id):
    token = auth_token_for(account, app, redirect_id)
    url = f"https://link.example/?id={redirect_id}&authToken={token}&theme=DARK"

    explained = customer.run("link", "explain", "-", "--json", pipe=url)
    told = customer.run("link", "explain", "-", pipe=url)

    assert explained.json["verdict"] == "LINK_VERDICT_ACCEPTED"
    assert explained.json["ignored_parameters"] == ["id", "theme"]
    assert "Ignored: id, theme" in told.out
    assert "AUTH_TOKEN" in told.out


def test_explaining_folds_long_reasons_under_each_other_on_a_narrow_terminal(
    customer, app, redirect_id
):
    shown = plain(
        customer.screen(
            "link", "explain", f"id={redirect_id}&product=TRANSACTIONS&entity=es-nobody"
        )
    )

    assert max(map(len, shown.splitlines())) <= 80


def test_the_front_end_opens_link_with_the_url_of_an_end_user(
    anyone, link_front_end, app, redirect_id
):
    front_end = anyone.using(SERVICE_KEY=link_front_end.credential)

    opened = front_end.json(
        "links", "open", f"https://l.example/?id={redirect_id}&product=TRANSACTIONS"
    )

    assert opened["link"]["app_id"] == app.id
    assert opened["banks"]


# ------------------------------------------------------------------------ what takes long


def test_what_takes_long_says_on_a_terminal_that_it_goes_on_and_in_a_pipe_nothing(customer):
    shown = customer.screen("audit", "verify-log")
    piped = customer.run("audit", "verify-log")

    assert "Waiting for the answer" in plain(shown)
    assert piped.err == ""
    assert "Waiting" not in piped.out


def test_a_list_of_more_than_a_page_says_how_far_it_has_come_and_a_short_one_does_not_flicker(
    as_operator,
):
    long = as_operator.screen("banks", "list", "--limit", "600", width=200)
    short = as_operator.screen("banks", "list", "--limit", "20", width=200)

    assert "Reading 50" in plain(long)
    assert "Reading" not in short


def test_a_version_of_settings_names_the_paths_that_changed(customer, account, app):
    people.force_auth_token(account, app)

    listed = customer.run("settings", "list-versions", "--app-id", app.id)

    assert "link.force_auth_token" in listed.out


def test_every_column_is_a_field():
    for kind, names in COLUMNS.items():
        empty = getattr(v1, kind)()
        for name in names:
            assert values.cell(empty, name) is not None
