"""The command `finlink`: a command for every RPC, what it takes, gives, and exits with."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import grpc
import pytest
from tests import people, shell
from tests.methods import METHODS

import finlink_client
from finlink.config import v1
from finlink_client.command_line import commands, failures, nouns, rpcs

pytestmark = pytest.mark.either("What the command line shows does not depend on the database.")

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
NO_SUCH_SECRET = "sec_00000000000000000000000000"


@pytest.fixture
def bash(server, tmp_path):
    return shell.new(tmp_path / "config", server.target)


@pytest.fixture
def customer(bash, account):
    return bash.using(TOKEN=account.token)


@pytest.fixture
def as_operator(bash, operator):
    return bash.using(SERVICE_KEY=operator.credential)


def command(*names):
    found = commands.finlink
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


def test_finlink_alone_shows_the_nouns_in_their_sections():
    shown = subprocess.run(
        [sys.executable, "-m", "finlink_client.cli"], capture_output=True, text=True, check=False
    )
    text = command().get_help(click.Context(commands.finlink, info_name="finlink"))

    assert shown.returncode == 0
    for title, section in commands.SECTIONS.items():
        assert f"\n{title}:\n" in text
        for noun in section:
            assert f"\n  {noun} " in text


def test_help_and_completion_import_neither_grpc_nor_the_tables_for_people():
    program = (
        "import sys; from finlink_client.command_line import commands;"
        "commands.run(['secrets', '--help']); commands.run(['secrets', 'rotate', '--help']);"
        "print({'grpc', 'google.protobuf', 'jwt', 'cryptography'} & sys.modules.keys())"
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
        _ = finlink_client.Nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("noun", ["secret", "link", "settings", "service-key"])
def test_a_noun_is_understood_in_the_singular(noun):
    assert isinstance(command(noun), nouns.Noun)


# -------------------------------------------------------------------- answers, for programs


def test_a_thing_is_one_json_object_with_the_protos_names(customer, app):
    got = customer.json("apps", "get", app.id)

    assert got["id"] == app.id
    assert got["public_name"] == "Shop"
    assert got["environment"] == "ENVIRONMENT_SANDBOX"
    assert got["create_time"].endswith("Z")


def test_a_list_is_one_json_array_with_all_pages(customer, account, app):
    for number in range(5):
        account.webhooks.CreateEndpoint(
            app_id=app.id, uri=people.NO_RECEIVER, display_name=f"number {number}"
        )

    everything = customer.json("endpoints", "list", "--app-id", app.id)
    some = customer.json("endpoints", "list", "--app-id", app.id, "--limit", "2")

    assert [one["display_name"] for one in everything] == [f"number {n}" for n in range(5)]
    assert some == everything[:2]


def test_a_list_of_more_than_a_page_is_whole(as_operator):
    banks = as_operator.json("banks", "list", "--limit", "501")

    assert len({one["id"] for one in banks}) == 501


def test_an_empty_list_is_an_empty_array_and_for_people_a_sentence(customer, app):
    assert customer.json("links", "list", "--app-id", app.id) == []
    done = customer.run("links", "list", "--app-id", app.id)

    assert (done.code, done.out, done.err) == (0, "", "There are none.\n")


def test_an_answer_that_says_nothing_is_an_empty_object(customer):
    done = customer.run("accounts", "sign-out", "--json")

    assert (done.code, done.json) == (0, {})


def test_in_a_pipe_a_table_is_plain_and_unfolded(customer, account, app):
    long = " ".join(["endpoint"] * 12)
    account.webhooks.CreateEndpoint(app_id=app.id, uri=people.NO_RECEIVER, display_name=long[:100])

    done = customer.run("endpoints", "list", "--app-id", app.id)

    head, row = done.out.splitlines()
    assert head.startswith("ID ")
    assert "\x1b" not in done.out
    assert long[:100].strip() in row
    assert all(line == line.rstrip() for line in (head, row))


def test_times_are_rfc_3339_in_utc(customer, app):
    done = customer.run("apps", "get", app.id)

    [time] = [line.split()[1] for line in done.out.splitlines() if line.startswith("create_time")]
    assert time == f"{app.create_time.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"


# ------------------------------------------------------------------------ what can be typed


def test_options_become_the_fields_of_the_request(customer, account, app, redirect_id):
    made = customer.json(
        *("link-tokens", "create", "--app-id", app.id, "--redirect-id", redirect_id),
        *("--product", "assets_transfer", "--subproduct", "FUND", "--ttl", "1h30m"),
        *("--desired-owners", "Ana", "--desired-owners", "Luis Gómez", "--max-opens", "3"),
    )

    token = account.links.GetLinkToken(link_token_id=made["link_token"]["id"]).link_token
    assert token.parameters.product == v1.PRODUCT_ASSETS_TRANSFER
    assert token.parameters.subproduct == v1.SUBPRODUCT_FUND
    assert list(token.parameters.desired_owners) == ["Ana", "Luis Gómez"]
    assert token.max_opens == 3
    assert token.expire_time.seconds - token.create_time.seconds in {5399, 5400}


def test_an_update_takes_what_is_given_and_leaves_the_rest(customer, account, app):
    made = account.webhooks.CreateEndpoint(
        app_id=app.id, uri=people.NO_RECEIVER, event_types=["secret.*"], display_name="old"
    ).endpoint

    renamed = customer.json("endpoints", "update", made.id, "--display-name", "new")
    widened = customer.json("endpoints", "update", made.id, "--event-types", "")
    disabled = customer.json("endpoints", "update", made.id, "--disabled")
    enabled = customer.json("endpoints", "update", made.id, "--no-disabled")

    assert renamed["endpoint"]["event_types"] == ["secret.*"]
    assert widened["endpoint"]["display_name"] == "new"
    assert widened["endpoint"]["event_types"] == []
    assert (disabled["endpoint"]["disabled"], enabled["endpoint"]["disabled"]) == (True, False)


def test_settings_that_get_printed_can_be_given_to_update(customer, app, redirect_id, tmp_path):
    file = tmp_path / "settings.json"
    got = customer.json("settings", "get", "--app-id", app.id)
    got["link"]["terms_uri"] = "https://shop.example/terms"
    file.write_text(json.dumps(got))

    changed = customer.json("settings", "update", "--file", str(file), "--comment", "terms")
    again = customer.run("settings", "update", "--file", str(file))

    assert changed["settings"]["link"]["terms_uri"] == "https://shop.example/terms"
    assert changed["settings"]["link"]["redirects"][0]["id"] == redirect_id
    assert again.code == 64 + grpc.StatusCode.ABORTED.value[0]
    assert "ETAG_MISMATCH" in again.err


def test_a_file_of_settings_changes_only_what_it_holds(customer, account, app):
    people.force_auth_token(account, app)
    piped = json.dumps({"link": {"privacy_uri": "https://shop.example/privacy"}})

    changed = customer.using(APP_ID=app.id).json("settings", "update", "--file", "-", pipe=piped)

    assert changed["settings"]["link"]["force_auth_token"] is True
    assert changed["settings"]["link"]["privacy_uri"] == "https://shop.example/privacy"


@pytest.mark.parametrize(
    ("piped", "says"),
    [
        ("{", "is not JSON (line 1)"),
        ("[]", "must hold a JSON object"),
        ('{"link": {"term_uri": "x"}}', "link.term_uri is none of"),
        ('{"version": 7}', "nothing of link, banks"),
        ('{"link": {"force_auth_token": "yes"}}', "settings.link.force_auth_token must be a bool"),
        ('{"link": 7}', "settings.link must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_in_a_sentence(customer, app, piped, says):
    done = customer.run("settings", "update", "--app-id", app.id, "--file", "-", pipe=piped)
    done = customer.using(APP_ID=app.id).run("settings", "update", "--file", "-", pipe=piped)

    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["secrets", "create", "--app-id", "app_1"], "Missing option '--display-name'"),
        (["secrets", "get"], "Missing argument 'SECRET_ID'"),
        (["secrets", "list"], "Which app? Say --app-id"),
        (["apps", "get"], "Which app? Say APP_ID"),
        (["secrets", "update", "sec_1"], "Say one of --display-name, --allowed-cidrs"),
        (["secrets", "rotate", "sec_1", "--overlap", "2 weeks"], "as 30s, 10m, 1h30m or 7d"),
        (["secrets", "rotate", "sec_1", "--overlap", ""], "as 30s, 10m, 1h30m or 7d"),
        (["events", "list", "--start-time", "2030-01-31"], "a time with its zone"),
        (["events", "list", "--start-time", "soon"], "a time with its zone"),
        (["banks", "set-status", "es-bbva", "--status", "TIRED"], "is not one of"),
        (["banks", "set-status", "es-bbva"], "Missing option '--status'"),
        (["secrets", "list", "--limit", "0"], "--limit"),
        (["secrets", "lsit"], "No such command 'lsit'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["apps", "list", "--timeout", "0s"], "must be above zero"),
        (["apps", "list", "--tls-root", "/nowhere.pem"], "The TLS root /nowhere.pem"),
        (
            [
                "events",
                "publish",
                "--app-id",
                "app_1",
                "--event-id",
                "1",
                "--type",
                "connection.a",
                "--payload-json",
                "@/nowhere.json",
            ],
            "Cannot read /nowhere.json",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "says",
)
def test_wrong_usage_is_a_sentence_and_exits_with_2(customer, arguments, says):
    done = customer.run(*arguments)
    told = customer.run(*arguments, "--json")

    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert told.code == 2
    assert told.error["code"] == "USAGE"
    assert says in told.error["message"]


def test_a_length_of_time_may_be_said_in_several_units(customer, account, app, secret):
    customer = customer.using(PASSWORD=account.password)

    rotated = customer.json("secrets", "rotate", secret.id, "--overlap", "1d2h3m4s")

    retiring = account.secrets.GetSecret(secret_id=secret.id).secret
    new = account.secrets.GetSecret(secret_id=rotated["secret"]["id"]).secret
    assert retiring.expire_time.seconds - new.create_time.seconds in {93_783, 93_784}


# ------------------------------------------------------------------------------- refusals


def test_a_refusal_is_a_sentence_with_its_remedy_and_the_call(customer, server):
    done = customer.run("secrets", "get", NO_SUCH_SECRET)

    said, remedy, marks = done.err.splitlines()
    assert done.code == 64 + grpc.StatusCode.NOT_FOUND.value[0]
    assert done.out == ""
    assert said.startswith("finlink: ")
    assert "credential" in remedy
    call_id = marks.rpartition(" ")[2].rstrip("]")
    assert marks.strip() == f"[NOT_FOUND, SECRET_NOT_FOUND, call {call_id}]"
    assert server.log_of(call_id)


def test_a_refusal_as_json_is_one_object_on_stderr(customer, app):
    done = customer.run("apps", "update", app.id, "--display-name", " ", "--json")

    assert done.code == 64 + grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert done.out == ""
    assert done.error["reason"] == "FIELD_INVALID"
    [violation] = done.error["field_violations"]
    assert violation["field"] == "app.display_name"
    assert done.error["call_id"].startswith("call_")


def test_a_message_that_says_what_to_do_is_followed_by_no_second_remedy(customer, account, app):
    for _ in range(5):
        people.new_secret(account, app)

    done = customer.run("secrets", "create", "--app-id", app.id, "--display-name", "sixth")

    assert done.code == 64 + grpc.StatusCode.FAILED_PRECONDITION.value[0]
    said, _ = done.err.splitlines()
    assert "Revoke one first, or rotate one with overlap 0." in said


def test_every_remedy_that_names_a_method_of_the_client_names_a_command_here():
    from finlink_client import FinlinkError, remedies

    for reason in remedies.REASONS:
        error = FinlinkError(grpc.StatusCode.UNKNOWN, "No.", reason=reason)

        said = failures.remedy(error)

        assert not failures._CALL_OF_THE_CLIENT.search(said), said


def test_nobody_at_the_target_is_a_sentence_that_names_it(bash):
    done = bash.using(TARGET="127.0.0.1:1", TOKEN="token").run("apps", "list")

    assert done.code == 64 + grpc.StatusCode.UNAVAILABLE.value[0]
    assert "No Finlink Config server answers at 127.0.0.1:1" in done.err
    assert "Check the target" in done.err


def test_without_a_credential_the_error_says_how_to_give_one(bash):
    done = bash.run("apps", "list")

    assert done.code == 64 + grpc.StatusCode.UNAUTHENTICATED.value[0]
    assert "finlink login" in done.err


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


def test_a_token_that_is_not_active_is_a_no(as_operator, session):
    good = as_operator.run("sessions", "validate", pipe=session.token)
    bad = as_operator.run("sessions", "validate", pipe="nonsense")

    assert (good.code, bad.code) == (0, 1)
    assert "MALFORMED" in bad.out
