"""Link parameters: with what Link opens, and which go together."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from finlink_server.crypto import Keyring
from finlink_server.domain import languages

PRODUCTS: Final = ("TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER")
SUBPRODUCTS: Final = ("FUND", "PENSION_PLAN")
THEMES: Final = ("LIGHT", "DARK")
MOST_COUNTRIES: Final = 50
LONGEST_EXTERNAL_ID: Final = 128
LONGEST_CONNECTION_TOKEN: Final = 512


@dataclass(frozen=True)
class Parameters:
    """What Link opens with; empty means unset. Field names are those of LinkParameters.

    The repr shows nothing: update_token and restore_token are credentials.
    """

    redirect_id: str = ""
    product: str = ""
    subproduct: str = ""
    external_id: str = ""
    bank_id: str = ""
    theme: str = ""
    language: str = ""
    country_codes: tuple[str, ...] = ()
    update_token: str = ""
    restore_token: str = ""
    desired_owners: tuple[str, ...] = ()
    bank_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Keep the tokens of connections out of logs and tracebacks."""
        return f"<Parameters for {self.redirect_id}>"


@dataclass(frozen=True)
class Problem:
    """A parameter that is not accepted, by its field name."""

    field: str
    expected: str


def problem(parameters: Parameters) -> Problem | None:
    """Find the first parameter that is missing or does not go with the others."""
    p = parameters
    existing = p.update_token or p.restore_token
    transfer = p.product == "ASSETS_TRANSFER"
    rules = (
        (bool(p.redirect_id), "redirect_id", "is required"),
        (
            not (p.update_token and p.restore_token),
            "restore_token",
            "must not stand beside update_token",
        ),
        (
            bool(p.product or existing),
            "product",
            "is required unless an existing connection is updated or restored",
        ),
        (
            bool(p.subproduct) or not transfer,
            "subproduct",
            f"is required with ASSETS_TRANSFER: {' or '.join(SUBPRODUCTS)}",
        ),
        (transfer or not p.subproduct, "subproduct", "goes with ASSETS_TRANSFER only"),
        (transfer or not p.desired_owners, "desired_owners", "goes with ASSETS_TRANSFER only"),
        (
            not p.language or languages.is_language(p.language),
            "language",
            languages.TAG_EXPECTED,
        ),
        (
            all(languages.is_country(code) for code in p.country_codes),
            "country_codes",
            languages.COUNTRY_EXPECTED,
        ),
        (
            len(set(p.country_codes)) == len(p.country_codes),
            "country_codes",
            "must not name a country twice",
        ),
    )
    for holds, field, expected in rules:
        if not holds:
            return Problem(field, expected)
    return None


_stored = TypeAdapter(Parameters)


def seal(keyring: Keyring, parameters: Parameters, owner_id: str) -> bytes:
    """Seal parameters for the row of a Link token or a Link."""
    return keyring.seal(_stored.dump_json(parameters), place(owner_id))


def unseal(keyring: Keyring, sealed: bytes, owner_id: str) -> Parameters:
    """Open the parameters of a row."""
    return _stored.validate_json(keyring.open(sealed, place(owner_id)))


def place(owner_id: str) -> str:
    """Where the parameters of a Link or a Link token are sealed for."""
    return f"link.parameters:{owner_id}"
