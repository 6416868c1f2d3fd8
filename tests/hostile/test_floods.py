"""Many attackers of one kind at a time, and good callers are served meanwhile.

A server in a process of its own, with ordinary settings. `HOSTILE_ATTACKERS` makes them
more: 64 in the long run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests import people
from tests.hostile.floods import FLOODS, FLOODS_WITH_A_CREDENTIAL, LARGEST, raging
from tests.hostile.vitals import Vitals
from tests.processes import Home, Process

from finlink.config import v1

ATTACKERS = int(os.environ.get("HOSTILE_ATTACKERS", "16"))
GOOD_CALLS = 2 if "HOSTILE_ATTACKERS" in os.environ else 1  # of each kind
DEADLINE = 15.0  # seconds; each of them
MOST_MEMORY = 512  # MB more than before, but for what is named below
# Messages of 4 MiB, taken apart by as many threads as there are.
MEMORY_OF = {"largest messages": 300 * LARGEST // 2**20}

# Each brings a message that is taken apart, and answered out of the database.
WHOLE_CALLS = {"calls that never end", "largest messages", "unread answers"}

Good = Callable[[], object]


@dataclass(frozen=True)
class Besieged:
    """A server, and those who have to be served whatever happens to it."""

    server: Process
    service_key: str
    good: dict[str, Good]


@pytest.fixture(scope="module")
def besieged(first_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    home = first_home.copy_to(tmp_path_factory.mktemp("besieged") / "home")
    with home.serving() as server:
        operator = server.caller(home.operator_key)
        made = operator.admin.CreateServiceKey(
            display_name="Gateway", roles=[v1.ROLE_VERIFIER, v1.ROLE_LINK]
        )
        people.CANARIES.add(made.key)
        yield Besieged(server, made.key, _good_calls(server, operator, made.key))


def _good_calls(server: Process, operator: people.Caller, key: str) -> dict[str, Good]:
    account = people.new_account(operator)
    app = people.new_app(account)
    secret = people.new_secret(account, app)
    session = people.new_secret(account, app).start()
    stubs = {name: stub(server.channel) for name, stub in people.STUBS.items()}
    health = health_pb2_grpc.HealthStub(server.channel)
    reflection = reflection_pb2_grpc.ServerReflectionStub(server.channel)

    def make(stub: str, method: str, credential: str = "", **fields: Any) -> Good:
        call, request = getattr(stubs[stub], method), getattr(v1, f"{method}Request")(**fields)
        metadata = (("authorization", f"Bearer {credential}"),) if credential else ()
        return lambda: call(request, metadata=metadata, timeout=DEADLINE)

    def watch() -> None:
        stream = make("sessions", "WatchRevocations", key)()
        next(stream)  # type: ignore[call-overload] # a stream
        stream.cancel()  # type: ignore[attr-defined]

    def reflect() -> None:
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = reflection.ServerReflectionInfo(iter([question]), timeout=DEADLINE)
        assert answer.list_services_response.service

    password = {"password": account.password}
    return {
        "validate": make("sessions", "ValidateSession", key, access_token=session.token),
        "read": make("accounts", "GetApp", account.token, app_id=app.id),
        "read with a session": make("settings", "GetSettings", session.token),
        "log in": make(
            "sessions", "StartSession", client_id=app.id, client_secret=secret.plaintext
        ),
        "sign in": make("accounts", "SignIn", email=account.email, **password),
        "give the password": make(
            "secrets",
            "RevokeSecret",
            account.token,
            secret_id=secret.id,
            validate_only=True,
            **password,
        ),
        "watch": watch,
        "health": lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE),
        "reflect": reflect,
    }


@pytest.mark.either("a call that says nothing whole asks no database")
@pytest.mark.parametrize("name", sorted(set(FLOODS) - WHOLE_CALLS))
def test_good_callers_are_served_while_attackers_rage(besieged, name):
    endure(besieged, name)


@pytest.mark.parametrize("name", sorted({*WHOLE_CALLS, *FLOODS_WITH_A_CREDENTIAL}))
def test_good_callers_are_served_while_attackers_ask(besieged, name):
    endure(besieged, name)


def endure(besieged: Besieged, name: str) -> None:
    attack = (FLOODS | FLOODS_WITH_A_CREDENTIAL)[name]
    credential = besieged.service_key if name in FLOODS_WITH_A_CREDENTIAL else ""
    vitals = Vitals(besieged.server.pid)

    with vitals.watched(), raging(attack, besieged.server.target, ATTACKERS, credential):
        for _ in range(GOOD_CALLS):
            for call in besieged.good.values():
                call()

    assert besieged.server.is_running
    assert vitals.highest_memory - vitals.memory_before < MEMORY_OF.get(name, MOST_MEMORY)
