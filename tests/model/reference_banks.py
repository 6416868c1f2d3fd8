"""Banks: the catalogue, and what of it a widget shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from tests.model.reference import Record, World, refuse

PRODUCTS = ("", "TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER")
_FIRST_PAGE = 50
_STATUSES = ("", "OPERATIONAL", "DEGRADED", "DOWN")


def get(world: World, _: Record, asked: Any, __: Any) -> Record:
    """Give one bank; one that has left the catalogue can still be asked about."""
    return {"bank": _find(world, asked.bank_id)}


def page(world: World, _: Record, asked: Any, said: Any) -> Record:
    """List the banks of some countries by name."""
    countries = set(asked.country_codes)
    found = [one for one in world.banks.values() if one.country_code in countries]
    return cut("banks", found, said, asked.page_size)


def page_of_app(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """List what an app's widget will show, in its order."""
    app = world.app(caller, asked.app_id)
    shown = show(world, world.versions[app["id"]][-1]["document"], PRODUCTS[asked.product])
    return cut("banks", shown, said, asked.page_size)


def set_status(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Tell whether a bank can be connected at present; one that is DOWN still shows."""
    bank = _find(world, asked.bank_id)
    if bank.status != asked.status:
        facts = {"old": _STATUSES[bank.status], "new": _STATUSES[asked.status], "comment": ""}
        world.write(caller, "bank.status_changed", bank.id, **facts)
        bank = type(bank).FromString(bank.SerializeToString())
        bank.status = asked.status
        (world.banks if bank.id in world.banks else world.left_banks)[bank.id] = bank
    return {"bank": bank}


def show(
    world: World,
    document: Record,
    product: str = "",
    countries: Sequence[str] = (),
    bank_ids: Sequence[str] = (),
) -> Iterator[Record]:
    """The banks that show: pinned ones first in their order, then the others by name."""
    narrowed = (product, countries, bank_ids)
    wanted = dict.fromkeys([*document["banks.pinned_bank_ids"], *world.banks])
    for bank_id in wanted:
        if not why_hidden(world, document, bank_id, *narrowed):
            pinned = bank_id in document["banks.pinned_bank_ids"]
            yield {"bank": world.banks[bank_id], "pinned": pinned}


def why_hidden(
    world: World,
    document: Record,
    bank_id: str,
    product: str = "",
    countries: Sequence[str] = (),
    bank_ids: Sequence[str] = (),
) -> str:
    """The first thing that hides a bank: the name of a BankVisibility; empty if it shows."""
    if bank_id not in world.banks:
        return "LEFT_CATALOGUE" if bank_id in world.left_banks else "UNKNOWN"
    bank = world.banks[bank_id]
    listed = bank_id in document["banks.bank_ids"]
    mode, of_settings = document["banks.mode"], document["banks.country_codes"]
    reason = ""  # the last that holds is the first that is asked
    if bank_ids and bank_id not in bank_ids:
        reason = "HIDDEN_BY_PARAMETERS"
    if countries and bank.country_code not in countries:
        reason = "COUNTRY_HIDDEN_BY_PARAMETERS"
    if product and PRODUCTS.index(product) not in bank.products:
        reason = "PRODUCT_NOT_OFFERED"
    if of_settings and bank.country_code not in of_settings:
        reason = "COUNTRY_HIDDEN_BY_SETTINGS"
    if (mode == "ONLY" and not listed) or (mode == "EXCEPT" and listed):
        reason = "HIDDEN_BY_SETTINGS"
    return reason


def wrong_fields(world: World, now: Record, target: Record) -> list[str]:
    """What the settings may not say: that no bank shows, or a pinned one not, or what is none."""
    kept = {*now["banks.bank_ids"], *now["banks.pinned_bank_ids"]}
    paths = ("banks.bank_ids", "banks.pinned_bank_ids")
    named = [(f"{path}[{n}]", one) for path in paths for n, one in enumerate(target[path])]
    unknown = [place for place, one in named if one not in world.banks and one not in kept]
    if unknown:
        return unknown
    if not any(show(world, target)):
        return ["banks"]
    return [
        place
        for place, one in named
        if place.startswith("banks.pinned")
        and why_hidden(world, target, one) not in {"", "LEFT_CATALOGUE"}
    ]


def cut(name: str, rows: Iterable[Any], said: Any, size: int = 0) -> Record:
    """Cut a list to its first page; there is a token if that is not all."""
    size = size or _FIRST_PAGE
    first = list(islice(rows, size + 1))
    token = said.next_page_token or "a token"
    return {name: first[:size], "next_page_token": token if len(first) > size else ""}


def _find(world: World, bank_id: str) -> Any:
    bank = world.banks.get(bank_id) or world.left_banks.get(bank_id)
    if bank is None:
        refuse("BANK_NOT_FOUND", bank_id=bank_id)
    return bank
