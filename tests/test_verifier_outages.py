"""What a protected service is told when Finlink cannot be asked: once, where, and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

import grpc
import pytest
from tests import parrot
from tests.proxy import proxied
from tests.second_shell import free_port
from tests.staleness import wait_until
from tests.verifiers import A_WHILE

from finlink.config import v1
from finlink_client import FinlinkError, SessionVerifier, VerifierUnavailableError

pytestmark = pytest.mark.either("its service answers the same whatever it asks")

BOUND = timedelta(seconds=1)
REFUSES = "refuses the service key, so nobody is let in"
SILENT = "cannot be asked, so nobody is let in"


@dataclass
class Heard:
    """What the verifier logs."""

    log: pytest.LogCaptureFixture

    @property
    def warnings(self) -> list[str]:
        return [one.message for one in self.log.records if one.levelno >= logging.WARNING]

    @property
    def failures(self) -> int:
        return sum("is opened anew" in one.message for one in self.log.records)

    def wait_for_failures(self, times: int = 1) -> None:
        """Let it fail again, after which it might say so again."""
        before = self.failures
        wait_until(lambda: self.failures >= before + times)


@pytest.fixture
def heard(caplog) -> Heard:
    caplog.set_level(logging.INFO, "finlink_client")
    return Heard(caplog)


@pytest.fixture
def link_key(operator) -> str:
    made = operator.admin.CreateServiceKey(display_name="link", roles=[v1.ROLE_LINK])
    return str(made.key)


def test_a_target_where_nobody_listens_is_named_before_any_call(verifier, session, heard):
    target = f"127.0.0.1:{free_port()}"

    with SessionVerifier(target, verifier.credential) as one:
        wait_until(lambda: heard.warnings)
        heard.wait_for_failures()
        for _ in range(3):
            with pytest.raises(VerifierUnavailableError):
                one.verify(session.token)

    [warning] = heard.warnings
    assert warning.startswith(f"Finlink Config at {target} {SILENT}: ")
    assert "whether a server runs there. [UNAVAILABLE]" in warning


def test_each_outage_is_told_once_and_a_short_cut_is_none(server, verifier, heard):
    port = int(server.target.rpartition(":")[2])
    with (
        proxied(port) as proxy,
        SessionVerifier(proxy.target, verifier.credential, max_staleness=BOUND) as one,
    ):
        assert one.wait_until_caught_up(A_WHILE)
        for outages in (1, 2):
            proxy.cut()
            wait_until(lambda: not one.is_caught_up)
            heard.wait_for_failures()
            assert len(heard.warnings) == outages

            proxy.mend()
            assert one.wait_until_caught_up(A_WHILE)

        assert one._stream._call
        one._stream._call.cancel()
        heard.wait_for_failures()
        assert len(heard.warnings) == 2


def test_a_key_that_is_refused_is_told_apart_from_silence(server, link_key, heard, session):
    with SessionVerifier(server.target, link_key) as one:
        wait_until(lambda: heard.warnings)
        heard.wait_for_failures()
        with pytest.raises(VerifierUnavailableError, match="Finlink refuses the key"):
            one.verify(session.token)

    [warning] = heard.warnings
    assert warning.startswith(f"Finlink Config at {server.target} {REFUSES}: ")
    assert "CALLER_NOT_ALLOWED" in warning


@pytest.mark.parametrize("serve", [parrot.serving, parrot.serving_async], ids=["grpc", "grpc.aio"])
@pytest.mark.parametrize("why", ["does not answer", "refuses the key"])
def test_a_caller_is_told_to_try_again_in_one_sentence(server, link_key, session, serve, why):
    target = server.target if why == "refuses the key" else f"127.0.0.1:{free_port()}"
    with SessionVerifier(target, link_key) as one, serve(one) as polly:
        with pytest.raises(grpc.RpcError) as error:
            polly.ask("unary_unary", session.token)

        told = str(FinlinkError.of(error.value))
        assert f"cannot be told now: Finlink {why}" in told
        assert told.endswith(". Try again in 1 s. [UNAVAILABLE, VERIFIER_UNAVAILABLE]")
        assert told.count("Try again") == 1


def test_a_verifier_over_a_channel_of_its_owner_knows_no_target(verifier, heard):
    with (
        grpc.insecure_channel(f"127.0.0.1:{free_port()}") as channel,
        SessionVerifier(channel, verifier.credential),
    ):
        wait_until(lambda: heard.warnings)

    assert heard.warnings[0].startswith(f"Finlink Config {SILENT}: ")


def test_a_verifier_that_is_closed_tells_nothing(server, verifier, heard):
    with SessionVerifier(server.target, verifier.credential) as one:
        assert one.wait_until_caught_up(A_WHILE)

    assert heard.warnings == []


def test_an_empty_service_key_is_called_empty(server):
    with pytest.raises(ValueError, match="The service key is empty"):
        SessionVerifier(server.target, "")
