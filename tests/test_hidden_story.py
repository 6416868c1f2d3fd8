"""The whole story of `finlink demo` at `debug`, with metrics and traces: no secret of it shows."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tests import canaries
from tests.collector import collecting
from tests.gates import until

from finlink_client.command_line import commands

pytestmark = pytest.mark.sqlite("what is told of a call asks no database")

_METRICS = re.compile(r"Metrics at (http://127\.0\.0\.1:\d+/metrics)\.")


class Overheard(grpc.UnaryUnaryClientInterceptor):
    """Every secret that goes over the wire, by the marks in the protos."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.secrets |= set(secrets_in(request))
        for key, value in details.metadata or ():
            if key == "authorization":
                self.secrets.add(value.partition(" ")[2])
        call = continuation(details, request)
        if call.code() is grpc.StatusCode.OK:
            self.secrets |= set(secrets_in(call.result()))
        return call


def secrets_in(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.GetOptions().debug_redact:
            yield from values
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for one in values:
                yield from secrets_in(one)


@pytest.fixture
def overheard(monkeypatch) -> Overheard:
    wire = Overheard()

    def listening(*arguments: Any, **named: Any) -> grpc.Channel:
        return grpc.intercept_channel(plain(*arguments, **named), wire)

    plain = grpc.insecure_channel
    monkeypatch.setattr(grpc, "insecure_channel", listening)
    return wire


def test_the_log_the_spans_and_the_metrics_of_the_whole_story_show_no_secret(
    home, overheard, monkeypatch
):
    monkeypatch.setenv("OPERATOR_KEY", home.operator_key)
    settings = {"LOG_LEVEL": "debug", "METRICS_LISTEN": "127.0.0.1:0"}
    settings["WEBHOOK_ALLOW_CIDRS"] = "127.0.0.0/8"
    with collecting() as collector:
        with home.serving(TRACES_ENDPOINT=collector.endpoint, **settings) as server:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                assert commands.run(["demo", "--target", server.target]) == 0
            found = _METRICS.search(server.err)
            assert found
            with urllib.request.urlopen(found[1]) as answer:  # noqa: S310 - ours
                metrics = answer.read()
            until(lambda: len(collector.spans(caller="account")) > 10)
        said = (server.err + server.out).encode()

    home.search(overheard.secrets, said.decode())  # the files too, the journal's among them
    for text in (said, metrics, collector.everything):
        assert text
        assert canaries.find(overheard.secrets, text) == []
    # It heard a key, tokens, passwords, client secrets, a signing secret and URLs of Link.
    assert len(overheard.secrets) > 20
    assert {one[:4] for one in overheard.secrets} >= {"fsk_", "fst_", "fls_", "eyJh"}
