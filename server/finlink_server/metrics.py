"""What the server counts and measures, under names of its own; nothing while nobody collects.

Whoever has something to tell says so here, wherever it is, at the cost of a look at one
variable. What it is called outside, and how it is collected, stands in `prometheus`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class MetricsError(Exception):
    """Metrics cannot be collected; the text says why and what to do."""


# Gives a meter by its name and the values of its labels, once somebody collects.
_find: Callable[[str, tuple[str, ...]], Any] | None = None
_known: dict[tuple[str, ...], Any] = {}


def begin(find: Callable[[str, tuple[str, ...]], Any]) -> None:
    """Tell these meters from now on."""
    global _find  # noqa: PLW0603 - a process has one set of meters
    _known.clear()
    _find = find


def end() -> None:
    """Tell nobody any more."""
    global _find  # noqa: PLW0603
    _find = None


def is_on() -> bool:
    """Whether anybody collects."""
    return _find is not None


def count(name: str, *labels: str, by: int = 1) -> None:
    """Add to what is counted, or to what goes up and down."""
    if _find is not None:
        _meter(name, labels).inc(by)


def put(name: str, value: float, *labels: str) -> None:
    """Say how much there is of something."""
    if _find is not None:
        _meter(name, labels).set(value)


def note(name: str, value: float, *labels: str) -> None:
    """Add a measurement to a distribution."""
    if _find is not None:
        _meter(name, labels).observe(value)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Note how many seconds something takes, however it ends."""
    if _find is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        note(name, time.perf_counter() - began)


def _meter(name: str, labels: tuple[str, ...]) -> Any:  # noqa: ANN401 - the library's
    key = (name, *labels)
    meter = _known.get(key)
    if meter is None and _find is not None:
        meter = _known[key] = _find(name, labels)
    return meter
