"""clients/examples/webhook_receiver.py, run as a program that somebody sends webhooks to."""

import sqlite3
from contextlib import closing
from signal import SIGKILL

import pytest
from tests import examples
from tests.gates import until
from tests.signed_webhooks import OTHER_SECRET, SECRET, event, headers, post


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox.db"


def counted(process, event_type="secret.revoked"):
    """The ids of the events that were worked on, in order, and the number that each got."""
    lines = [line for line in process.out.splitlines() if line.startswith(event_type)]
    return [(line.rpartition(" ")[2], int(line.split()[2].removesuffix(":"))) for line in lines]


def test_the_receiver_works_once_on_an_event_that_comes_twice(inbox):
    with examples.running(
        "webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox
    ) as receiver:
        for event_id in ("evt_1", "evt_1", "evt_2", "evt_1"):
            assert post(receiver.port, event(event_id))[0] == 204
        until(lambda: len(counted(receiver)) == 2)

    assert counted(receiver) == [("evt_1", 1), ("evt_2", 2)]


def test_the_receiver_takes_both_signing_secrets_of_a_rotation(inbox):
    both = f"{OTHER_SECRET} {SECRET}"
    with examples.running("webhook_receiver", FINLINK_SIGNING_SECRET=both, INBOX=inbox) as receiver:
        for number, secret in enumerate((SECRET, OTHER_SECRET)):
            body = event(f"evt_{number}")
            assert post(receiver.port, body, headers(body, secret))[0] == 204
        until(lambda: len(counted(receiver)) == 2)


def test_the_receiver_refuses_what_finlink_did_not_sign(inbox):
    body = event()
    with examples.running(
        "webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox
    ) as receiver:
        assert post(receiver.port, body, headers(body, OTHER_SECRET))[0] == 401
        assert post(receiver.port, body, {})[0] == 401
        assert post(receiver.port, body, {"Content-Length": str(10**9)})[0] == 413
        until(lambda: receiver.out.count("Refused: ") == 2)

    assert counted(receiver) == []


def test_the_receiver_loses_no_event_that_it_answered_though_it_is_killed(inbox):
    events = [f"evt_{number}" for number in range(20)]
    first = examples.start("webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox)
    for event_id in events:
        assert post(first.port, event(event_id))[0] == 204
    first.signal(SIGKILL)
    first.wait()

    with examples.running("webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox) as again:
        assert post(again.port, event("evt_last"))[0] == 204
        until(lambda: ("evt_last", 21) in counted(again))

    # What was printed may be cut off by the kill, or be the kill's last work, undone.
    assert {event_id for event_id, _ in counted(first) + counted(again)} == {*events, "evt_last"}
    assert len({number for _, number in counted(again)}) == len(counted(again))


def asked(inbox, sql):
    with closing(sqlite3.connect(inbox)) as database, database:
        return database.execute(sql).fetchall()


def test_the_receiver_begins_with_what_a_crash_left_undone(inbox):
    with examples.running("webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox) as first:
        post(first.port, event("evt_1"))
        until(lambda: asked(inbox, "SELECT done FROM events") == [(1,)])  # after it was printed
    asked(inbox, "UPDATE events SET done = 0")

    with examples.running("webhook_receiver", FINLINK_SIGNING_SECRET=SECRET, INBOX=inbox) as again:
        until(lambda: counted(again) == [("evt_1", 2)])


@pytest.mark.sqlite("a demo's server has no other")
def test_the_receiver_shows_a_test_event_of_the_demo_and_leaves_no_endpoint(home, inbox):
    with home.serving("--demo", LOG_LEVEL="error") as demo:
        variables = demo.exported()
        with examples.running("webhook_receiver", INBOX=inbox, **variables) as receiver:
            until(lambda: len(counted(receiver, "webhook.test")) == 1)

        operator = demo.caller(variables["OPERATOR_KEY"])
        left = operator.webhooks.ListEndpoints(app_id=variables["DEMO_APP_ID"]).endpoints
        assert list(left) == []
