"""Which institution of a registry is which bank of the catalogue.

An id that was given stays with its institution, though name, BIC and bank codes may all
change in time. So an institution is, in this order: the bank of which the registry says
exactly the same; the bank with which it shares most BICs and bank codes, more than half
of those that no other bank has; the bank of the id that it would get. What is left gets
an id of its own, never one that ever named another.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from finlink_server.domain import bank_registry
from finlink_server.domain.bank_registry import Institution

_Mark = tuple[str, str, str]


def match(
    institutions: Sequence[Institution], rows: Sequence[Mapping[str, Any]], taken: Collection[str]
) -> dict[str, Institution]:
    """Give each institution an id: one of `rows`, or a new one that is not in `taken`."""
    by_fingerprint = {row["registry_fingerprint"]: row["id"] for row in rows}
    found: dict[str, Institution] = {}
    new = []
    for one in institutions:
        bank_id = by_fingerprint.pop(one.fingerprint, "")
        if bank_id:
            found[bank_id] = one
        else:
            new.append(one)
    left = {row["id"] for row in rows} - set(found)
    if new and left:
        for bank_id, one in _by_marks(institutions, rows):
            if bank_id in left and one in new:
                found[bank_id] = one
                left.remove(bank_id)
                new.remove(one)
    return found | bank_registry.ids(new, taken=set(taken) - left)


def _by_marks(
    institutions: Sequence[Institution], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Institution]]:
    """Pairs that share more than half of what is one's own, the closest first."""
    of_rows = _own(
        _marks(row["country_code"], json.loads(row["bics"]), json.loads(row["bank_codes"]))
        for row in rows
    )
    of_institutions = _own(
        _marks(one.country_code, one.bics, one.bank_codes) for one in institutions
    )
    shared = Counter(
        (of_rows[mark], of_institutions[mark]) for mark in of_rows.keys() & of_institutions
    )
    in_row = Counter(of_rows.values())
    in_institution = Counter(of_institutions.values())
    pairs = [
        (-count, rows[row]["id"], place)
        for (row, place), count in shared.items()
        if 2 * count > min(in_row[row], in_institution[place])
    ]
    return [(bank_id, institutions[place]) for _, bank_id, place in sorted(pairs)]


def _own(marks: Iterable[Iterable[_Mark]]) -> dict[_Mark, int]:
    """Whose a mark is, for the marks that only one has."""
    owners: dict[_Mark, set[int]] = defaultdict(set)
    for place, some in enumerate(marks):
        for mark in some:
            owners[mark].add(place)
    return {mark: next(iter(places)) for mark, places in owners.items() if len(places) == 1}


def _marks(country_code: str, bics: Iterable[str], bank_codes: Iterable[str]) -> Iterator[_Mark]:
    yield from ((country_code, "bic", bic) for bic in bics)
    yield from ((country_code, "code", code) for code in bank_codes)
