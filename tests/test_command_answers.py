"""What commands of `finlink` print: things, lists and refusals, for programs and in a pipe."""

from __future__ import annotations

import grpc
import pytest
from tests import people

from finlink_client import FinlinkError, remedies
from finlink_client.command_line import failures

pytestmark = pytest.mark.either("What the command line shows does not depend on the database.")

NO_SUCH_SECRET = "sec_00000000000000000000000000"


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


def test_every_error_as_json_has_the_same_keys(customer):
    refused = customer.run("secrets", "get", NO_SUCH_SECRET, "--json").error

    mistaken = customer.run("secrets", "get", "--json").error

    assert list(mistaken) == list(refused)


def test_json_before_the_command_is_told_where_it_stands(anyone):
    done = anyone.run("--json", "apps", "list")

    assert done.code == 2
    assert "--json stands after the command" in done.error["message"]


def test_a_message_that_says_what_to_do_is_followed_by_no_second_remedy(customer, account, app):
    for _ in range(5):
        people.new_secret(account, app)

    done = customer.run("secrets", "create", "--app-id", app.id, "--display-name", "sixth")

    assert done.code == 64 + grpc.StatusCode.FAILED_PRECONDITION.value[0]
    said, _ = done.err.splitlines()
    assert "Revoke one first, or rotate one with overlap 0." in said


def test_every_remedy_that_names_a_method_of_the_client_names_a_command_here():
    for reason in remedies.REASONS:
        error = FinlinkError(grpc.StatusCode.UNKNOWN, "No.", reason=reason)

        said = failures.remedy(error)

        assert not failures._CALL_OF_THE_CLIENT.search(said), said


def test_nobody_at_the_target_is_a_sentence_that_names_it(anyone):
    done = anyone.using(TARGET="127.0.0.1:1", TOKEN="token").run("apps", "list")

    assert done.code == 64 + grpc.StatusCode.UNAVAILABLE.value[0]
    assert "No Finlink Config server answers at 127.0.0.1:1" in done.err
    assert "Check the target" in done.err


def test_without_a_credential_the_error_says_how_to_give_one(anyone):
    done = anyone.run("apps", "list")

    assert done.code == 64 + grpc.StatusCode.UNAUTHENTICATED.value[0]
    assert "finlink login" in done.err


def test_a_token_that_is_not_active_is_a_no(as_operator, session):
    good = as_operator.run("sessions", "validate", pipe=session.token)
    bad = as_operator.run("sessions", "validate", pipe="nonsense")

    assert (good.code, bad.code) == (0, 1)
    assert "MALFORMED" in bad.out
