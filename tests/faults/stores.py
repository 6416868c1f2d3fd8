"""The database of a service under faults, looked at from this process and not through it."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

import pysqlite3
from tests.postgres import Postgres
from tests.processes import Home


class Store(Protocol):
    """What the books are read from."""

    name: str
    # Whether numbers of the journal have gaps where a transaction was taken back.
    has_gaps: bool

    def read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask by a connection of our own; `?` for each parameter."""
        ...

    def change(self, sql: str, *parameters: object) -> None:
        """Change something behind the service's back."""
        ...

    def damage(self) -> list[str]:
        """What the database itself finds wrong."""
        ...


class SqliteStore:
    """A file."""

    name, has_gaps = "SQLite", False

    def __init__(self, home: Home) -> None:
        self._path = str(home.database)

    def read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        connection = pysqlite3.connect(self._path)
        try:
            return list(connection.execute(sql, parameters))
        finally:
            connection.close()

    def change(self, sql: str, *parameters: object) -> None:
        connection = pysqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute(sql, parameters)
        finally:
            connection.close()

    def damage(self) -> list[str]:
        verdicts = [row[0] for row in self.read("PRAGMA integrity_check")]
        orphans = self.read("PRAGMA foreign_key_check")
        return [str(one) for one in [*verdicts, *orphans] if one != "ok"]


class PostgresStore:
    """A database on a server of PostgreSQL."""

    name, has_gaps = "PostgreSQL", True

    def __init__(self, home: Home) -> None:
        assert home.place.postgres
        self.postgres: Postgres = home.place.postgres
        self.database = urlsplit(home.settings["DATABASE_URL"]).path[1:]

    def read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        statement = sql.replace("?", "%s")
        return self.postgres.execute(statement, *parameters, database=self.database)

    def change(self, sql: str, *parameters: object) -> None:
        self.read(sql, *parameters)

    def damage(self) -> list[str]:
        """Read every row of every table: what cannot be read is damaged."""
        tables = self.read("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            self.read(f"SELECT count(t::text) FROM {table} t")  # noqa: S608 - ours
        return []


def store_of(home: Home) -> Store:
    """Where a home has its database."""
    return PostgresStore(home) if home.place.postgres else SqliteStore(home)
