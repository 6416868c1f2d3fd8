"""The banks that a widget shows: an app's settings, narrowed by what Link opens with.

One function says for one bank whether it shows and why not; the list is made of
the same answer for all of them.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from weakref import WeakKeyDictionary

from finlink_server.domain.banks import Bank, Catalogue
from finlink_server.domain.document import BankSettings

_MOST_LISTS: Final = 256  # for one catalogue; the whole of it is 70 kB


class Visibility(Enum):
    """Whether a bank shows; the names are those of a BankVisibility."""

    SHOWN = "is shown"
    UNKNOWN = "is not in the catalogue"
    LEFT_CATALOGUE = "has left the catalogue"
    HIDDEN_BY_SETTINGS = "is hidden by the app's settings"
    COUNTRY_HIDDEN_BY_SETTINGS = "is of a country that the app's settings hide"
    PRODUCT_NOT_OFFERED = "does not offer the product"
    COUNTRY_HIDDEN_BY_PARAMETERS = "is of a country that country_codes leave out"
    HIDDEN_BY_PARAMETERS = "is not among bank_ids"


@dataclass(frozen=True)
class View:
    """What decides which banks show; empty means that it narrows nothing."""

    settings: BankSettings
    product: str = ""
    country_codes: tuple[str, ...] = ()
    bank_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """The banks that show, in the widget's order: the first ones are pinned."""

    banks: tuple[Bank, ...]
    pinned: frozenset[str]

    def find(self, catalogue: Catalogue, query: str) -> Sequence[Bank]:
        """Those that a query finds, in the same order; an empty query finds all."""
        if not query:
            return self.banks
        found = {bank.id for bank in catalogue.search(query)}
        return [bank for bank in self.banks if bank.id in found]


def visibility(catalogue: Catalogue, view: View, bank_id: str) -> Visibility:
    """Whether one bank shows, and the first thing that hides it."""
    bank = catalogue.by_id.get(bank_id)
    return Visibility.UNKNOWN if bank is None else _visibility(_sets(view), bank)


def shown(catalogue: Catalogue, view: View) -> Shown:
    """The banks that show. Kept for the views in use: most apps show one list to everybody.

    With a catalogue that changed go the lists that were made of it.
    """
    lists = _lists.setdefault(catalogue, {})
    known = lists.get(view)
    if known is None:
        if len(lists) >= _MOST_LISTS:
            lists.clear()
        known = lists[view] = _make(catalogue, view)
    return known


def _make(catalogue: Catalogue, view: View) -> Shown:
    sets = _sets(view)
    visible = [bank for bank in catalogue.banks if _visibility(sets, bank) is Visibility.SHOWN]
    by_id = {bank.id: bank for bank in visible}
    pinned = [by_id[one] for one in view.settings.pinned_bank_ids if one in by_id]
    first = frozenset(bank.id for bank in pinned)
    return Shown((*pinned, *(bank for bank in visible if bank.id not in first)), first)


def missing(catalogue: Catalogue, settings: BankSettings) -> list[str]:
    """Banks that the settings name and that have left the catalogue since, each once."""
    named = dict.fromkeys((*settings.bank_ids, *settings.pinned_bank_ids))
    return [one for one in named if not is_known(catalogue, one)]


def is_known(catalogue: Catalogue, bank_id: str) -> bool:
    """Whether a bank is in the catalogue at present."""
    bank = catalogue.by_id.get(bank_id)
    return bank is not None and bank.in_catalogue


_lists: WeakKeyDictionary[Catalogue, dict[View, Shown]] = WeakKeyDictionary()


@dataclass(frozen=True)
class _Sets:
    mode: str
    settings_ids: frozenset[str]
    settings_countries: frozenset[str]
    product: str
    countries: frozenset[str]
    ids: frozenset[str]


@functools.lru_cache(maxsize=128)
def _sets(view: View) -> _Sets:
    return _Sets(
        view.settings.mode,
        frozenset(view.settings.bank_ids),
        frozenset(view.settings.country_codes),
        view.product,
        frozenset(view.country_codes),
        frozenset(view.bank_ids),
    )


def _visibility(sets: _Sets, bank: Bank) -> Visibility:
    hidden_by = (
        (not bank.in_catalogue, Visibility.LEFT_CATALOGUE),
        (
            (sets.mode == "ONLY" and bank.id not in sets.settings_ids)
            or (sets.mode == "EXCEPT" and bank.id in sets.settings_ids),
            Visibility.HIDDEN_BY_SETTINGS,
        ),
        (
            bool(sets.settings_countries) and bank.country_code not in sets.settings_countries,
            Visibility.COUNTRY_HIDDEN_BY_SETTINGS,
        ),
        (
            bool(sets.product) and sets.product not in bank.products,
            Visibility.PRODUCT_NOT_OFFERED,
        ),
        (
            bool(sets.countries) and bank.country_code not in sets.countries,
            Visibility.COUNTRY_HIDDEN_BY_PARAMETERS,
        ),
        (bool(sets.ids) and bank.id not in sets.ids, Visibility.HIDDEN_BY_PARAMETERS),
    )
    return next((why for hides, why in hidden_by if hides), Visibility.SHOWN)
