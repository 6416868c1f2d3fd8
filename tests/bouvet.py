"""Banks of an island where nobody lives: names to sort, and banks that come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import bank_import
from finlink_server.env import Env

COUNTRY = "BV"
TRANSACTIONS, INVESTMENTS = ["TRANSACTIONS"], ["INVESTMENTS", "TRANSACTIONS"]
# By name, blind to case and accents: the order in which a widget shows them.
BANKS: dict[str, tuple[str, list[str]]] = {
    "bv-anvers": ("ANVERS Bank", TRANSACTIONS),
    "bv-arctowski": ("\u00c4rctowski", INVESTMENTS),
    "bv-belgica": ("B\u00e9lgica", TRANSACTIONS),
    "bv-berkner": ("berkner", INVESTMENTS),
    "bv-charcot": ("\u00c7harcot", TRANSACTIONS),
    "bv-vostok": ("Vostok Bank", TRANSACTIONS),
}
IDS = list(BANKS)
ALL, ONLY, EXCEPT = v1.BANK_LIST_MODE_ALL, v1.BANK_LIST_MODE_ONLY, v1.BANK_LIST_MODE_EXCEPT


class Island:
    """The banks of the island, in a server's catalogue."""

    def __init__(self, env: Env, folder: Path) -> None:
        self._env, self._path = env, folder / "bouvet.json"
        self._import(
            extra_banks=[
                {"id": bank_id, "country_code": COUNTRY, "display_name": name, "products": products}
                for bank_id, (name, products) in BANKS.items()
            ]
        )

    def leave(self, *bank_ids: str) -> None:
        """Take banks out of the catalogue."""
        self._import(banks=[{"id": one, "in_catalogue": False} for one in bank_ids])

    def come_back(self, *bank_ids: str) -> None:
        """Bring banks back into it."""
        self._import(banks=[{"id": one, "in_catalogue": True} for one in bank_ids])

    def _import(self, **content: Any) -> None:
        self._path.write_text(json.dumps(content), encoding="utf-8")
        bank_import.import_file(self._env, bootstrap.command_line("tests"), self._path)


@contextmanager
def inhabited(env: Env, folder: Path) -> Iterator[Island]:
    """Bring the banks into a server's catalogue, and take them out again."""
    island = Island(env, folder)
    yield island
    island.leave(*IDS)


def bank_settings(
    mode: int = ALL,
    bank_ids: Sequence[str] = (),
    pinned: Sequence[str] = (),
    countries: Sequence[str] = (COUNTRY,),
) -> dict[str, Any]:
    """What an app's settings say of banks, by path: those of the island unless told otherwise."""
    return {
        "banks.mode": mode,
        "banks.bank_ids": bank_ids,
        "banks.pinned_bank_ids": pinned,
        "banks.country_codes": countries,
    }


def shown(caller: Any, app: v1.App, **fields: Any) -> list[str]:
    """The first banks that the app's widget shows, in its order."""
    answer = caller.settings.ListAppBanks(app_id=app.id, page_size=500, **fields)
    return [one.bank.id for one in answer.banks]
