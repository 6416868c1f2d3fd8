"""Rows by SQL that is made once.

Peewee makes a query's text anew each time it runs, which takes ten times as long as
running it. What calls by the thousand a second need is read and written here.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from peewee import Model

Row = TypeVar("Row", bound=Model)


def find(model: type[Row], condition: str, *parameters: object) -> Row | None:
    """Read the first row for which a condition in SQL holds, with `?` for each parameter."""
    return next(_read(model, condition, parameters), None)


def find_all(model: type[Row], condition: str, *parameters: object) -> list[Row]:
    """Read all such rows."""
    return list(_read(model, condition, parameters))


def get(model: type[Row], key: str) -> Row:
    """Read the row with a primary key, which is there."""
    row = find(model, "id = ?", key)
    if row is None:
        raise LookupError(f"{model._meta.table_name} has no {key}")
    return row


def insert(row: Model) -> Any:  # noqa: ANN401 - the type of its key
    """Write a new row, and give its primary key: the model's first field."""
    database = row._meta.database
    values = row.__data__
    text = _insert(type(row), tuple(values), database.param)
    return database.execute_sql(text, tuple(values.values())).fetchone()[0]


def _read(model: type[Row], condition: str, parameters: Sequence[object]) -> Iterator[Row]:
    database = model._meta.database
    text, names = _select(model, condition, database.param)
    for values in database.execute_sql(text, parameters).fetchall():
        row = model(__no_default__=1)
        row.__data__.update(zip(names, values, strict=True))
        yield row


@cache
def _select(model: type[Model], condition: str, mark: str) -> tuple[str, tuple[str, ...]]:
    fields = model._meta.sorted_fields
    columns = ", ".join(field.column_name for field in fields)
    text = f"SELECT {columns} FROM {model._meta.table_name} WHERE {condition}"  # noqa: S608 - ours
    return text.replace("?", mark), tuple(field.name for field in fields)


@cache
def _insert(model: type[Model], names: tuple[str, ...], mark: str) -> str:
    meta = model._meta
    columns = ", ".join(meta.fields[name].column_name for name in names)
    marks = ", ".join([mark] * len(names))
    key = meta.sorted_fields[0].column_name
    return f"INSERT INTO {meta.table_name} ({columns}) VALUES ({marks}) RETURNING {key}"  # noqa: S608
