"""PostgreSQL goes away, falls silent, cuts connections or is crowded: nothing hangs or is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
import psycopg
import pytest
from tests import people, postgres
from tests.databases import Place
from tests.errors import refused
from tests.postgres import Postgres
from tests.processes import Home, Process
from tests.races import Race

from finlink.config import v1

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
LONGEST = 20  # seconds that an answer may take on a busy machine; it has no other bound than ours
TRUE_FOR = 0.05  # seconds; rule 4 of the contract: so long a read vouches for what it found
JOURNAL = "SELECT pg_advisory_xact_lock(1181314668, 0)"


@dataclass
class Site:
    """A server of PostgreSQL that syncs, and a server of ours on it."""

    postgres: Postgres
    home: Home
    process: Process

    @property
    def operator(self) -> people.Caller:
        return self.process.caller(self.home.operator_key)

    def new_secret(self) -> people.Secret:
        account = people.new_account(self.operator)
        return people.new_secret(account, people.new_app(account))

    def database(self) -> str:
        return self.home.settings["DATABASE_URL"].partition("?")[0].rpartition("/")[2]


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    with postgres.running(options=()) as server:
        yield server


@pytest.fixture(scope="module")
def durable_home(durable, tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("durable")
    new = Home(folder).on(Place(durable))
    assert new.run("migrate").returncode == 0
    made = new.run("service-key", "create", "--name", "tests", "--role", "OPERATOR")
    return Home(folder, made.stdout.strip(), place=new.place, settings=new.settings)


@pytest.fixture(scope="module")
def site(durable, durable_home) -> Iterator[Site]:
    with durable_home.serving(LIMIT_DATABASE_CONNECTIONS="4") as process:
        yield Site(durable, durable_home, process)


@contextmanager
def stopped(server: Postgres, how: signal.Signals = signal.SIGINT) -> Iterator[None]:
    server.stop(how)
    try:
        yield
    finally:
        server.start()


def verdict(site: Site, session: people.Session) -> bool:
    answer = site.operator.sessions.ValidateSession(access_token=session.token)
    return bool(answer.active)


def works_again(site: Site) -> None:
    """Our server, never started anew, writes and reads."""
    session = site.new_secret().start()
    assert verdict(site, session)


def asked_for(seconds: float) -> Iterator[None]:
    """Go on asking for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield


# ------------------------------------------------------------------------------- it is away


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "at once"])
def test_while_it_is_away_calls_are_told_so_and_then_work_again(site, how):
    secret = site.new_secret()
    session = secret.start()
    assert verdict(site, session)

    with stopped(site.postgres, how):
        for work in (
            secret.start,
            session.sessions.GetSession,
            site.operator.admin.ListAccounts,
        ):
            with refused(UNAVAILABLE, "DATABASE_UNAVAILABLE") as refusal:
                work()
            assert refusal.retry_seconds

    works_again(site)
    assert verdict(site, session)


def test_what_was_remembered_vouches_for_nobody_when_it_is_away(site):
    session = site.new_secret().start()
    assert verdict(site, session)

    with stopped(site.postgres):
        for _ in asked_for(TRUE_FOR):
            with suppress(grpc.RpcError):
                verdict(site, session)
        for _ in asked_for(0.5):
            with refused(UNAVAILABLE, "DATABASE_UNAVAILABLE"):
                verdict(site, session)


def test_a_server_that_starts_while_it_is_away_says_so_in_words(durable, durable_home):
    with stopped(durable):
        done = durable_home.run("serve")

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "FINLINK_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_acknowledged_outlives_a_crash_of_it(site):
    account = people.new_account(site.operator)
    app = people.new_app(account)
    acknowledged: list[str] = []

    def rename_until_it_ends():
        with suppress(grpc.RpcError):
            for number in range(10**6):
                account.accounts.UpdateApp(
                    app={"id": app.id, "display_name": f"Name {number}"},
                    update_mask={"paths": ["display_name"]},
                )
                acknowledged.append(f"Name {number}")

    renaming = threading.Thread(target=rename_until_it_ends)
    renaming.start()
    for _ in asked_for(0.5):
        pass
    with stopped(site.postgres, signal.SIGQUIT):
        renaming.join()

    events = account.accounts.ListAuditEvents(app_id=app.id, types=["app.updated"], page_size=500)
    name = account.accounts.GetApp(app_id=app.id).app.display_name
    count = int(name.removeprefix("Name ")) + 1
    assert count in {len(acknowledged), len(acknowledged) + 1}  # the last may have happened
    assert len(events.events) == min(count, 500)


# ----------------------------------------------------------------------- it cuts connections


def test_connections_that_are_cut_cost_calls_but_no_rule(site):
    secret = site.new_secret()
    database = site.database()
    is_over = threading.Event()

    def cut():
        while not is_over.wait(0.02):
            site.postgres.cut(database)

    cutting = threading.Thread(target=cut)
    cutting.start()
    races = [Race(8, lambda _: secret.start()) for _ in range(6)]
    is_over.set()
    cutting.join()

    reasons = set().union(*(race.reasons for race in races))
    assert reasons <= {"DATABASE_UNAVAILABLE", "DATABASE_BUSY", "OUTCOME_UNKNOWN"}
    started = [session for race in races for session in race.answers]
    assert sum(verdict(site, session) for session in started) <= 1
    works_again(site)


def test_connections_that_were_cut_while_nobody_used_them_cost_nothing(site):
    session = site.new_secret().start()
    Race(8, lambda _: site.operator.admin.ListAccounts())

    assert site.postgres.cut(site.database())

    assert verdict(site, session)
    assert Race(8, lambda _: site.operator.admin.ListAccounts()).reasons == set()


# --------------------------------------------------------------------------- it is crowded


def test_calls_that_wait_too_long_for_a_lock_or_a_connection_are_told_that_it_is_busy(site):
    secrets = [site.new_secret() for _ in range(8)]
    with psycopg.connect(site.home.settings["DATABASE_URL"]) as other:
        other.execute(JOURNAL)
        began = time.monotonic()
        race = Race(8, lambda number: secrets[number].start())

        assert (race.answers, race.reasons) == ([], {"DATABASE_BUSY"})
        assert time.monotonic() - began < LONGEST

    assert all(verdict(site, secret.start()) for secret in secrets)


def test_a_call_waits_no_longer_than_its_deadline(site):
    secret = site.new_secret()
    stub = v1.SessionServiceStub(site.process.channel)
    request = v1.StartSessionRequest(client_id=secret.app_id, client_secret=secret.plaintext)
    with psycopg.connect(site.home.settings["DATABASE_URL"]) as other:
        other.execute(JOURNAL)
        with pytest.raises(grpc.RpcError) as error:
            stub.StartSession(request, timeout=0.5)

    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    works_again(site)


# --------------------------------------------------------------------------- it is silent


def test_a_server_that_says_nothing_keeps_nobody_waiting_for_ever(site):
    secret = site.new_secret()
    session = secret.start()
    site.postgres.pause()
    try:
        began = time.monotonic()
        race = Race(8, lambda number: secret.start() if number % 2 else verdict(site, session))
        took = time.monotonic() - began
    finally:
        site.postgres.go_on()

    assert race.answers in ([], [True])  # one may have come within 50 ms
    assert race.reasons <= {"DATABASE_UNAVAILABLE", "DATABASE_BUSY", "OUTCOME_UNKNOWN"}
    assert took < LONGEST
    works_again(site)
