"""Copies a whole database into another, and compares the two row by row.

The copy is of one moment of the source, which others may be writing to, and appears in
the target in one transaction: whole, or not at all. Rows are taken as they are, sealed
values too: the same master key opens them there.

A copy bears a mark, which whoever opens it to serve, or to change it by a command, takes
off first. So what bears it was never used and may be replaced; and what is in use cannot
be, by whatever name it is called: what was acknowledged there would be gone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import peewee
from peewee import sort_models  # type: ignore[attr-defined] # the types lack it

from finlink_server.storage.database import Database, DatabaseError
from finlink_server.storage.models import Journal, Property
from finlink_server.storage.schema import MODELS

_AT_ONCE: Final = 1000  # rows
# Held by whoever copies into a database, and for a moment by whoever opens it to use it.
LOCK: Final = "use of the database"
_MARK: Final = "unused_copy"
_FIND_MARK: Final = "SELECT 1 FROM property WHERE key = ?"
_SET_MARK: Final = "INSERT INTO property (key, value) VALUES (?, '')"
_TAKE_MARK: Final = "DELETE FROM property WHERE key = ?"

Row = tuple[Any, ...]
# Told how many rows of a table are done.
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Table:
    """A table, all its columns, and how many of them, the first, are its key."""

    name: str
    columns: tuple[str, ...]
    key: int


@dataclass(frozen=True)
class Copied:
    """How many rows of each table, and whether the source has moved on meanwhile."""

    rows: dict[str, int]
    is_last_word: bool


def _table(model: type[peewee.Model]) -> Table:
    meta = model._meta
    key = [field.column_name for field in meta.get_primary_keys()]
    others = [one.column_name for one in meta.sorted_fields if one.column_name not in key]
    return Table(meta.table_name, (*key, *others), len(key))


# Parents before their children; and last what says which sealed values may be written.
TABLES: Final = tuple(
    _table(model) for model in sorted(sort_models(MODELS), key=lambda model: model is Property)
)


def copy(source: Database, target: Database, tell: Tell) -> Copied:
    """Copy everything, and compare it. The target is empty, or a copy that nobody has used.

    Raises DatabaseError if the target holds anything else, or if a row differs.
    """
    before = source.version()
    with source.snapshot():
        rows = {}
        with target.transaction([LOCK]):
            _refuse_used(target)
            for table in reversed(TABLES):
                target.execute(f"DELETE FROM {table.name}")  # noqa: S608 - ours
            for table in TABLES:
                rows[table.name] = _fill(source, target, table, tell)
            target.execute(_SET_MARK, _MARK)
            target.go_on_counting(Journal._meta.table_name, "seq")
        for table in TABLES:
            _compare(source, target, table)
    return Copied(rows, source.version() == before)


def take_into_use(database: Database) -> None:
    """Let nobody copy into it any more, in a transaction that holds `LOCK`."""
    if database.execute(_FIND_MARK, _MARK).fetchone():
        database.execute(_TAKE_MARK, _MARK)


def is_empty(database: Database) -> bool:
    """Whether no table has a row."""
    queries = (f"SELECT 1 FROM {table.name} LIMIT 1" for table in TABLES)  # noqa: S608 - ours
    return not any(database.execute(query).fetchone() for query in queries)


def _refuse_used(target: Database) -> None:
    if not is_empty(target) and not target.execute(_FIND_MARK, _MARK).fetchone():
        message = (
            f"{target.name} is in use, or was used since it was copied. Nothing was changed there."
            " Copy into an empty database."
        )
        raise DatabaseError(message)


def _fill(source: Database, target: Database, table: Table, tell: Tell) -> int:
    marks = ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608
    count = 0
    for rows in _pages(source, table):
        target.write_many(insert, rows)
        count += len(rows)
        tell(table.name, count)
    return count


def _compare(source: Database, target: Database, table: Table) -> None:
    """Compare every row; both give them in the order of the key."""
    ours, theirs = _rows(source, table), _rows(target, table)
    for number, (expected, found) in enumerate(zip_longest(ours, theirs)):
        if expected != found:
            key = (expected or found or ())[: table.key]
            message = (
                f"Row {number + 1} of {table.name}, {key}, differs between {source.name} and"
                f" {target.name}. Do not serve from the copy: copy again."
            )
            raise DatabaseError(message)


def _rows(database: Database, table: Table) -> Iterator[Row]:
    for page in _pages(database, table):
        yield from page


def _pages(database: Database, table: Table) -> Iterator[Sequence[Row]]:
    """Read a table in the order of its key, some rows at a time."""
    key = ", ".join(table.columns[: table.key])
    marks = ", ".join("?" * table.key)
    select = f"SELECT {', '.join(table.columns)} FROM {table.name}"  # noqa: S608 - ours
    ordered = f"ORDER BY {key} LIMIT {_AT_ONCE}"
    rows = database.execute(f"{select} {ordered}").fetchall()
    while rows:
        yield [tuple(map(_plain, row)) for row in rows if row[0] != _MARK]
        last = rows[-1][: table.key]
        rows = database.execute(f"{select} WHERE ({key}) > ({marks}) {ordered}", *last).fetchall()


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
