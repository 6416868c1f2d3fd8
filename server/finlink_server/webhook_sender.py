"""Sends one webhook: to an address that was checked, over kept HTTPS connections.

The receiver belongs to a customer, and to whoever broke into it. So everything that
it can do is bounded: time, headers, body, and where it can send us.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt: where to, and the exact bytes that were signed."""

    uri: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    status: int | None  # None: no answer
    problem: str  # in words; empty for an answer
    latency: int  # microseconds, of the whole attempt
    response: str  # the beginning of the body, fit to be shown
    truncated: bool  # whether the body went on, or broke off
    retry_after: int | None  # seconds
