"""Pages of banks: of the catalogue, and of what an app's widget shows."""

from collections.abc import Sequence

from finlink_server.domain import bank_list, banks, paging, settings, visible
from finlink_server.domain.bank_list import View
from finlink_server.domain.banks import Bank
from finlink_server.domain.caller import Caller
from finlink_server.domain.settings import Settings
from finlink_server.env import Env


def catalogue_page(
    env: Env, caller: Caller, query: str, country_codes: tuple[str, ...], size: int, token: str
) -> paging.Page[Bank]:
    """List the banks of the catalogue by name, or those that a query finds."""
    found = banks.catalogue(env).search(query, country_codes)
    return paging.slice_of(
        env,
        caller,
        [bank for bank in found if bank.in_catalogue],
        lambda bank: bank.id,
        size=size,
        token=token,
        filters=(query, country_codes),
    )


def page(
    env: Env, caller: Caller, app_id: str, product: str, size: int, token: str
) -> tuple[paging.Page[Bank], frozenset[str]]:
    """List what the app's widget will show, and which of it is pinned."""
    app = visible.app(caller, app_id)
    view = View(settings.of_app(app.id).document.banks, product)
    shown = bank_list.shown(banks.catalogue(env), view)
    rows = paging.slice_of(
        env,
        caller,
        shown.banks,
        lambda bank: bank.id,
        size=size,
        token=token,
        filters=(app.id, product),
    )
    return rows, shown.pinned


def missing(env: Env, version: Settings) -> Sequence[str]:
    """Banks that the settings name and that have left the catalogue since."""
    if not names_any(version):
        return []
    return bank_list.missing(banks.catalogue(env), version.document.banks)


def names_any(version: Settings) -> bool:
    """Whether the settings name banks."""
    named = version.document.banks
    return bool(named.bank_ids or named.pinned_bank_ids)
