"""`finlink demo` against the real server: the whole story, end to end."""

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from finlink.config import v1
from finlink_client.command_line import commands, failures
from finlink_client.demo import instance

pytestmark = pytest.mark.either("its steps are tested on both")

CREDENTIAL = re.compile(r"eyJ[\w-]{10}|(?:f(?:ls|sk|st)_(?:live_|test_)?|whsec_)[0-9A-Za-z+/]{10}")


@pytest.fixture(scope="module")
def demo_home(first_home, tmp_path_factory):
    return first_home.copy_to(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture(scope="module")
def server(demo_home):
    """A process of its own: those who verify webhooks look at a clock that goes."""
    with demo_home.serving(WEBHOOK_ALLOW_CIDRS="127.0.0.0/8") as process:
        yield process


@pytest.fixture(scope="module")
def operator(server, demo_home):
    return server.caller(demo_home.operator_key)


@dataclass
class Played:
    """How a demo went: its exit code, and what it showed."""

    exit_code: int
    out: str
    err: str

    @property
    def steps(self):
        return [json.loads(line) for line in self.out.splitlines()]


def play(server, key, *options):
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
    ):
        patch.setenv("OPERATOR_KEY", key)
        patch.setenv("COLUMNS", "80")
        exit_code = commands.run(["demo", "--target", server.target, *options])
    return Played(exit_code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def played(server, operator):
    """The story twice in a row: for people, and for programs."""
    return play(server, operator.credential), play(server, operator.credential, "--json")


@pytest.fixture(scope="module")
def steps(played):
    return played[1].steps


def test_the_story_goes_as_told_twice_in_a_row(played):
    for_people, _ = played

    assert [(one.exit_code, one.err) for one in played] == [(0, ""), (0, "")]
    assert re.search(r"All \d+ steps went as the story tells\.", for_people.out)


def test_every_step_goes_as_told(steps):
    assert [step for step in steps if not step["as_told"]] == []
    assert [step["number"] for step in steps] == list(range(1, len(steps) + 1))
    assert all(step["call_id"].startswith("call_") for step in steps if step["rpc"] != "webhook")


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
        "CreateEndpoint",
        "ReportLeakedSecret",
        "PublishEvent",
        "ListDeliveries",
        "GetDelivery",
        "RedeliverEvents",
        "RotateSigningSecret",
        "SendTestEvent",
        "DeleteEndpoint",
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
        ("PublishEvent", "FIELD_INVALID"),
    } <= refused


def test_the_story_explains_a_refusal_check_by_check(steps):
    [explained] = [step for step in steps if step["rpc"] == "ExplainLink"]

    *passed, last = explained["rows"]

    assert passed
    assert {row["outcome"] for row in passed} == {"PASSED"}
    assert (last["outcome"], last["reason"]) == ("FAILED", "LINK_BANK_NOT_AVAILABLE")


def test_the_story_receives_webhooks_that_verify(steps):
    arrived = [step["asked"] for step in steps if step["rpc"] == "webhook"]

    assert arrived == [
        "secret.leaked",
        "secret.revoked",
        "connection.ready",
        "connection.ready",
        "webhook.test",
    ]


def test_the_story_tells_in_words_what_went_wrong_with_a_delivery(steps):
    [told] = [step for step in steps if step["rpc"] == "GetDelivery"]

    attempt, *_ = told["rows"]

    assert (attempt["status"], attempt["problem"]) == ("500", "answered 500 Internal Server Error")


def test_where_the_server_may_not_reach_this_machine_webhooks_are_skipped(home):
    with home.serving() as careful:
        played = play(careful, home.operator_key, "--json")

    [skipped] = [step for step in played.steps if step["outcome"] == "skipped"]
    assert played.exit_code == 0
    assert all(step["as_told"] for step in played.steps)
    assert (skipped["rpc"], skipped["reason"]) == ("CreateEndpoint", "FIELD_INVALID")
    assert "is loopback (RFC 1122)" in skipped["answer"]
    assert "FINLINK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8" in skipped["answer"]
    assert played.steps[-1]["chapter"] == "Tidying up"


def test_it_fits_a_terminal_of_80_columns(played):
    assert [line for line in played[0].out.splitlines() if len(line) > 80] == []


def test_no_credential_is_shown(played):
    assert [CREDENTIAL.findall(one.out) for one in played] == [[], []]


def test_it_leaves_no_service_key_behind(operator, played):
    del played

    keys = operator.admin.ListServiceKeys(page_size=500).service_keys

    assert [key.display_name for key in keys if not key.HasField("revoke_time")] == ["tests"]


def test_a_story_that_breaks_off_leaves_no_bank_down(server, operator, account, monkeypatch):
    monkeypatch.setattr(instance, "_ids", lambda _: ["another bank"])

    played = play(server, operator.credential, "--json")

    [broken] = [step for step in played.steps if not step["as_told"]]
    down, up = [step["answer"] for step in played.steps if step["rpc"] == "SetBankStatus"]
    assert played.exit_code == failures.EXIT_NO
    assert "did not go as the story tells" in played.err
    assert broken["rpc"] == "ListLinkBanks"
    assert down.endswith(" is DOWN")
    assert up == down.replace("DOWN", "OPERATIONAL")
    bank = account.settings.GetBank(bank_id=up.partition(" ")[0]).bank
    assert bank.status == v1.BANK_STATUS_OPERATIONAL


def test_without_the_role_operator_it_ends_at_the_first_step(server, operator):
    made = operator.admin.CreateServiceKey(display_name="Verifier", roles=["ROLE_VERIFIER"])

    played = play(server, made.key, "--json")

    operator.admin.RevokeServiceKey(service_key_id=made.service_key.id)
    (step,) = played.steps
    assert played.exit_code == failures.EXIT_NO
    assert not step["as_told"]
    assert "CALLER_NOT_ALLOWED" in step["answer"]
