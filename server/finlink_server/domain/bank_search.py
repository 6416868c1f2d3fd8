"""Search over banks: words, BICs and ids, folded once.

Words are scanned as they stand, for a query of one letter as fast as any other. BICs and
ids are looked up in order.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final, Generic, TypeVar

from finlink_server.domain import bank_names

T = TypeVar("T")

_BIC = re.compile(r"[A-Z0-9]{4,11}")
_BIC_LENGTH: Final = 8
_ID = re.compile(r"[a-z]{2}-[a-z0-9-]*")
_LAST: Final = "\x7f"  # after everything that a BIC or an id has


class Index(Generic[T]):
    """Things in their order, to be found by word, BIC and id."""

    def __init__(
        self, things: Iterable[tuple[T, Iterable[str], Collection[str], str, str]]
    ) -> None:
        """Take things with their names, BICs, id and country."""
        self._things: list[T] = []
        self._words: list[tuple[int, str]] = []
        self._by_country: dict[str, list[tuple[int, str]]] = defaultdict(list)
        bics, ids = [], []
        for place, (thing, names, of_thing, bank_id, country_code) in enumerate(things):
            self._things.append(thing)
            words = (place, _words(names))
            self._words.append(words)
            self._by_country[country_code].append(words)
            bics += [(bic, place) for bic in of_thing]
            ids.append((bank_id, place))
        self._bics, self._ids = sorted(bics), sorted(ids)

    def search(self, query: str, country_codes: Collection[str] = ()) -> list[T]:
        """Find things, in their order; no query finds all, no country means any."""
        rows = self._words
        if country_codes:
            rows = [row for code in set(country_codes) for row in self._by_country.get(code, ())]
            rows.sort()
        if not query.strip():
            return [self._things[place] for place, _ in rows]
        places = _with_words(rows, query)
        if others := self._by_bic(query) | self._by_id(query):
            if country_codes:
                others.intersection_update(place for place, _ in rows)
            places = sorted(others.union(places))
        return [self._things[place] for place in places]

    def _by_bic(self, query: str) -> set[int]:
        bic = "".join(query.split()).upper()
        if not _BIC.fullmatch(bic):
            return set()
        if set(bic[_BIC_LENGTH:]) == {"X"}:
            bic = bic[:_BIC_LENGTH]  # of the head office, kept without
        return _beginning_with(self._bics, bic)

    def _by_id(self, query: str) -> set[int]:
        start = query.strip().lower()
        return _beginning_with(self._ids, start) if _ID.fullmatch(start) else set()


def _words(names: Iterable[str]) -> str:
    """Each word once, a space before each; initials also as one word: `jp` for `J.P.`."""
    folded = [bank_names.fold(name) for name in names]
    joined = [bank_names.join_initials(name) for name in folded]
    words = dict.fromkeys(word for text in (*folded, *joined) for word in text.split())
    return "".join(f" {word}" for word in words)


def _with_words(rows: list[tuple[int, str]], query: str) -> list[int]:
    """The places where each word of the query begins a word."""
    words = sorted(set(bank_names.fold.__wrapped__(query).split()), key=len, reverse=True)
    if not words:
        return []
    for number, word in enumerate(words):  # the longest first: it leaves the fewest
        if not any(longer.startswith(word) for longer in words[:number]):
            wanted = f" {word}"
            rows = [row for row in rows if wanted in row[1]]
    return [place for place, _ in rows]


def _beginning_with(ordered: list[tuple[str, int]], start: str) -> set[int]:
    first = bisect_left(ordered, (start, -1))
    last = bisect_left(ordered, (start + _LAST, -1))
    return {place for _, place in ordered[first:last]}
