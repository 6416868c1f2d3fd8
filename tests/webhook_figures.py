"""Measures webhooks: `python -m tests.webhook_figures [--short] [--rounds N] [FIGURE]…`.

A real server on one core; on another the receiver of HTTPS and whoever calls, each in a
process of its own. Deliveries that are due are put into the database directly, calls come
over gRPC. What is compared alternates. No test looks at these figures: machines differ.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trustme
from tests import people, webhook_load
from tests.processes import Home, Process
from tests.unheard import dead_port, deaf_port
from tests.webhook_load import Receiver

from finlink.config import v1
from finlink_server import bootstrap, config
from finlink_server.domain import deliveries, events, journal
from finlink_server.env import Env
from finlink_server.storage.models import Journal, Property
from finlink_server.storage.webhook_models import Endpoint

_SERVER_CORE, _LOAD_CORE = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time in a second
_VALIDATE = "/finlink.config.v1.SessionService/ValidateSession"
_PUBLISH = "/finlink.config.v1.WebhookService/PublishEvent"


@dataclass
class Bench:
    """A data directory, a receiver, and a service key for everything."""

    home: Home
    key: str
    receiver: Receiver
    rounds: int

    @contextmanager
    def serving(self, **settings: str) -> Iterator[Process]:
        """Serve on a core that nothing else here has."""
        os.sched_setaffinity(0, {_SERVER_CORE})  # the process inherits it, with all its threads
        told = {"WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8", "LOG_LEVEL": "error", **settings}
        process = Process(self.home.start("serve", **told))
        os.sched_setaffinity(0, {_LOAD_CORE})
        try:
            process.wait_until_serving()
            yield process
        finally:
            process.end()

    def hooks(self, count: int) -> list[str]:
        return [f"https://127.0.0.1:{self.receiver.port}/hook"] * count

    def received(self, count: int) -> None:
        """Wait until so many deliveries came in all."""
        wait_for(lambda: self.receiver.count >= count)


def paced(bench: Bench, *, short: bool) -> None:
    """Deliver at the default pace beside validation, and let validation have quiet times too."""
    count = 1000 if short else 3000
    with bench.serving() as server:
        account = people.new_account(server.caller(bench.key))
        app = people.new_app(account)
        add_endpoints(account, app, bench.hooks(10))
        request = partial(validation, people.new_secret(account, app).start().token)
        quiet, busy, delivered = [], [], []
        with webhook_load.calling(server.target, _VALIDATE, bench.key, request, 8) as calls:
            time.sleep(1)
            since, used = time.monotonic(), cpu_seconds(server)
            for _ in range(bench.rounds):
                quiet.append(calls.rate_during(partial(time.sleep, count / 500)))
                before = bench.receiver.count
                with opened(bench.home) as env:
                    fill(env, [app.id], count // 10)
                bench.received(before + count // 10)
                started, first = time.monotonic(), bench.receiver.count
                last = partial(bench.received, before + count * 9 // 10)
                busy.append(calls.rate_during(last))
                delivered.append((bench.receiver.count - first) / (time.monotonic() - started))
                bench.received(before + count)
                time.sleep(0.5)
            share = (cpu_seconds(server) - used) / (time.monotonic() - since)
    rate, undisturbed, beside = (statistics.median(one) for one in (delivered, quiet, busy))
    say(f"paced: deliveries/s                    {rate:8.0f}   (>= 400)")
    say(f"paced: validations/s, 8 in flight      {undisturbed:8.0f}   alone")
    say(f"paced: validations/s beside deliveries {beside:8.0f}")
    say(f"paced: what validation keeps           {beside / undisturbed:8.2f}   (>= 0.70)")
    say(f"paced: what the server had of its core {share:8.2f}   (less than 1: others had it)")


def idle(bench: Bench, *, short: bool) -> None:
    """Publish one event at a time, each after a while in which nothing happened."""
    count = 100 if short else 400
    times = []
    with bench.serving() as server:
        by = server.caller(bench.key)
        account = people.new_account(by)
        app = people.new_app(account)
        add_endpoints(account, app, bench.hooks(1))
        for number in range(1, count + 1):
            time.sleep(random.uniform(0.02, 0.06))  # noqa: S311 - no secret
            by.webhooks.PublishEvent(publication(app.id, "idle", number))
            answered = time.monotonic_ns()
            wait_for(partial(bench.receiver.arrival, number))
            times.append((bench.receiver.arrival(number) - answered) / 1_000_000)
    p99 = statistics.quantiles(times[1:], n=100)[98]
    say(f"idle: published to received, p50 in ms {statistics.median(times):8.1f}")
    say(f"idle: published to received, p99 in ms {p99:8.1f}   (<= 100; the first: {times[0]:.0f})")


def backlog(bench: Bench, *, short: bool) -> None:
    """Drain what 100 endpoints wait for, 10 of them dead; and the same of the 90 alone."""
    events_each = 50 if short else 1000
    with ExitStack() as stack:
        deaf = stack.enter_context(deaf_port())
        dead = [f"https://127.0.0.1:{port}/" for port in (dead_port(), deaf)]
        dead.append(f"https://127.0.0.1:{bench.receiver.port}/silent")
        live = bench.hooks(9)
        with_dead = [[*live, dead[index % 3]] for index in range(10)]
        alone, beside = [], []
        for _ in range(bench.rounds):
            alone.append(drain(bench, [live] * 10, events_each))
            beside.append(drain(bench, with_dead, events_each))
    slowed = statistics.median(beside) / statistics.median(alone) - 1
    say(f"backlog: slowed by the dead            {slowed:8.1%}   (< 10 %)")


def drain(bench: Bench, uris: Sequence[Sequence[str]], events_each: int) -> float:
    """Fill the queue for apps with these endpoints and empty it: the seconds until all arrived."""
    with bench.serving(LIMIT_WEBHOOK_RATE="10000") as server:
        operator = server.caller(bench.key)
        accounts = [people.new_account(operator) for _ in range(0, len(uris), 5)]
        apps = [people.new_app(accounts[index // 5]) for index in range(len(uris))]
        for index, app in enumerate(apps):
            add_endpoints(accounts[index // 5], app, uris[index])
        hooks = sum(uri.endswith("/hook") for one in uris for uri in one)
        total, before = hooks * events_each, bench.receiver.count
        with opened(bench.home) as env:
            fill(env, [app.id for app in apps], events_each)
        bench.received(before + 1)
        started, used = time.monotonic(), cpu_seconds(server)
        bench.received(before + total)
        seconds, used = time.monotonic() - started, cpu_seconds(server) - used
    dead = sum(map(len, uris)) - hooks
    each, share = used / total * 1_000_000, used / seconds
    say(
        f"backlog: {total} to {hooks} endpoints beside {dead} dead: {seconds:.1f} s,"
        f" {total / seconds:.0f}/s, {each:.0f} us of CPU each, {share:.2f} of a core"
    )
    return seconds


def calls(bench: Bench, *, short: bool) -> None:
    """Publish, report leaks, and do nothing."""
    seconds, reports = (2, 20) if short else (8, 200)
    with bench.serving(LIMIT_LEAK_REPORTS="10000") as server:
        by = server.caller(bench.key)
        account = people.new_account(by)
        app = people.new_app(account)
        for in_flight in (1, 16):
            request = partial(publication, app.id, uuid.uuid4().hex)
            with webhook_load.calling(
                server.target, _PUBLISH, bench.key, request, in_flight
            ) as running:
                rate = running.rate_during(partial(time.sleep, seconds))
            say(f"calls: PublishEvent/s, {in_flight:2} in flight      {rate:8.0f}")
        known: list[float] = []
        unknown: list[float] = []
        for _ in range(reports):
            secret = people.new_secret(account, app).plaintext
            for times in (known, unknown):
                started = time.perf_counter()
                server.caller().secrets.ReportLeakedSecret(client_secret=secret)
                times.append((time.perf_counter() - started) * 1000)
        say(f"calls: ReportLeakedSecret, p50 in ms   {statistics.median(known):8.1f}   live")
        say(f"calls: ReportLeakedSecret, p50 in ms   {statistics.median(unknown):8.1f}   ended")
        time.sleep(1)
        started, used = time.monotonic(), cpu_seconds(server)
        time.sleep(5 if short else 20)
        used = (cpu_seconds(server) - used) / (time.monotonic() - started) * 60
    say(f"calls: idle server, CPU s a minute     {used:8.2f}")


def add_endpoints(account: people.Account, app: v1.App, uris: Sequence[str]) -> None:
    for uri in uris:
        account.webhooks.CreateEndpoint(app_id=app.id, uri=uri, display_name="figures")


def validation(token: str, _: int) -> v1.ValidateSessionRequest:
    return v1.ValidateSessionRequest(access_token=token)


def publication(app_id: str, name: str, number: int) -> v1.PublishEventRequest:
    return v1.PublishEventRequest(
        app_id=app_id,
        event_id=f"{name}-{number}",
        type="connection.ready",
        payload_json=f'{{"n": {number}, "connection_id": "con_{number:020}"}}',
    )


@contextmanager
def opened(home: Home) -> Iterator[Env]:
    """Work on the database beside whoever serves from it."""
    env = bootstrap.open_env(config.load({"FINLINK_DATA_DIR": str(home.path)}))
    try:
        yield env
    finally:
        env.database.close()


def fill(env: Env, app_ids: Sequence[str], events_each: int) -> None:
    """Put events of these apps in the queue of all their endpoints."""
    by = bootstrap.command_line("figures")
    with env.transaction():
        for app_id in app_ids:
            endpoints = deliveries.with_owner(Endpoint.app == app_id)
            seqs = [
                journal.write_now(
                    env,
                    by,
                    "event.published",
                    f"{app_id}-{uuid.uuid4().hex}",
                    account_id=endpoints[0].app.account_id,
                    app_id=app_id,
                    event_type="connection.ready",
                ).seq
                for _ in range(events_each)
            ]
            sealed = [
                (seq, env.keyring.seal(b'{"n":0}', events.payload_place(seq))) for seq in seqs
            ]
            env.database.write_many("INSERT INTO event_payload VALUES (?, ?)", sealed)
            rows = Journal.select().where(Journal.seq.between(seqs[0], seqs[-1]))
            pairs = [(endpoint, row) for row in rows for endpoint in endpoints]
            deliveries.insert(env, pairs, "EVENT")
        (
            Property.insert(key="webhook_cursor", value=str(seqs[-1]))
            .on_conflict(conflict_target=[Property.key], preserve=[Property.value])
            .execute()
        )


def cpu_seconds(process: Process) -> float:
    """What a process has used of all cores."""
    fields = Path(f"/proc/{process.id}/stat").read_text(encoding="ascii").split(") ")[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.0005)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


_FIGURES = {"paced": paced, "idle": idle, "backlog": backlog, "calls": calls}


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("figures", nargs="*", default=list(_FIGURES), metavar="FIGURE")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    os.sched_setaffinity(0, {_LOAD_CORE})
    say(f"server on core {_SERVER_CORE}, receiver and callers on core {_LOAD_CORE}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        os.environ["SSL_CERT_FILE"] = str(folder / "ca.pem")
        with webhook_load.receiver(authority, folder) as receiver:
            for figure in told.figures:
                home = Home(folder / figure)
                roles = [f"--role={role}" for role in ("OPERATOR", "VERIFIER", "PUBLISHER")]
                made = home.run(
                    "service-key", "create", "--name=figures", *roles, "--event-prefix=connection."
                )
                bench = Bench(home, made.stdout.strip(), receiver, told.rounds)
                _FIGURES[figure](bench, short=told.short)


if __name__ == "__main__":
    main()
