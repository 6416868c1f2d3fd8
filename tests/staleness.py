"""Questions to a verifier, each compared with what had been acknowledged when it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable

from finlink_client import SessionInactiveError, SessionVerifier, VerifierUnavailableError

_PATIENCE = 60  # seconds; what is waited for takes far less, unless the machine is busy


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for something that is on its way."""
    until = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def why_refused(verifier: SessionVerifier, token: str) -> str:
    """Ask once: why the session is not live; nothing while it is."""
    try:
        verifier.verify(token)
    except SessionInactiveError as error:
        return error.reason
    return ""


def is_live(verifier: SessionVerifier, token: str) -> bool:
    """Ask once; not to be able to tell is no."""
    try:
        return not why_refused(verifier, token)
    except VerifierUnavailableError:
        return False


def refused_in_time(verifier: SessionVerifier, token: str, since: float, bound: float = 2.0) -> str:
    """Ask until the token is refused, and see that none of the answers was too old.

    `since` is when the end was acknowledged, by the monotonic clock. Not to be able to
    tell is a refusal too, but no reason.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        asked = time.monotonic()
        try:
            verifier.verify(token)
        except SessionInactiveError as error:
            return error.reason
        except VerifierUnavailableError:
            continue
        assert asked <= since + bound, "a session was taken for live beyond the bound"
    raise AssertionError("never refused")


def unavailable_in_time(
    verifier: SessionVerifier, token: str, since: float, bound: float = 2.0
) -> None:
    """Ask until the verifier knows no more, and see that it knew for no longer than it may."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        asked = time.monotonic()
        try:
            verifier.verify(token)
        except VerifierUnavailableError:
            return
        assert asked <= since + bound, "a session was taken for live beyond the bound"
    raise AssertionError("it went on to answer")
