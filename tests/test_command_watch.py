"""`finlink watch`: what ends and what changes, as it happens."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import pytest
from tests import people
from tests.shell import Shell

from finlink.config import v1
from finlink_client.command_line import watch_commands
from finlink_client.command_line.connecting import Line
from finlink_client.command_line.profiles import Profile

pytestmark = pytest.mark.either("The streams themselves are tried on both databases elsewhere.")

_PATIENCE = 60  # seconds


class Lines:
    """The JSON lines of a command, one after the other."""

    def __init__(self, process):
        self._process = process

    def until(self, holds):
        """Read on until a line is as wanted, and give it."""
        for line in self._process.stdout:
            found = json.loads(line)
            if holds(found):
                return found
        pytest.fail(self._process.stderr.read())

    def until_both_are_caught_up(self):
        left = {"settings", "revocations"}
        while left:
            left -= self.until(lambda one: one["caught_up"]).keys()


def end(process):
    """Press Ctrl-C, and wait."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=_PATIENCE)
    return process.returncode, out, err


def test_a_revocation_and_a_change_are_json_lines(as_operator, account, app, secret, session):
    with as_operator.started("watch", "--json") as process:
        lines = Lines(process)
        lines.until_both_are_caught_up()
        account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)
        ended = lines.until(lambda one: session.id in str(one))
        people.force_auth_token(account, app)
        changed = lines.until(lambda one: app.id in str(one.get("settings")))
        code, _, err = end(process)

    assert ended["revocations"][-1]["reason"] == "INACTIVE_REASON_SECRET_REVOKED"
    assert changed["settings"][0]["link"]["force_auth_token"] is True
    assert (code, err.strip()) == (130, "")


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "people"])
def test_a_heartbeat_is_no_line_and_catching_up_is_one(capsys, as_json):
    beat = v1.WatchRevocationsResponse(cursor="1", caught_up=True)
    teller = watch_commands.teller_for(Line(Profile(), None, as_json=as_json))

    for _ in range(3):
        teller.tell(beat)

    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("\n") == 1


def test_people_see_what_changed_from_what_to_what(customer, account, app):
    with customer.terminal("watch", "settings", "--app-ids", app.id, width=120) as terminal:
        terminal.until("from here on as they happen")
        people.force_auth_token(account, app)
        terminal.until("link.force_auth_token: no → yes")
        terminal.type("\x03")
        code, seen = terminal.end()

    assert code == 130
    assert f"settings of {app.id}" in seen.replace("\x1b[36m", "").replace("\x1b[0m", "")
    assert "Traceback" not in seen


def test_the_first_change_of_an_app_that_the_watch_did_not_begin_with_is_told_whole(
    as_operator, account, app
):
    with as_operator.started("settings", "watch", "--app-ids", app.id, "--json") as process:
        cursor = Lines(process).until(lambda one: one["caught_up"])["cursor"]
        end(process)

    with as_operator.started("settings", "watch", "--cursor", cursor) as process:
        said = process.stderr.readline()
        people.force_auth_token(account, app)
        change = next(one for one in process.stdout if "force_auth_token" in one)
        end(process)

    assert said == "Watching settings; from here on as they happen.\n"
    assert change.strip() == "link.force_auth_token: no → yes"


def test_people_see_what_ended_and_why(as_operator, account, secret, session):
    with as_operator.started("watch", "revocations") as process:
        assert "as they happen" in process.stderr.readline()
        account.sessions.RevokeSession(session_id=session.id)
        line = next(one for one in process.stdout if session.id in one)
        code, _, _ = end(process)

    assert line.endswith("ended: REVOKED\n")
    assert code == 130


@pytest.mark.parametrize(
    "arguments",
    [("sessions", "watch-revocations"), ("settings", "watch")],
    ids=" ".join,
)
def test_each_stream_has_a_command_of_its_own(as_operator, arguments):
    with as_operator.started(*arguments, "--json") as process:
        begun = Lines(process).until(lambda one: one["caught_up"])
        code, _, err = end(process)

    assert begun["cursor"]
    assert (code, err.strip()) == (130, "")


def test_a_stream_that_is_refused_ends_the_command_with_the_reason(customer):
    done = customer.run("watch", "revocations", "--json")

    assert done.code == 71
    assert done.error["reason"] == "CALLER_NOT_ALLOWED"


def test_a_watch_goes_on_when_the_server_was_away(home, tmp_path):
    shell = Shell(tmp_path / "config", {"FINLINK_SERVICE_KEY": home.operator_key})
    with ExitStack() as stack:
        with home.serving() as server:
            port = server.port
            account = people.new_account(server.caller(home.operator_key))
            app = people.new_app(account)
            watching = shell.using(TARGET=server.target).started("watch", "--json")
            process = stack.enter_context(watching)
            lines = Lines(process)
            lines.until_both_are_caught_up()
            server.kill()

        with home.serving(LISTEN=f"127.0.0.1:{port}") as server:
            account.caller = server.caller(account.token)
            people.force_auth_token(account, app)
            changed = lines.until(lambda one: app.id in str(one.get("settings")))
            code, _, err = end(process)

    assert changed["settings"][0]["link"]["force_auth_token"] is True
    assert (code, err.strip()) == (130, "")
