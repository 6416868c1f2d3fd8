"""`finlink settings export`, `plan` and `apply` against a real server."""

from __future__ import annotations

import pytest
import yaml
from tests import app_settings, people
from tests.settings_files import FILE, HOOK

pytestmark = pytest.mark.either("what a command says and asks for")

# ------------------------------------------------------------------------ there and back


def test_what_was_applied_is_exported_and_applying_it_again_changes_nothing(
    as_customer, app_file, account, app, endpoints
):
    first = as_customer("settings", "apply", "--yes", app_file.write(FILE))
    exported = as_customer("settings", "export", "--app-id", app.id)
    app_file.path.write_text(exported.out)
    before = (app_settings.read(account, app), endpoints())

    again = as_customer("settings", "apply", app_file.path)

    assert (first.exit_code, exported.exit_code, again.exit_code) == (0, 0, 0)
    assert (app_settings.read(account, app), endpoints()) == before
    assert "The file would change nothing." in again.err
    told, wanted = yaml.safe_load(exported.out), yaml.safe_load(FILE.replace("NO", "'NO'"))
    assert {name: told["link"][name] for name in ("redirects", "languages")} == {
        name: wanted["link"][name] for name in ("redirects", "languages")
    }
    assert told["webhook_endpoints"] == [
        {"display_name": "", "disabled": False} | one for one in wanted["webhook_endpoints"]
    ]
    assert as_customer("settings", "export", "--app-id", app.id).out == exported.out


def test_all_that_settings_can_say_goes_there_and_back(as_customer, account, app, app_file):
    app_settings.change(account, app, app_settings.VALUES)
    exported = as_customer("settings", "export", "--app-id", app.id).out
    wanted = app_settings.leaves(app_settings.read(account, app))
    app_settings.change(account, app, {}, "*")
    app_file.path.write_text(exported)

    applied = as_customer("settings", "apply", "--yes", app_file.path)

    found = app_settings.leaves(app_settings.read(account, app))
    assert applied.exit_code == 0
    assert [one.pop("id") for one in redirects_of(wanted, found)]
    assert found == wanted


def redirects_of(*leaves):
    """Take the redirects, whose ids are new, as mappings."""
    for one in leaves:
        one["link.redirects"] = [
            {"id": r.id, "display_name": r.display_name, "uri": r.uri}
            for r in one["link.redirects"]
        ]
    return [redirect for one in leaves for redirect in one["link.redirects"]]


def test_a_file_of_one_app_fits_another(as_customer, account, app, app_file):
    app_settings.change(account, app, {"link.redirects": app_settings.VALUES["link.redirects"]})
    other = people.new_app(account)
    exported = as_customer("settings", "export", "--app-id", app.id).out
    app_file.path.write_text(exported.replace(f"app_id: {app.id}\n", ""))

    applied = as_customer("settings", "apply", "--yes", "--app-id", other.id, app_file.path)

    assert applied.exit_code == 0, applied.err
    assert app_settings.read(account, other).link.redirects[0].uri == "https://shop.example/back"


def test_a_redirect_that_moves_keeps_its_id(as_customer, account, app, app_file, redirect_id):
    text = "link: {redirects: [{display_name: Shop, uri: https://shop.example/new}]}"

    as_customer("settings", "apply", "--yes", app_file.write(text))

    [redirect] = app_settings.read(account, app).link.redirects
    assert (redirect.id, redirect.uri) == (redirect_id, "https://shop.example/new")


def test_an_export_as_json_can_be_applied(as_customer, app, app_file, account):
    as_customer("settings", "apply", "--yes", app_file.write(FILE))
    exported = as_customer("settings", "export", "--json", "--app-id", app.id)

    planned = as_customer("settings", "plan", "--exit-code", "-", stdin=exported.out)

    assert exported.json["link"]["languages"] == ["es", "NO"]
    assert planned.exit_code == 0


# --------------------------------------------------------------------------- asking first


@pytest.mark.parametrize(
    ("typed", "exit_code", "version"), [("y\n", 0, 2), ("n\n", 130, 1), ("\n", 130, 1)]
)
def test_nothing_changes_before_a_yes(
    as_customer, app_file, account, app, typed, exit_code, version
):
    applied = as_customer("settings", "apply", app_file.write(FILE), typed=typed)

    assert applied.exit_code == exit_code
    assert "Change it? [y/N]" in applied.err
    assert ("Nothing was changed." in applied.err) == (version == 1)
    assert app_settings.read(account, app).version == version


def test_a_file_from_standard_input_needs_a_yes_on_the_command_line(as_customer, app_file):
    applied = as_customer("settings", "apply", "-", stdin=app_file.write(FILE).read_text())

    assert applied.exit_code == 2
    assert "The file took standard input" in applied.err


def test_at_a_terminal_the_plan_is_in_color_and_the_question_comes_after_it(
    customer, app_file, account, app
):
    path = app_file.write(FILE)

    with customer.terminal("settings", "apply", str(path)) as terminal:
        terminal.until("Change it? [y/N]")
        before = app_settings.read(account, app).version
        terminal.type("y\n")
        exit_code, seen = terminal.end()

    assert (exit_code, before, app_settings.read(account, app).version) == (0, 1, 2)
    assert "\x1b[32m+ link.force_auth_token: true" in seen
    assert seen.index("force_auth_token") < seen.index("Change it?") < seen.index("whsec_")


def test_signing_secrets_are_shown_once_with_a_warning(as_customer, app_file, endpoints):
    applied = as_customer("settings", "apply", "--yes", app_file.write(FILE))

    shown = [line for line in applied.out.splitlines() if "signing_secret: whsec_" in line]
    hints = {one.signing_secrets[0].hint for one in endpoints().values()}
    assert {line.rstrip("=")[-4:] for line in shown} == hints
    assert "Keep each signing_secret now: it is not shown again." in applied.err


def test_as_json_each_change_is_a_line(as_customer, app_file, endpoints):
    applied = as_customer("settings", "apply", "--yes", "--json", app_file.write(FILE))

    plan, *done = applied.json_lines
    assert plan["plan"]["changes_anything"]
    assert done[0] == {"done": {"settings_version": 2}}
    made = {one["done"]["endpoint_id"] for one in done if one["done"].get("signing_secret")}
    assert made == {one.id for one in endpoints().values()}


def test_a_comment_stands_in_the_versions(as_customer, app_file, account, app):
    path = app_file.write(FILE)

    as_customer("settings", "apply", "--yes", "--comment", "Ticket 7", path)

    newest, *_ = app_settings.versions_of(account, app)
    assert newest.comment == "Ticket 7"
    assert {change.path for change in newest.changes} == {
        "link.force_auth_token",
        "link.redirects",
        "link.languages",
        "link.appearance.light",
        "banks.mode",
        "banks.bank_ids",
    }


# ------------------------------------------------------------------------------ endpoints


def test_an_endpoint_keeps_its_id_and_secrets_through_a_change(as_customer, app_file, endpoints):
    as_customer("settings", "apply", "--yes", app_file.write(FILE))
    before = endpoints()

    text = FILE.replace(f"{HOOK}a", f"{HOOK}c").replace("disabled: true", "disabled: false")
    applied = as_customer("settings", "apply", "--yes", app_file.write(text))

    after = endpoints()
    assert applied.exit_code == 0
    assert (after["c"].id, after["b"].id) == (before["a"].id, before["b"].id)
    assert after["c"].signing_secrets == before["a"].signing_secrets
    assert (before["b"].disabled, after["b"].disabled) == (True, False)


@pytest.mark.parametrize(("prune", "left"), [([], ["a", "b"]), (["--prune"], ["b"])])
def test_what_is_not_in_the_file_is_deleted_only_when_asked(
    as_customer, app_file, endpoints, prune, left
):
    as_customer("settings", "apply", "--yes", app_file.write(FILE))
    path = app_file.write(
        f"webhook_endpoints: [{{uri: '{HOOK}b', event_types: [connection.ready]}}]"
    )

    applied = as_customer("settings", "apply", "--yes", *prune, path)

    assert applied.exit_code == 0
    assert sorted(endpoints()) == left
    assert ("stays: --prune deletes it" in applied.err) == (not prune)


def test_all_ten_endpoints_can_be_replaced(as_customer, app_file, endpoints):
    def listed(letters):
        return app_file.write_values(
            webhook_endpoints=[{"uri": f"{HOOK}{one}", "event_types": ["x.y"]} for one in letters]
        )

    assert as_customer("settings", "apply", "--yes", listed("0123456789")).exit_code == 0

    applied = as_customer("settings", "apply", "--yes", "--prune", listed("abcdefghij"))

    assert applied.exit_code == 0, applied.err
    assert sorted(endpoints()) == sorted("abcdefghij")


def test_an_endpoint_that_was_deleted_today_is_made_again(
    as_customer, app_file, account, endpoints
):
    path = app_file.write(FILE)
    ids = set()
    for _ in range(3):
        assert as_customer("settings", "apply", "--yes", path).exit_code == 0
        ids |= {one.id for one in endpoints().values()}
        for one in endpoints().values():
            account.webhooks.DeleteEndpoint(endpoint_id=one.id)

    assert len(ids) == 6


def test_an_endpoint_that_was_made_into_another_today_is_made_again(
    as_customer, app_file, account, endpoints
):
    path = app_file.write_values(webhook_endpoints=[{"uri": f"{HOOK}a", "event_types": ["x.y"]}])
    as_customer("settings", "apply", "--yes", path)
    account.webhooks.UpdateEndpoint(
        endpoint={"id": endpoints()["a"].id, "uri": f"{HOOK}z"}, update_mask={"paths": ["uri"]}
    )

    applied = as_customer("settings", "apply", "--yes", path)

    assert sorted(endpoints()) == ["a", "z"]
    assert "signing_secret: whsec_" in applied.out


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_a_comment_that_is_no_unicode_is_wrong_usage_before_anything_is_asked(
    as_customer, app_file, account, app, more
):
    path = app_file.write(FILE)

    applied = as_customer("settings", "apply", "--yes", "--comment", "x\udcff", path, *more)

    assert (applied.exit_code, applied.out) == (2, "")
    assert "--comment" in applied.err
    assert app_settings.read(account, app).version == 1


def test_what_the_client_refuses_to_send_is_wrong_usage_in_whatever_command(
    as_customer, monkeypatch
):
    monkeypatch.setenv("FINLINK_APP_ID", "app_\udcff")

    exported = as_customer("settings", "export")

    assert exported.exit_code == 2
    assert "must be Unicode" in exported.err
