"""What is too frequent for a log line each is counted."""

import json

import pytest
from tests import people

from finlink_server import tally


@pytest.fixture
def every_time(monkeypatch):
    """Write the line with each call, as if a minute had passed."""
    monkeypatch.setattr(tally, "_EVERY", 0.0)


def lines(server, word):
    return [json.loads(line) for line in server.log.getvalue().splitlines() if word in line]


def test_a_validation_that_succeeds_is_counted_and_not_logged(
    server, verifier, session, every_time
):
    before = len(lines(server, '"calls"'))

    assert people.why_inactive(verifier, session) == ""

    counted = {line["method"]: line["count"] for line in lines(server, '"calls"')[before:]}
    assert counted["SessionService/ValidateSession"] >= 1


def test_a_validation_that_says_no_is_logged_with_its_reason(server, verifier, session):
    session.sessions.EndSession()
    before = len(lines(server, '"inactive"'))

    assert people.why_inactive(verifier, session) == "ENDED"

    [line] = lines(server, '"inactive"')[before:]
    assert line["reason"] == "ENDED"
