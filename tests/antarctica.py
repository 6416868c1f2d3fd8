"""Banks of a country where no registry has any: invented, so that a test knows them all.

They offer more than TRANSACTIONS, which is all that a registry knows of.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finlink_server import bootstrap
from finlink_server.domain import bank_import
from finlink_server.env import Env

ALBATROSS, KRILL, PENGUIN, SEAL = "aq-albatross", "aq-krill", "aq-penguin", "aq-seal"
# Left the catalogue.
DODO = "aq-dodo"
_PRODUCTS = {
    ALBATROSS: ["TRANSACTIONS"],
    DODO: ["TRANSACTIONS"],
    KRILL: ["TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER"],
    PENGUIN: ["TRANSACTIONS", "INVESTMENTS"],
    SEAL: ["INVESTMENTS"],
}


def settle(env: Env, folder: Path, *, gone: Iterable[str] = (DODO,)) -> None:
    """Bring the banks into the catalogue, but for those that left it."""
    entries: list[dict[str, Any]] = [
        {
            "id": bank_id,
            "country_code": "AQ",
            "display_name": bank_id.removeprefix("aq-").title(),
            "products": products,
            "in_catalogue": bank_id not in gone,
        }
        for bank_id, products in _PRODUCTS.items()
    ]
    path = folder / "antarctica.json"
    path.write_text(json.dumps({"extra_banks": entries}))
    bank_import.import_file(env, bootstrap.command_line("tests"), path)
