"""Each test that needs a database runs on both, in one process one after the other.

The models of a process belong to one database at a time, so what runs on PostgreSQL comes
after all that runs on SQLite. What is about one of them alone says so, and why:
`pytest.mark.sqlite("…")`, `pytest.mark.postgres("…")`. What could not tell them apart runs
on one of them, and on both with BOTH_DATABASES=1: `pytest.mark.either("…")`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests import postgres
from tests.postgres import Postgres
from xdist.scheduler import LoadScopeScheduling

from finlink_server import key_file

KINDS = ("sqlite", "postgres")
EVERYTHING = bool(os.environ.get("BOTH_DATABASES"))
# Tables, their indexes, and what stands beside them because it is long.
_FILES = """
SELECT pg_relation_filepath(oid) FROM pg_class
WHERE oid >= 16384 AND relkind IN ('r', 'i', 't')
"""


@dataclass(frozen=True)
class Place:
    """Where a server finds its database: in its folder, or on a server of PostgreSQL."""

    postgres: Postgres | None = None

    @property
    def kind(self) -> str:
        return KINDS[self.postgres is not None]

    def settings(self, folder: Path, template: str = "template0") -> dict[str, str]:
        """Make what has to be there before the first start; settings without FINLINK_."""
        if self.postgres is None:
            return {}
        if not (folder / "master.key").exists():
            key_file.create(folder / "master.key")
        return {"DATABASE_URL": self.postgres.url(self.postgres.new_database(template))}

    def wait_out_memory(self) -> None:
        """Wait for as long as a process may answer from memory (rule 4); none does on SQLite."""
        if self.postgres is not None:
            time.sleep(0.05)

    def files(self, url: str) -> list[Path]:
        """What a database of PostgreSQL has on the disk, rows that are gone included."""
        if self.postgres is None:
            return []
        self.postgres.execute("CHECKPOINT")
        rows = self.postgres.execute(_FILES, database=urlsplit(url).path[1:])
        files = [self.postgres.folder / "data" / str(row[0]) for row in rows]
        return [file for file in files if file.exists()]


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Place:
    """SQLite and PostgreSQL, one after the other: see `parametrize`."""
    on_postgres = request.param == "postgres"
    return Place(request.getfixturevalue("postgres_server") if on_postgres else None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for all tests of a process."""
    with postgres.running() as server:
        yield server


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a database on each that it is for."""
    if "request" in signature(metafunc.function).parameters:  # asks for what needs one, by name
        metafunc.fixturenames.append("database")
    if "database" in metafunc.fixturenames:
        named = [kind for kind in KINDS if metafunc.definition.get_closest_marker(kind)]
        if not named and metafunc.definition.get_closest_marker("either") and not EVERYTHING:
            named = [KINDS[0]]
        kinds = named or KINDS
        metafunc.parametrize("database", kinds, indirect=True, scope="session")


def arrange(items: list[pytest.Item]) -> None:
    """Put PostgreSQL last."""
    items.sort(key=lambda item: _on_postgres(item.nodeid))


class ByFileAndDatabase(LoadScopeScheduling):  # type: ignore[misc] # of no type
    """Deals out files, a database at a time: what a file needs is then started once.

    The groups of xdist itself need an id that pytest 9.2 does not let it change.
    """

    def _split_scope(self, nodeid: str) -> str:
        return f"{nodeid.partition('::')[0]} {_on_postgres(nodeid)}"


def _on_postgres(nodeid: str) -> bool:
    """By the first parameter: see `pytest_generate_tests`."""
    return nodeid.partition("::")[2].partition("[")[2].startswith("postgres")
