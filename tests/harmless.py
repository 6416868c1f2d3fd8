"""Requests of which nothing may come: sent by somebody who may, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from tests import background, people
from tests.methods import Method, Outcome, find

from finlink_server.env import Env
from finlink_server.storage.postgres import PostgresDatabase

CallerOf = Callable[[Method], Any]


def callers(
    operator: people.Caller,
    verifier: people.Caller,
    link_front_end: people.Caller,
    publisher: people.Caller,
) -> CallerOf:
    """Give somebody for each method who may call it."""
    account = people.new_account(operator)
    session = people.new_secret(account, people.new_app(account)).start()
    special: dict[str, Any] = {"EndSession": session, "PublishEvent": publisher}
    verifies = ("ValidateSession", "BatchValidateSessions", "WatchRevocations")
    special |= dict.fromkeys(verifies, verifier)
    special |= dict.fromkeys(("OpenLink", "ListLinkBanks"), link_front_end)
    return lambda method: special.get(
        method.name, operator if method.service == "AdminService" else account
    )


def harmless(server: Any, caller_of: CallerOf) -> Callable[[Method, Message | bytes], Outcome]:
    """Make the function that sends a request, and holds the database to be as before."""

    def run(method: Method, request: Message | bytes) -> Outcome:
        background.wait_until_idle(server)
        before = version(server.env)
        outcome = method.outcome(server.channel, request, caller_of(method).metadata)
        assert version(server.env) == before, outcome
        return outcome

    return run


def version(env: Env) -> int:
    """What moves when anything is written, be it a row that changes and no new one.

    SQLite counts the commits of every connection but the one that asks: this thread's.
    PostgreSQL gives a number to each transaction that writes.
    """
    if isinstance(env.database, PostgresDatabase):
        return int(
            env.database.execute("SELECT txid_snapshot_xmax(txid_current_snapshot())").fetchone()[0]
        )
    (number,) = env.database.execute("PRAGMA data_version").fetchone()
    return int(number)


@pytest.fixture(scope="module")
def outcome_of(
    server: Any,
    operator: people.Caller,
    verifier: people.Caller,
    link_front_end: people.Caller,
    publisher: people.Caller,
) -> Callable[[Method, Message | bytes], Outcome]:
    """What comes of a bad request, sent by somebody who may; and nothing is written."""
    return harmless(server, callers(operator, verifier, link_front_end, publisher))


@pytest.fixture
def problems(
    outcome_of: Callable[[Method, Message | bytes], Outcome],
) -> Callable[[str, Message], dict[str, str]]:
    """What the refusal of a request says, by field."""

    def run(name: str, request: Message) -> dict[str, str]:
        outcome = outcome_of(find(name), request)
        assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
        return outcome.fields

    return run
