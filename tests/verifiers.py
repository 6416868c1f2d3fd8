"""Verifiers of the server under test, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import pytest

from finlink_client import SessionVerifier, VerifiedSession

A_WHILE: Final = timedelta(seconds=60)
_NEVER_LOCAL: Final = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def session_verifier(server, verifier) -> Iterator[SessionVerifier]:
    """A verifier that answers by itself."""
    with SessionVerifier(server.target, verifier.credential) as made:
        assert made.wait_until_caught_up(A_WHILE)
        yield made


@pytest.fixture(scope="module")
def asking_verifier(server, verifier) -> Iterator[SessionVerifier]:
    """A verifier that knows nothing long enough to rely on it."""
    with SessionVerifier(server.target, verifier.credential, max_staleness=_NEVER_LOCAL) as made:
        yield made


@pytest.fixture
def validations(session_verifier, monkeypatch) -> list[str]:
    """The tokens about which the verifier asks the service."""
    asked: list[str] = []
    ask: Callable[[str], VerifiedSession] = session_verifier._ask

    def note(token: str) -> VerifiedSession:
        asked.append(token)
        return ask(token)

    monkeypatch.setattr(session_verifier, "_ask", note)
    return asked
