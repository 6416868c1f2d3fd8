"""Lists in pages.

A page token is the sealed place where the page before ended, bound to the
caller, the list and its filter: nobody can read, forge or carry it elsewhere.
"""

from __future__ import annotations  # Peewee's classes take no parameters at run time

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from peewee import Field, ModelSelect

from finlink_server.crypto import SealBroken
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import PageTokenInvalid

_DEFAULT = 50
_MOST = 500
_MOST_BYTES = 1024 * 1024  # a client of gRPC takes 4 MiB, and the wire form is larger than JSON
_T = TypeVar("_T")


@dataclass(frozen=True)
class Page(Generic[_T]):
    """Some rows, and the token of the next page; empty on the last."""

    rows: Sequence[_T]
    next_token: str


def page(
    env: Env,
    caller: Caller,
    query: ModelSelect[Any],
    key: Field[Any],
    *,
    size: int,
    token: str,
    filters: object,
    newest_first: bool = False,
    weigh: Callable[[Any], int] | None = None,
) -> Page[Any]:
    """Read one page of a query in the order of a unique column.

    `weigh` tells how many bytes a row is: a page ends before it grows larger than a
    client takes, but has one row at least.
    """
    place = f"page|{caller.kind.name}|{caller.owner}|{caller.call.method}|{filters!r}"
    if token:
        last = _open(env, token, place)
        query = query.where(key < last if newest_first else key > last)
    size = min(size or _DEFAULT, _MOST)
    rows = list(query.order_by(key.desc() if newest_first else key).limit(size + 1))
    fits = _count_fitting(rows[:size], weigh) if weigh else size
    if len(rows) <= fits:
        return Page(rows, "")
    rows = rows[:fits]
    return Page(rows, _seal(env, getattr(rows[-1], key.name), place))


def _count_fitting(rows: Sequence[_T], weigh: Callable[[_T], int]) -> int:
    weight = 0
    for index, row in enumerate(rows):
        weight += weigh(row)
        if weight > _MOST_BYTES:
            return max(1, index)
    return len(rows)


def slice_of(
    env: Env,
    caller: Caller,
    rows: Sequence[_T],
    key: Callable[[_T], str],
    *,
    size: int,
    token: str,
    filters: object,
    across_methods: bool = False,
) -> Page[_T]:
    """Read one page of a list in memory.

    The token holds the last row and its place: if the row is gone by then, the
    next page begins with the row that took its place. `across_methods`: another
    method's token for the same filter is good, such as that of the first page that
    OpenLink gives.
    """
    method = "" if across_methods else caller.call.method
    place = f"slice|{caller.kind.name}|{caller.owner}|{method}|{filters!r}"
    start = 0
    if token:
        last, index = str(_open(env, token, place)).rsplit(" ", 1)
        start = next((i + 1 for i, row in enumerate(rows) if key(row) == last), int(index) - 1)
    size = min(size or _DEFAULT, _MOST)
    chosen = rows[start : start + size]
    if start + size >= len(rows):
        return Page(chosen, "")
    mark = f"{key(chosen[-1])} {start + size}"
    return Page(chosen, _seal(env, mark, place))


def _seal(env: Env, last: str | int, place: str) -> str:
    sealed = env.keyring.seal(json.dumps(last).encode(), place)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _open(env: Env, token: str, place: str) -> str | int:
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        last: str | int = json.loads(env.keyring.open(sealed, place))
    except (ValueError, SealBroken) as error:
        raise PageTokenInvalid from error
    return last
