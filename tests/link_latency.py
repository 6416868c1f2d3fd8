"""Measures Link and the bank search over the whole catalogue: `python -m tests.link_latency`.

A real server in this process, a real channel, a real database file. No test looks at
these figures: machines differ.
"""

import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable

import grpc
from tests import people

from finlink_server import app as application
from finlink_server import bootstrap, config, log
from finlink_server.domain import banks, service_keys
from finlink_server.domain.caller import Role
from finlink_server.domain.idempotency import Once
from finlink_server.hashing import Hasher


def measure(name: str, run: Callable[[str], object], inputs: Iterable[str]) -> None:
    """Print the median, the 99th percentile and the longest of many runs, in milliseconds."""
    times = []
    for one in inputs:
        started = time.perf_counter()
        run(one)
        times.append((time.perf_counter() - started) * 1000)
    p99 = statistics.quantiles(times, n=100)[98]
    print(  # noqa: T201 - what it is for
        f"{name:34} {len(times):5} runs  p50 {statistics.median(times):6.2f}"
        f"  p99 {p99:6.2f}  max {max(times):6.2f} ms"
    )


def main() -> None:
    """Measure, one caller at a time."""
    with tempfile.TemporaryDirectory() as folder:
        settings = config.load({"FINLINK_LISTEN": "127.0.0.1:0", "FINLINK_DATA_DIR": folder})
        log.start("error", "json", io.StringIO())
        env = bootstrap.open_env(settings, hasher=Hasher(cost=4, threads=1, queue=16))
        running = application.start(env, settings)
        channel = grpc.insecure_channel(f"127.0.0.1:{running.port}")

        def key(role: Role) -> people.Caller:
            by = bootstrap.command_line("measurements")
            made = service_keys.create(env, by, "measurements", [role], (), Once("", b""))
            return people.Caller(channel, made.plaintext)

        link = key(Role.LINK)
        account = people.new_account(key(Role.OPERATOR))
        app = people.new_app(account)
        redirect_id = people.add_redirect(account, app)
        session = people.new_secret(account, app).start()
        catalogue = banks.catalogue(env)
        names = [bank.display_name.split()[0] for bank in catalogue.banks[::9]]
        letters = [first + second for first in "abcdefghijklmnopqrstuvwxyz" for second in " aeiou"]
        queries = [*letters, *names]
        url = f"id={redirect_id}&product=TRANSACTIONS"

        print(f"{len(catalogue.banks)} banks")  # noqa: T201
        measure("search in memory", catalogue.search, queries)
        list_banks = account.settings.ListBanks
        measure("ListBanks over gRPC", lambda text: list_banks(query=text, page_size=20), queries)
        measure("OpenLink by URL", lambda query: link.links.OpenLink(query=query), [url] * 1000)
        explain = link.links.ExplainLink
        measure("ExplainLink by URL", lambda query: explain(query=query), [url] * 1000)
        tokens = [
            session.links.CreateLinkToken(
                parameters={"redirect_id": redirect_id, "product": "PRODUCT_TRANSACTIONS"}
            ).auth_token
            for _ in range(500)
        ]
        by_token = [f"authToken={token}" for token in tokens]
        measure("OpenLink by auth token", lambda query: link.links.OpenLink(query=query), by_token)
        channel.close()
        running.stop(1)


if __name__ == "__main__":
    main()
