"""`finlink demo` against the real server: the whole story, end to end."""

import json
import re

import pytest

from finlink.config import v1
from finlink_client import commands
from finlink_client.demo import instance

CREDENTIAL = re.compile(r"eyJ[\w-]{10}|f(?:ls|sk|st)_(?:live_|test_)?[0-9A-Za-z]{10}")


@pytest.fixture
def play(server, operator, capsys, monkeypatch):
    """Play the demo as the operator: its exit code and what it showed."""
    monkeypatch.setenv("OPERATOR_KEY", operator.credential)

    def run(*options):
        exit_code = commands.run(["demo", "--target", server.target, *options])
        shown = capsys.readouterr()
        assert shown.err == ""
        return exit_code, shown.out

    return run


@pytest.fixture
def steps(play):
    """The steps of the story, for programs."""
    exit_code, shown = play("--json")
    assert exit_code == 0
    return [json.loads(line) for line in shown.splitlines()]


def test_the_story_goes_as_told_twice_in_a_row(play):
    for exit_code, shown in (play(), play()):
        assert exit_code == 0
        assert re.search(r"All \d+ steps went as the story tells\.", shown)


def test_every_step_goes_as_told(steps):
    assert [step for step in steps if not step["as_told"]] == []
    assert [step["number"] for step in steps] == list(range(1, len(steps) + 1))
    assert all(step["call_id"].startswith("call_") for step in steps)


def test_the_story_tells_every_part_of_the_main_job(steps):
    assert {
        "CreateAccount",
        "SetPassword",
        "SignIn",
        "CreateApp",
        "CreateSecret",
        "StartSession",
        "ValidateSession",
        "CreateLinkToken",
        "OpenLink",
        "ListBanks",
        "UpdateSettings",
        "ListAppBanks",
        "ExplainLink",
        "ListLinkBanks",
        "SetBankStatus",
        "RevokeLinkToken",
        "GetLink",
        "ListSettingsVersions",
        "RollbackSettings",
        "RotateSecret",
        "RevokeSecret",
        "ListAuditEvents",
    } <= {step["rpc"] for step in steps}


def test_the_story_shows_the_refusals(steps):
    refused = {(step["rpc"], step["reason"]) for step in steps if step["outcome"] == "refused"}

    assert {
        ("OpenLink", "LINK_AUTH_TOKEN_REQUIRED"),
        ("OpenLink", "LINK_TOKEN_USED_UP"),
        ("UpdateSettings", "FIELD_INVALID"),
        ("UpdateSettings", "ACCOUNT_TOKEN_REQUIRED"),
        ("UpdateSettings", "ETAG_MISMATCH"),
        ("CreateLinkToken", "LINK_BANK_NOT_AVAILABLE"),
        ("RevokeSecret", "PASSWORD_WRONG"),
        ("StartSession", "CLIENT_CREDENTIALS_INVALID"),
        ("CreateLinkToken", "SESSION_INACTIVE"),
    } <= refused


def test_the_story_explains_a_refusal_check_by_check(steps):
    [explained] = [step for step in steps if step["rpc"] == "ExplainLink"]

    *passed, last = explained["rows"]

    assert passed
    assert {row["outcome"] for row in passed} == {"PASSED"}
    assert (last["outcome"], last["reason"]) == ("FAILED", "LINK_BANK_NOT_AVAILABLE")


def test_it_fits_a_terminal_of_80_columns(play, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    _, shown = play()

    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_credential_is_shown(play, options):
    _, shown = play(*options)

    assert CREDENTIAL.findall(shown) == []


def test_it_leaves_no_service_key_behind(operator, play):
    before = operator.admin.ListServiceKeys(page_size=500).service_keys

    play()

    assert operator.admin.ListServiceKeys(page_size=500).service_keys == before


def test_a_story_that_breaks_off_leaves_no_bank_down(
    server, operator, account, capsys, monkeypatch
):
    monkeypatch.setenv("OPERATOR_KEY", operator.credential)
    monkeypatch.setattr(instance, "_ids", lambda _: ["another bank"])

    exit_code = commands.run(["demo", "--target", server.target, "--json"])

    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [broken] = [step for step in steps if not step["as_told"]]
    down, up = [step["answer"] for step in steps if step["rpc"] == "SetBankStatus"]
    assert exit_code == commands.EXIT_NOT_AS_TOLD
    assert broken["rpc"] == "ListLinkBanks"
    assert down.endswith(" is DOWN")
    assert up == down.replace("DOWN", "OPERATIONAL")
    bank = account.settings.GetBank(bank_id=up.partition(" ")[0]).bank
    assert bank.status == v1.BANK_STATUS_OPERATIONAL


def test_without_the_role_operator_it_ends_at_the_first_step(server, verifier, capsys, monkeypatch):
    monkeypatch.setenv("OPERATOR_KEY", verifier.credential)

    exit_code = commands.run(["demo", "--target", server.target, "--json"])

    (step,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert exit_code == commands.EXIT_NOT_AS_TOLD
    assert not step["as_told"]
    assert "CALLER_NOT_ALLOWED" in step["answer"]
