"""A worker that is killed while it holds leases of deliveries, and answers calls."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import ExitStack
from signal import SIGKILL

from tests import people
from tests.clocked_server import FILE, SharedClock
from tests.faults.books import audit
from tests.faults.customers import Scene, settle
from tests.faults.ledger import Client, Ledger
from tests.faults.load import ORDINARY, Load
from tests.faults.nursery import QuickHome
from tests.faults.report import Line
from tests.faults.stores import Store
from tests.faults.verdict import compare
from tests.gates import until
from tests.receiver import Receiver, answer, slow
from tests.workers import Workers

_LEASE = 60  # seconds
_HELD = 8  # attempts at one endpoint at a time
_CHANNELS = 8
_CUT_OFF = "UNAVAILABLE (connection)"
# What grpc itself says to a call whose request never came.
_NEVER_CAME = "CANCELLED (connection)"


def kill_workers(home: QuickHome, store: Store, times: int) -> Line:
    """Kill the worker that sends, while it sends and answers; its successor sends again."""
    line = Line(f"{store.name}: the worker that sends webhooks killed (kill -9), of two")
    file = home.path.with_name(f"{home.path.name}-clock")
    clock = SharedClock(file)
    home = home.with_extras(**{FILE: str(file)})
    with Receiver(None).running() as receiver, home.serving(WORKERS="2") as supervisor:
        scene = settle(supervisor, home.operator_key)
        owner = people.new_account(supervisor.caller(scene.operator))  # whom no load concerns
        app_id = people.new_app(owner).id
        owner.webhooks.CreateEndpoint(app_id=app_id, uri=receiver.uri("/held"))
        for number in range(times):
            released, before = threading.Event(), len(receiver.to("/held"))
            receiver.on("/held", slow(released, answer(200)))
            events = [f"held-{number}-{one}" for one in range(_HELD)]
            with Workers(supervisor).channels(1) as channels:
                platform = people.Caller(channels[0], scene.publisher)
                for event_id in events:
                    _publish(platform, app_id, event_id)
            receiver.wait_for(before + _HELD, "/held")
            _kill_under_load(line, Workers(supervisor), scene, store)
            released.set()
            clock.advance(seconds=_LEASE)
            _wait_for_all(receiver, clock, events)
            line.times += 1
    assert not line.lost, line.lost
    return line


def _publish(platform: people.Caller, app_id: str, event_id: str) -> None:
    platform.webhooks.PublishEvent(
        app_id=app_id, event_id=event_id, type="connection.held", payload_json="{}"
    )


def _wait_for_all(receiver: Receiver, clock: SharedClock, events: list[str]) -> None:
    """Wait until all were sent again: one that was given up while it was held, some time later."""

    def are_sent_again() -> bool:
        clock.advance(seconds=0.2)
        arrived = Counter(request.headers["webhook-id"] for request in receiver.to("/held"))
        return all(arrived[event_id] >= 2 for event_id in events)

    until(are_sent_again)


def _kill_under_load(line: Line, workers: Workers, scene: Scene, store: Store) -> None:
    """Kill it: whoever had a connection to it may be cut off, and nobody else."""
    victim = workers.in_the_background
    with workers.channels(_CHANNELS) as channels, ExitStack() as loads:
        ledgers = [Ledger(f"worker{line.times}-{number}") for number in range(_CHANNELS)]
        clients = [Client(*pair) for pair in zip(channels, ledgers, strict=True)]
        loads.enter_context(Load(scene, f"{line.times}", *clients, threads=_CHANNELS))
        for ledger in ledgers:
            _wait_for_more(ledger)
        connected = workers.served()[victim]
        os.kill(victim, SIGKILL)
        until(lambda: victim not in workers.pids and len(workers.pids) == 2)
        for ledger in ledgers:
            _wait_for_more(ledger)
        loads.close()
        cut_off = [ledger for ledger in ledgers if ledger.refusals[_CUT_OFF]]
        assert len(cut_off) <= connected, (len(cut_off), connected)
        entries = [entry for ledger in ledgers for entry in ledger.entries]
        looking = Client(channels[0], Ledger("looking"))
        line.lost += [*audit(store), *compare(scene, looking, store, entries)]
        for ledger in ledgers:
            line.take(ledger, expected={*ORDINARY, _CUT_OFF, _NEVER_CAME})


def _wait_for_more(ledger: Ledger) -> None:
    had = ledger.answered
    ledger.wait_until(lambda: ledger.answered >= had + 2)
