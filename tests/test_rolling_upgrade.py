"""A rolling upgrade: the version before goes on with the schema of the version after it.

So a migration may add, and nothing else: what is there keeps its name, its kind and its
rules, and rows that know nothing of a new column are taken.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import peewee
import pytest
from playhouse.migrate import SqliteMigrator

pytestmark = pytest.mark.sqlite("both databases get the same migrations")

_FOLDER = Path(str(files("finlink_server.storage") / "migrations"))
_STEPS = sorted(path.stem for path in _FOLDER.glob("[0-9]*.py"))


def step(name: str, folder: Path = _FOLDER) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def empty() -> Iterator[peewee.SqliteDatabase]:
    database = peewee.SqliteDatabase(":memory:")
    yield database
    database.close()


def tables(database: peewee.SqliteDatabase) -> dict[str, dict[str, Any]]:
    """Of each table, its columns as SQLite tells of them."""
    return {
        table: {row[1]: row for row in database.execute_sql(f"PRAGMA table_info({table})")}
        for table in database.get_tables()
    }


def unique_indexes(database: peewee.SqliteDatabase, table: str) -> set[str]:
    rows = database.execute_sql(f"PRAGMA index_list({table})").fetchall()
    return {name for _, name, unique, *_ in rows if unique}


def problems(database: peewee.SqliteDatabase, module: ModuleType) -> list[str]:
    """What a migration does to what was there that the version before could not bear."""
    before = tables(database)
    unique = {table: unique_indexes(database, table) for table in before}

    module.up(SqliteMigrator(database), database)

    after = tables(database)
    found = []
    for table, columns in before.items():
        if table not in after:
            found.append(f"{table} is gone")
            continue
        for name, (_, _, kind, required, _, key) in columns.items():
            _, _, *now = after[table].get(name, (0, name, None, 0, None, 0))
            if [now[0], now[1], now[3]] != [kind, required, key]:
                found.append(f"{table}.{name} is gone or has changed")
        for name in after[table].keys() - columns.keys():
            _, _, _, required, default, _ = after[table][name]
            if required and default is None:
                found.append(f"{table}.{name} must be given")
        if unique_indexes(database, table) - unique[table]:
            found.append(f"{table} takes fewer rows")
    return found


def test_every_migration_only_adds(empty):
    assert len(_STEPS) >= 4

    assert {name: problems(empty, step(name)) for name in _STEPS} == {name: [] for name in _STEPS}


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DROP TABLE rate", "rate is gone"),
        ("ALTER TABLE rate RENAME TO rates", "rate is gone"),
        ("ALTER TABLE rate RENAME COLUMN count TO uses", "rate.count is gone or has changed"),
        ("ALTER TABLE app ADD COLUMN x TEXT NOT NULL CHECK (x <> '')", "app.x must be given"),
        ("CREATE UNIQUE INDEX once ON app (public_name)", "app takes fewer rows"),
    ],
)
def test_what_is_more_than_adding_is_found(empty, tmp_path, statement, problem):
    for name in _STEPS:
        step(name).up(SqliteMigrator(empty), empty)
    (tmp_path / "0999_more.py").write_text(
        f"def up(migrator, db):\n    db.execute_sql({statement!r})\n"
    )

    assert problem in problems(empty, step("0999_more", tmp_path))
