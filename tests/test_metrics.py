"""Metrics: each moves when it should, over all processes, and no caller can make series."""

from __future__ import annotations

import os
import re
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from signal import SIGKILL
from typing import Any

import grpc
import pysqlite3
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests import people, quick_server
from tests.errors import refused
from tests.gates import until
from tests.processes import Home, Process
from tests.workers import supervised

from finlink.config import v1
from finlink_server import measuring, prometheus
from finlink_server.domain import figures
from finlink_server.storage.database import Contended

pytestmark = pytest.mark.sqlite  # but for what is counted, a database is a database
_ANYWHERE = {"METRICS_LISTEN": "127.0.0.1:0", "WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8"}
_AT = re.compile(r"Metrics at (http://127\.0\.0\.1:\d+/metrics)\.")
_PACKAGE = "finlink.config.v1"
_VALIDATE = f"{_PACKAGE}.SessionService/ValidateSession"


class Metrics:
    """What Prometheus would collect."""

    def __init__(self, server: Process) -> None:
        found = _AT.search(server.err)
        assert found, server.err
        self._at = found[1]

    def collect(self) -> dict[tuple[str, ...], float]:
        """Every value, by its name and the values of its labels."""
        with urllib.request.urlopen(self._at) as answer:  # noqa: S310 - ours
            text = answer.read().decode()
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, *key: str) -> float:
        return self.collect().get(key, 0.0)


@pytest.fixture(scope="module")
def quick_home(first_home, tmp_path_factory) -> Home:
    home: Home = first_home.copy_to(tmp_path_factory.mktemp("metrics") / "home")
    return replace(home, program=("-P", str(quick_server.__file__)))


@pytest.fixture(scope="module")
def serving(quick_home) -> Iterator[Process]:
    with quick_home.serving(**_ANYWHERE) as server:
        yield server


@pytest.fixture
def metrics(serving) -> Metrics:
    return Metrics(serving)


@pytest.fixture
def operator(serving, quick_home) -> people.Caller:
    caller: people.Caller = serving.caller(quick_home.operator_key)
    return caller


@pytest.fixture
def secret(operator) -> people.Secret:
    account = people.new_account(operator)
    return people.new_secret(account, people.new_app(account))


@contextmanager
def moves(metrics: Metrics, *key: str, by: float = 1) -> Iterator[None]:
    before = metrics.value(*key)
    yield
    until(lambda: metrics.value(*key) == before + by)


def test_calls_are_counted_by_method_and_by_how_they_ended(metrics, operator, secret):
    session = secret.start()
    duration = "grpc_server_call_duration_seconds_count"

    with (
        moves(metrics, "grpc_server_call_started_total", _VALIDATE, by=3),
        moves(metrics, duration, _VALIDATE, "OK", by=2),
        moves(metrics, duration, _VALIDATE, "UNAUTHENTICATED"),
        moves(metrics, "finlink_refusals_total", "CREDENTIAL_INVALID"),
    ):
        people.why_inactive(operator, session)
        people.why_inactive(operator, session)
        with suppress(grpc.RpcError):
            operator.using("fsk_nobody").sessions.ValidateSession(access_token=session.token)


def test_the_buckets_of_durations_add_up(metrics, operator, secret):
    people.why_inactive(operator, secret.start())

    values = metrics.collect()
    buckets = [
        (float(key[3]), value)
        for key, value in values.items()
        if key[:3] == ("grpc_server_call_duration_seconds_bucket", _VALIDATE, "OK")
    ]
    assert len(buckets) == 41  # gRFC A66 §Buckets, and what is beyond
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert buckets[-1][1] == values["grpc_server_call_duration_seconds_count", _VALIDATE, "OK"]
    assert values["grpc_server_call_duration_seconds_sum", _VALIDATE, "OK"] > 0


def test_validations_tell_outcome_and_source(metrics, operator, secret):
    session = secret.start()
    people.why_inactive(operator, session)

    with moves(metrics, "finlink_validations_total", "ACTIVE", "memory"):
        people.why_inactive(operator, session)
    newer = secret.start()
    with moves(metrics, "finlink_validations_total", "SUPERSEDED", "database"):
        people.why_inactive(operator, session)
    with moves(metrics, "finlink_validations_total", "ACTIVE", "database"):
        people.why_inactive(operator, newer)


def test_credentials_that_are_remembered_are_hits(metrics, operator):
    operator.admin.ListServiceKeys()

    with moves(metrics, "finlink_credential_lookups_total", "hit"):
        operator.admin.ListServiceKeys()
    with moves(metrics, "finlink_credential_lookups_total", "miss"), suppress(grpc.RpcError):
        operator.using("fsk_nobody").admin.ListServiceKeys()


def test_gauges_of_the_whole_service_follow_the_database(metrics, operator, secret, monkeypatch):
    before = metrics.value("finlink_active_sessions")
    account = people.new_account(operator)
    app = people.new_app(account)
    account.webhooks.CreateEndpoint(app_id=app.id, uri="https://127.0.0.1:9/nobody-is-there")
    secret.start()
    people.new_secret(account, app)  # an event, which nobody takes

    until(lambda: metrics.value("finlink_active_sessions") > before)
    until(lambda: metrics.value("finlink_webhook_backlog") > 0)
    until(lambda: metrics.value("finlink_webhook_backlog_age_seconds") > 0)
    assert metrics.value("finlink_webhook_attempts_total", "failed") >= 1


def test_figures_that_cannot_be_taken_hold_up_nothing_and_are_taken_the_next_time(env, monkeypatch):
    tries: list[str] = []

    def measure(_: Any) -> None:
        tries.append(threading.current_thread().name)
        raise Contended

    monkeypatch.setattr(figures, "measure", measure)
    monkeypatch.setattr("finlink_server.metrics.is_on", lambda: True)
    monkeypatch.setattr(measuring, "_EVERY", 0.01)
    another = measuring.Measuring(env)

    until(lambda: len(tries) >= 3)
    another.close()
    assert set(tries) == {"figures"}  # a thread of its own


def test_watchers_are_counted_while_they_watch(metrics, operator):
    before = metrics.value("finlink_watchers", "watch-revocations")

    stream = operator.sessions.WatchRevocations()
    next(stream)
    until(lambda: metrics.value("finlink_watchers", "watch-revocations") == before + 1)
    assert 0 <= metrics.value("finlink_feed_lag_seconds") < 60
    stream.cancel()
    until(lambda: metrics.value("finlink_watchers", "watch-revocations") == before)


def test_passwords_and_transactions_leave_their_marks(metrics, operator):
    account = people.new_account(operator)

    with moves(metrics, "grpc_server_call_started_total", f"{_PACKAGE}.AccountService/SignIn"):
        account.sign_in()
    assert metrics.value("finlink_password_hashes_pending") == 0
    before = metrics.value("finlink_database_transaction_seconds_count")
    people.new_app(account)
    assert metrics.value("finlink_database_transaction_seconds_count") > before


def test_no_caller_makes_series(serving, metrics, operator, secret):
    session = secret.start()

    def call_anything(number: int) -> None:
        method = serving.channel.unary_unary(f"/{_PACKAGE}.SessionService/Guess{number}")
        with suppress(grpc.RpcError):
            method(b"")
        with suppress(grpc.RpcError):
            operator.sessions.GetSession(session_id=f"ses_{number:026}")
        with suppress(grpc.RpcError):
            operator.using(f"fsk_{number}").sessions.ValidateSession(access_token=session.token)

    for number in range(2):
        call_anything(number)
    before = set(metrics.collect())
    for number in range(2, 12):
        call_anything(number)

    assert set(metrics.collect()) == before
    assert not any("Guess" in part or "ses_" in part for key in before for part in key)


def test_workers_are_added_up_and_what_was_counted_stays(first_home, tmp_path):
    home = first_home.copy_to(tmp_path / "home")
    method = f"{_PACKAGE}.AdminService/ListServiceKeys"
    with supervised(home, METRICS_LISTEN="127.0.0.1:0") as workers:
        metrics = Metrics(workers.supervisor)
        with workers.channels(32) as channels:
            operators = [people.Caller(channel, home.operator_key) for channel in channels]
            for operator in operators:
                operator.admin.ListServiceKeys()
            assert all(workers.served().values())
            assert metrics.value("grpc_server_call_started_total", method) == 32
            streams = [operator.sessions.WatchRevocations() for operator in operators]
            for stream in streams:
                next(stream)
            until(lambda: metrics.value("finlink_watchers", "watch-revocations") == 32)

            killed = workers.in_front
            of_killed = workers.served()[killed]
            os.kill(killed, SIGKILL)

            until(lambda: metrics.value("finlink_watchers", "watch-revocations") == 32 - of_killed)
            assert metrics.value("grpc_server_call_started_total", method) == 32


def test_passwords_that_wait_are_seen_waiting(first_home, tmp_path):
    home = first_home.copy_to(tmp_path / "home")
    with home.serving(METRICS_LISTEN="127.0.0.1:0", BCRYPT_COST="12") as server:
        metrics = Metrics(server)
        sign_in = v1.AccountServiceStub(server.channel).SignIn

        attempts = [
            sign_in.future(v1.SignInRequest(email=f"{number}@example.com", password="0123456789"))
            for number in range(8)
        ]

        until(lambda: metrics.value("finlink_password_hashes_pending") > 1)
        assert all(attempt.exception() for attempt in attempts)
        until(lambda: metrics.value("finlink_password_hashes_pending") == 0)


def test_a_database_that_is_busy_is_seen(first_home, tmp_path):
    home = first_home.copy_to(tmp_path / "home")
    with home.serving(METRICS_LISTEN="127.0.0.1:0") as server:
        metrics = Metrics(server)
        operator = server.caller(home.operator_key)
        with closing(pysqlite3.connect(home.database)) as other:
            other.execute("BEGIN IMMEDIATE")

            with refused(grpc.StatusCode.UNAVAILABLE, "DATABASE_BUSY"):
                operator.admin.CreateAccount(email="ana@example.com", display_name="Ana")

        assert metrics.value("finlink_database_refusals_total", "DATABASE_BUSY") == 1
        assert metrics.value("finlink_refusals_total", "DATABASE_BUSY") == 1


def test_counters_never_go_back_while_workers_are_started_again(first_home, tmp_path):
    home = first_home.copy_to(tmp_path / "home")
    key = ("grpc_server_call_started_total", f"{_PACKAGE}.SessionService/ListSigningKeys")
    with supervised(home, METRICS_LISTEN="127.0.0.1:0") as workers:
        metrics, over = Metrics(workers.supervisor), threading.Event()

        def collect() -> list[float]:
            found = []
            while not over.wait(0.02):  # others have work to do too
                found.append(metrics.value(*key))
            return found

        with ThreadPoolExecutor(1) as pool:
            collecting = pool.submit(collect)
            try:
                for _ in range(3):
                    workers.end(workers.in_front)  # which others call, until it is there again
            finally:
                over.set()
            found = collecting.result()

    assert found == sorted(found)
    assert found[-1] > found[0]


def test_a_worker_that_has_begun_no_file_yet_keeps_nobody_from_collecting(tmp_path):
    (tmp_path / "counter_1.db").touch()  # as a worker leaves it that is killed at its start

    assert list(prometheus.of_workers(str(tmp_path)).collect()) == []


def test_a_port_that_is_taken_stops_the_start_with_the_remedy(serving, quick_home, first_home):
    taken = Metrics(serving)._at.split("/")[2]

    done = first_home.run("serve", METRICS_LISTEN=taken, LISTEN="127.0.0.1:0")

    assert done.returncode == 1
    assert "Set FINLINK_METRICS_LISTEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_setting_nobody_listens(first_home, tmp_path):
    with first_home.copy_to(tmp_path / "home").serving() as server:
        server.caller(first_home.operator_key).admin.ListServiceKeys()

        assert "Metrics at" not in server.err
