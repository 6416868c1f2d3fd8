"""`finlink settings plan`, and what `apply` refuses before anything is changed."""

from __future__ import annotations

import pytest
from tests import app_settings, people
from tests.settings_files import FILE

pytestmark = pytest.mark.either("what a command says and asks for")


# -------------------------------------------------------------------------------- a plan


def test_a_plan_changes_nothing(as_customer, app_file, account, app, endpoints):
    before = app_settings.read(account, app)

    planned = as_customer("settings", "plan", app_file.write(FILE))

    assert planned.exit_code == 0
    assert "+ link.force_auth_token: true" in planned.out
    assert app_settings.read(account, app) == before
    assert endpoints() == {}


def test_a_plan_says_by_its_exit_code_whether_there_is_something_to_do(as_customer, app_file):
    path = app_file.write(FILE)

    assert as_customer("settings", "plan", "--exit-code", path).exit_code == 3
    as_customer("settings", "apply", "--yes", path)
    assert as_customer("settings", "plan", "--exit-code", path).exit_code == 0


def test_a_plan_is_there_as_json(as_customer, app_file, app):
    planned = as_customer("settings", "plan", "--json", app_file.write(FILE)).json

    assert (planned["app_id"], planned["changes_anything"]) == (app.id, True)
    assert planned["settings"][0] == {
        "path": "link.force_auth_token",
        "old_value": False,
        "new_value": True,
    }
    assert [one["action"] for one in planned["webhook_endpoints"]] == ["create", "create"]


@pytest.mark.parametrize(("color", "painted"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_a_diff_is_in_color_where_colors_are(as_customer, app_file, monkeypatch, color, painted):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(color, "1")

    shown = as_customer("settings", "plan", app_file.write(FILE)).out

    assert ("\x1b[32m+ link.force_auth_token: true" in shown) == painted
    assert ("\x1b[31m- link.force_auth_token: false" in shown) == painted
    assert ("+ link.force_auth_token: true" in shown.splitlines()) == (not painted)


def test_a_redirect_that_goes_is_warned_of(as_customer, app_file, redirect_id):
    planned = as_customer("settings", "plan", app_file.write("link: {redirects: []}"))

    assert f"Link URLs with id={redirect_id} will be refused" in planned.err


# --------------------------------------------------------------- what is refused beforehand


def test_what_the_server_would_refuse_is_shown_with_its_line_and_nothing_is_written(
    as_customer, app_file, account, app, endpoints
):
    text = """\
link:
  terms_uri: http://shop.example
  redirects:
    - display_name: Shop
      uri: ftp://shop.example
banks:
  bank_ids: [es-bbva, xx-nobody]
webhook_endpoints:
  - uri: https://127.0.0.1:9/good
  - uri: shop.example/hook
    event_types: [secret.revoked, secret.lost, nonsense]
"""
    before = app_settings.read(account, app)

    applied = as_customer("settings", "apply", "--yes", app_file.write(text))

    places = [line.split(f"{app_file.path}:")[1] for line in applied.err.splitlines()[:-1]]
    assert applied.exit_code == 67
    assert [": ".join(place.split(": ")[:2]) for place in places] == [
        "4:14: link.terms_uri",
        "7:12: link.redirects[0].uri",
        "9:23: banks.bank_ids[1]",
        "12:10: webhook_endpoints[1].uri",
        "13:35: webhook_endpoints[1].event_types[1]",
        "13:48: webhook_endpoints[1].event_types[2]",
    ]
    assert app_settings.read(account, app) == before
    assert endpoints() == {}


def test_a_wrong_file_is_told_as_json_too(as_customer, app_file):
    planned = as_customer("settings", "plan", "--json", app_file.write("linc: {}"))

    assert (planned.exit_code, planned.out) == (67, "")
    assert '"code": "FILE_INVALID"' in planned.err
    assert "app.yaml:3:1: has no key `linc`" in planned.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "missing.yaml"], "Cannot read missing.yaml: No such file or directory."),
        (["apply", "--app-id", "app_other", "FILE"], "and not of app_other: take app_id out"),
        (["apply", "FILE"], "Nobody is there to ask: say --yes if it is meant."),
        (["apply", "--json", "FILE"], "With --json nobody is asked: say --yes if it is meant."),
    ],
)
def test_wrong_usage_is_said(as_customer, app_file, arguments, said):
    path = str(app_file.write(FILE))

    ran = as_customer("settings", *(path if one == "FILE" else one for one in arguments))

    assert ran.exit_code == 2
    assert said in ran.err


def test_a_file_without_an_app_is_of_the_app_of_the_profile(
    as_customer, app_file, app, monkeypatch
):
    path = app_file.write("api_version: finlink.config.v1\nlink: {languages: [es]}", head=False)

    assert "Which app?" in as_customer("settings", "plan", path).err
    monkeypatch.setenv("FINLINK_APP_ID", app.id)
    assert as_customer("settings", "plan", "--json", path).json["app_id"] == app.id


def test_another_customers_app_looks_like_none(as_customer, app_file, stranger):
    theirs = people.new_app(stranger)
    path = app_file.write(f"api_version: finlink.config.v1\napp_id: {theirs.id}", head=False)

    planned = as_customer("settings", "plan", path)

    assert planned.exit_code == 69
    assert "APP_NOT_FOUND" in planned.err


def test_a_session_may_apply_what_a_session_may_change(as_customer, app_file, session, monkeypatch):
    monkeypatch.setenv("FINLINK_TOKEN", session.token)

    applied = as_customer("settings", "apply", "--yes", app_file.write("link: {languages: [es]}"))
    refused = as_customer(
        "settings", "apply", "--yes", app_file.write("link: {force_auth_token: true}")
    )

    assert (applied.exit_code, refused.exit_code) == (0, 71)
    assert "ACCOUNT_TOKEN_REQUIRED" in refused.err
