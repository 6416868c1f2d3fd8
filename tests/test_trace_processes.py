"""Traces of whole servers: of several processes, at a stop, without a collector, without the extra.

Everything else about them stands in `test_traces`, in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from signal import SIGTERM

import pytest
from tests import people
from tests.collector import Collector, collecting
from tests.gates import until
from tests.processes import run
from tests.unheard import dead_port
from tests.workers import supervised

pytestmark = pytest.mark.sqlite("who sends traces asks no database")
# As if the extra were not installed; then the program itself.
WITHOUT = (
    "import sys; sys.modules['opentelemetry'] = None\n"
    "from finlink_server.__main__ import main; sys.exit(main())"
)
LOADED = (
    "import sys; from finlink_server import app, serving, dispatcher\n"
    "print([name for name in sys.modules if name.startswith('opentelemetry')])"
)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def list_keys(caller: people.Caller) -> None:
    caller.admin.ListServiceKeys()


def test_what_waits_is_sent_at_a_stop(home, collector):
    with home.serving(TRACES_ENDPOINT=collector.endpoint) as server:
        for _ in range(20):
            list_keys(server.caller(home.operator_key))
        server.signal(SIGTERM)

        assert server.wait() == 0

    assert len(collector.spans(caller="service_key")) == 20


def test_each_worker_sends_its_own(home, collector):
    settings = {"TRACES_ENDPOINT": collector.endpoint}
    with supervised(home, **settings) as workers, workers.channels(16) as channels:
        for channel in channels:
            list_keys(people.Caller(channel, home.operator_key))
        until(lambda: len(collector.spans(caller="service_key")) == 16)

    senders = {one.by["service.instance.id"] for one in collector.spans(caller="service_key")}
    assert len(senders) == 2


def test_a_webhook_of_a_call_at_another_worker_goes_on_with_its_trace(
    home, collector, receiver, ca_file, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    trace = "0af7651916cd43dd8448eb211c80319c"
    settings = {"TRACES_ENDPOINT": collector.endpoint, "WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8"}
    with supervised(home, **settings) as workers:
        with workers.channels(8) as channels:
            account = people.new_account(people.Caller(channels[0], home.operator_key))
            app = people.new_app(account)
            account.webhooks.CreateEndpoint(app_id=app.id, uri=receiver.uri("/traced"))
            for channel in channels:  # to either of the two
                caller = people.Caller(channel, account.token)
                caller.settings.UpdateSettings(
                    settings={"app_id": app.id, "link": {"languages": ["es", "en"]}},
                    update_mask={"paths": ["link.languages"]},
                    metadata=(("traceparent", f"00-{trace}-b7ad6b7169203331-01"),),
                )
        (request, *_) = receiver.wait_for(1, "/traced")

    assert request.headers["traceparent"].split("-")[1] == trace
    calls = {one.id: one for one in collector.in_trace(trace) if one.kind == "SERVER"}
    attempts = [one for one in collector.in_trace(trace) if one.kind == "CLIENT"]
    assert attempts
    assert all(one.parent_id in calls for one in attempts)


def test_a_collector_that_is_away_costs_no_call_anything(home):
    dead = f"http://127.0.0.1:{dead_port()}"
    with home.serving(TRACES_ENDPOINT=dead) as server:
        caller = server.caller(home.operator_key)
        for _ in range(2200):  # more than may wait
            list_keys(caller)
        until(lambda: '"problem"' in server.err)
        began = time.monotonic()
        server.signal(SIGTERM)

        assert server.wait() == 0
        assert time.monotonic() - began < 10

    assert server.err.count('"code": "OK"') == 2200
    assert server.err.count('"problem"') == 1


def test_without_the_extra_the_start_is_refused_with_the_remedy(home):
    environment = home.environment({"TRACES_ENDPOINT": "http://127.0.0.1:4317"})

    told = run("-c", WITHOUT, "serve", env=environment)

    assert told.returncode == 1
    assert "pip install 'finlink-config[server,otel]'" in told.stderr


def test_without_the_extra_everything_else_works(home):
    bare = type(home)(home.path, home.operator_key, ("-c", WITHOUT), home.place, home.settings)

    with bare.serving() as server:
        list_keys(server.caller(home.operator_key))


def test_without_the_setting_nothing_of_it_is_loaded():
    told = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, env=os.environ
    )

    assert told.stdout.strip() == "[]"
