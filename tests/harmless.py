"""Requests of which nothing may come: sent by somebody who may, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from tests import people
from tests.methods import Method, Outcome

from finlink_server.env import Env
from finlink_server.storage import models

CallerOf = Callable[[Method], Any]


def callers(
    operator: people.Caller, verifier: people.Caller, link_front_end: people.Caller
) -> CallerOf:
    """Give somebody for each method who may call it."""
    account = people.new_account(operator)
    session = people.new_secret(account, people.new_app(account)).start()
    special: dict[str, Any] = {"ValidateSession": verifier, "EndSession": session}
    special |= dict.fromkeys(("OpenLink", "ListLinkBanks"), link_front_end)
    return lambda method: special.get(
        method.name, operator if method.service == "AdminService" else account
    )


def harmless(server: Any, caller_of: CallerOf) -> Callable[[Method, Message | bytes], Outcome]:
    """Make the function that sends a request, and holds the database to be as before."""

    def run(method: Method, request: Message | bytes) -> Outcome:
        before = rows(server.env)
        outcome = method.outcome(server.channel, request, caller_of(method).metadata)
        assert rows(server.env) == before
        return outcome

    return run


def rows(env: Env) -> Any:
    """How many there are of everything."""
    tables = [model._meta.table_name for model in models.MODELS]
    counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in tables)  # noqa: S608 - ours
    return env.database.execute(f"SELECT {counts}").fetchone()
