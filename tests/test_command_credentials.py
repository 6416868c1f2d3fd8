"""What `finlink` does with credentials: shown once, never typed as an argument."""

from __future__ import annotations

import grpc
import pytest
from tests import people
from tests.shell import plain

from finlink.config import v1
from finlink_client.command_line import rpcs
from finlink_server import credentials

pytestmark = pytest.mark.either("What the command line asks does not depend on the database.")

REFUSED = 64 + grpc.StatusCode.PERMISSION_DENIED.value[0]


# ----------------------------------------------------------------------------- shown once


def test_a_new_secret_stands_on_stdout_and_the_warning_beside_it(customer, app):
    done = customer.run("secrets", "create", "--app-id", app.id, "--display-name", "backend")

    [line] = [line for line in done.out.splitlines() if line.startswith("client_secret")]
    people.CANARIES.add(line.split()[1])
    assert line.split()[1].startswith("fls_test_")
    assert done.err == "Keep client_secret now: it is not shown again.\n"
    listed = customer.run("secrets", "list", "--app-id", app.id)
    assert line.split()[1] not in listed.out


def test_with_json_the_warning_does_not_stand_in_the_document(customer, app):
    done = customer.run("secrets", "create", "--app-id", app.id, "--display-name", "b", "--json")

    people.CANARIES.add(done.json["client_secret"])
    assert done.json["client_secret"].startswith("fls_test_")
    assert "not shown again" in done.err


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["endpoints", "create", "--uri", people.NO_RECEIVER], "signing_secret"),
        (["link-tokens", "create", "--product", "TRANSACTIONS"], "auth_token"),
    ],
    ids=["signing secret", "auth token"],
)
def test_every_credential_in_an_answer_is_said_to_be_shown_once(
    customer, app, redirect_id, arguments, shown
):
    more = ["--redirect-id", redirect_id] if shown == "auth_token" else []

    done = customer.run(*arguments, "--app-id", app.id, *more)

    assert done.code == 0, done.err
    assert f"\n{shown}" in f"\n{done.out}"
    assert f"Keep {shown} now" in done.err


# ------------------------------------------------------------------------- never an argument


def test_no_command_has_an_option_for_a_secret():
    """And there are some that could: or the walk over the protos would have found none."""
    secret = {
        (one.rpc, field.name) for one in rpcs.every() for field in one.fields if field.is_secret
    }

    assert ("RevokeSecret", "password") in secret
    assert len(secret) >= 10


@pytest.mark.parametrize("option", ["--password", "--client-secret", "--new-password"])
def test_a_secret_as_an_option_is_wrong_usage(customer, option):
    done = customer.run("secrets", "rotate", "sec_1", option, "hidden-enough")

    assert done.code == 2
    assert "hidden-enough" not in done.err


def test_a_password_comes_from_the_environment_or_a_pipe(customer, account, app):
    by_pipe, by_variable = (people.new_secret(account, app) for _ in range(2))

    piped = customer.run("secrets", "revoke", by_pipe.id, "--yes", pipe=f"{account.password}\n")
    named = customer.using(PASSWORD=account.password).run(
        "secrets", "revoke", by_variable.id, "--yes"
    )

    assert (piped.code, named.code) == (0, 0), piped.err + named.err
    states = {
        one["id"]: one["state"]
        for one in customer.json("secrets", "list", "--app-id", app.id, "--show-inactive")
    }
    assert states == dict.fromkeys((by_pipe.id, by_variable.id), "SECRET_STATE_REVOKED")


def test_without_a_password_it_says_where_to_put_one(customer, secret):
    done = customer.run("secrets", "rotate", secret.id)

    assert done.code == 2
    assert "set FINLINK_PASSWORD, or give it on standard input" in done.err


def test_several_secrets_are_read_in_the_order_of_the_request(customer, account):
    new = f"{account.password}-new"
    people.CANARIES.add(new)

    done = customer.run("accounts", "change-password", pipe=f"{account.password}\n{new}\n")

    assert done.code == 0, done.err
    assert customer.run("login", "--email", account.email, pipe=new).code == 0


def test_a_prompt_hides_what_is_typed_and_asks_twice_for_what_is_new(customer, account):
    new = f"{account.password}-new"
    people.CANARIES.add(new)

    with customer.terminal("accounts", "change-password") as terminal:
        terminal.until("Current password:")
        terminal.type(f"{account.password}\n")
        terminal.until("New password:")
        terminal.type(f"{new}\n")
        terminal.until("Repeat for confirmation:")
        terminal.type(f"{new}\n")
        code, seen = terminal.end()

    assert code == 0, seen
    assert account.password not in seen


def test_a_leaked_secret_is_reported_without_any_credential(anyone, account, secret):
    done = anyone.run("secrets", "report-leaked", pipe=secret.plaintext)

    assert (done.code, done.err) == (0, "Done.\n")
    assert account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


def test_the_own_secret_is_not_reported_for_standing_in_the_environment(anyone, account, secret):
    own = anyone.using(CLIENT_ID=secret.app_id, CLIENT_SECRET=secret.plaintext)

    done = own.run("secrets", "report-leaked")

    assert done.code == 2
    assert "FINLINK_LEAKED_SECRET" in done.err
    assert not account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


def test_many_tokens_come_from_a_pipe(as_operator, session):
    done = as_operator.run(
        "sessions", "batch-validate", "--json", pipe=f"{session.token}\nnonsense"
    )

    assert done.code == 1
    assert [one["active"] for one in done.json["results"]] == [True, False]


# --------------------------------------------------------------- a look before a secret ends


def test_revoking_shows_what_would_end_before_it_asks_for_the_password(
    customer, account, secret, session
):
    with customer.terminal("secrets", "revoke", secret.id, width=120) as terminal:
        terminal.until("Password:")
        before = plain(terminal.seen)
        state = account.secrets.GetSecret(secret_id=secret.id).secret.state
        terminal.type(f"{account.password}\n")
        code, seen = terminal.end()

    assert "This would end, for good:" in before
    assert secret.id in before
    assert f"With it ends session {session.id}" in before
    assert "Last used at " in before
    assert state == v1.SECRET_STATE_ACTIVE
    assert code == 0, seen
    assert account.password not in seen
    assert account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


def test_a_secret_that_was_never_used_says_so(customer, account, secret):
    with customer.terminal("secrets", "revoke", secret.id) as terminal:
        terminal.until("Password:")
        seen = plain(terminal.seen)

    assert "It was never used." in seen
    assert "It has no active session." in seen


def test_a_secret_that_has_ended_says_so_and_asks_for_no_password(customer, account, secret):
    account.secrets.RevokeSecret(secret_id=secret.id, password=account.password)

    with customer.terminal("secrets", "revoke", secret.id, width=120) as terminal:
        code, seen = terminal.end()

    assert code == 0
    assert "(REVOKED): nothing would change." in plain(seen)
    assert "This would end" not in plain(seen)
    assert "Password:" not in plain(seen)


def test_a_wrong_password_ends_nothing(customer, account, secret):
    with customer.terminal("secrets", "revoke", secret.id) as terminal:
        terminal.until("Password:")
        terminal.type("not the password\n")
        code, seen = terminal.end()

    assert code == REFUSED
    assert "PASSWORD_WRONG" in seen
    assert not account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


def test_an_interrupt_at_the_prompt_ends_nothing_and_exits_with_130(customer, account, secret):
    with customer.terminal("secrets", "revoke", secret.id) as terminal:
        terminal.until("Password:")
        terminal.type("\x03")
        code, _ = terminal.end()

    assert code == 130
    assert not account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


@pytest.mark.parametrize(("answer", "ends"), [("y", True), ("n", False), ("", False)])
def test_a_password_that_stands_in_the_environment_is_no_yes(
    customer, account, secret, answer, ends
):
    shell = customer.using(PASSWORD=account.password)

    with shell.terminal("secrets", "revoke", secret.id) as terminal:
        terminal.until("End it for good? [y/N]:")
        terminal.type(f"{answer}\n")
        code, _ = terminal.end()

    assert code == (0 if ends else 130)
    assert account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time") == ends


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
def test_a_program_must_say_yes(customer, account, secret, more):
    done = customer.run("secrets", "revoke", secret.id, *more, pipe=account.password)

    assert done.code == 2
    assert "say --yes" in done.err
    assert not account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


def test_validate_only_tells_what_would_end_and_ends_nothing(customer, account, secret, session):
    told = customer.json("secrets", "revoke", secret.id, "--validate-only", pipe=account.password)

    assert told["ended_session"]["id"] == session.id
    assert not account.secrets.GetSecret(secret_id=secret.id).secret.HasField("revoke_time")


CREDENTIALS = [
    pytest.param(credentials.CLIENT_SECRET_TEST.new().text, id="client-secret"),
    pytest.param(credentials.SERVICE_KEY.new().text, id="service-key"),
    pytest.param(credentials.SETUP_TOKEN.new().text, id="setup-token"),
    pytest.param("fls_live_" + 30 * "a", id="half-a-secret"),
    pytest.param("whsec_" + 40 * "a", id="signing-secret"),
    pytest.param(f"eyJ{30 * 'a'}.{30 * 'b'}.{30 * 'c'}", id="token"),
]


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize(
    "place",
    [["secrets", "report-leaked"], ["apps", "create", "--environment"], []],
    ids=["extra", "option", "command"],
)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_credential_that_was_typed_as_an_argument_is_not_said_again(
    anyone, credential, place, more
):
    done = anyone.run(*place, credential, *more)

    assert (done.code, done.out) == (2, "")
    assert credential[8:] not in done.err
    assert "it is in the shell's history now" in done.err


def test_a_reader_that_goes_away_is_no_traceback(as_operator):
    with as_operator.started("banks", "list", "--json") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()

    assert said == ""
