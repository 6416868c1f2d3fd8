"""Lets Prometheus collect the metrics: what each is called, and by which labels it is told apart.

Those of calls have the names and buckets of gRPC's own servers (gRFC A66, OpenTelemetry's
`grpc.server.call.started` and `grpc.server.call.duration` in Prometheus's spelling). The
values of labels come from tables of ours and never from a caller: nobody can make series.

Workers count into files that they share with their supervisor (the library's multiprocess
mode), which adds them up; what was counted stays when a worker is started again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from finlink_server import metrics

# Where workers count; the library reads it when it is imported.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_OTHER: Final = "other"  # a method that does not exist, as A66 has it
_LATENCY: Final = (
    *(0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005),
    *(0.006, 0.008, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13),
    *(0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
)
_METHOD: Final = "grpc_method"


def begin(methods: Collection[str]) -> None:
    """Count from now on. `methods` are those that exist, as `package.Service/Method`."""
    meters, exist = _meters(), frozenset(methods)

    def find(name: str, labels: tuple[str, ...]) -> Any:  # noqa: ANN401 - the library's child
        if name in {"started", "duration"}:
            method = labels[0].removeprefix("/")
            labels = (method if method in exist else _OTHER, *labels[1:])
        meter = meters[name]
        return meter.labels(*labels) if labels else meter

    metrics.begin(find)


def _meters() -> Mapping[str, Counter | Gauge | Histogram]:
    """Every metric, by the name that the rest of the server has for it."""
    return {
        "started": Counter("grpc_server_call_started", "Calls that began.", (_METHOD,)),
        "duration": Histogram(
            "grpc_server_call_duration_seconds",
            "How long calls took, by how they ended; of a stream, how long it took to open.",
            (_METHOD, "grpc_status"),
            buckets=_LATENCY,
        ),
        "refusals": Counter(
            "finlink_refusals", "Calls refused, by the reason in their ErrorInfo.", ("reason",)
        ),
        "validations": Counter(
            "finlink_validations",
            "Session tokens looked at: ACTIVE or why not, from `memory` or from the `database`.",
            ("outcome", "source"),
        ),
        "credentials": Counter(
            "finlink_credential_lookups",
            "Callers' credentials: remembered (`hit`) or looked up (`miss`).",
            ("result",),
        ),
        "sessions": Gauge(
            "finlink_active_sessions", "Active sessions.", multiprocess_mode="mostrecent"
        ),
        "hashes": Gauge(
            "finlink_password_hashes_pending",
            "Passwords that are being hashed, or wait for it.",
            multiprocess_mode="livesum",
        ),
        "feed lag": Gauge(
            "finlink_feed_lag_seconds",
            "For how long watchers have not been told what was committed; the slowest process's.",
            multiprocess_mode="livemax",
        ),
        "watchers": Gauge(
            "finlink_watchers", "Open Watch streams.", ("kind",), multiprocess_mode="livesum"
        ),
        "backlog": Gauge(
            "finlink_webhook_backlog",
            "Deliveries that wait or are being sent.",
            multiprocess_mode="mostrecent",
        ),
        "backlog age": Gauge(
            "finlink_webhook_backlog_age_seconds",
            "Age of the oldest delivery that waits or is being sent.",
            multiprocess_mode="mostrecent",
        ),
        "attempts": Counter(
            "finlink_webhook_attempts",
            "Attempts to deliver: `delivered`, `refused` by the receiver, or `failed` before it"
            " answered.",
            ("outcome",),
        ),
        "transactions": Histogram(
            "finlink_database_transaction_seconds",
            "How long transactions that write took, waiting for their turn included.",
            buckets=_LATENCY[3:],
        ),
        "database": Counter(
            "finlink_database_refusals",
            "Calls that the database kept from being answered, by their reason.",
            ("reason",),
        ),
    }


@contextmanager
def serving(listen: tuple[str, int], registry: CollectorRegistry = REGISTRY) -> Iterator[int]:
    """Let them be collected at an address; its port."""
    try:
        server, thread = start_http_server(listen[1], listen[0], registry)
    except OSError as error:
        message = (
            f"Metrics cannot be served on port {listen[1]} of {listen[0]}: {error.strerror}. Set"
            " FINLINK_METRICS_LISTEN to an address and a port that are free."
        )
        raise metrics.MetricsError(message) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def counting_together() -> Iterator[str]:
    """Make the folder in which workers that are started meanwhile count."""
    folder = tempfile.mkdtemp(prefix="finlink-metrics-")
    os.environ[FOLDER] = folder
    try:
        yield folder
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


class _OfWorkers(Collector):
    """Adds up what stands in files; a worker that is just being started makes an empty one first.

    The library takes such a file for a broken one and fails, and a worker that was killed at
    that moment leaves it there for good.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """Add up."""
        files = []
        for file in self._folder.glob("*.db"):
            with suppress(FileNotFoundError):  # of a worker that has just ended
                if file.stat().st_size:
                    files.append(str(file))
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


def of_workers(folder: str) -> CollectorRegistry:
    """What workers have counted, added up whenever it is collected."""
    registry = CollectorRegistry()
    registry.register(_OfWorkers(folder))
    return registry


def worker_ended(pid: int, folder: str) -> None:
    """Take what a process had in hand out of the sums; what it counted stays."""
    mark_process_dead(pid, path=folder)  # type: ignore[no-untyped-call]
