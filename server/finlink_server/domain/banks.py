"""The bank catalogue, as everybody reads it: one snapshot in memory.

A row in `property` counts the changes of the table and moves in their transactions.
While it stands still the snapshot is true, in every process.
"""

import json
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from finlink_server.domain import bank_names, journal
from finlink_server.domain.bank_search import Index
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import BankNotFound, FieldInvalid
from finlink_server.storage import models

MATURITIES: Final = ("TEST", "PROD")
STATUSES: Final = ("OPERATIONAL", "DEGRADED", "DOWN")
SOURCES: Final = ("REGISTRY", "OPERATOR")

_ID_LENGTH: Final = 64
ID_EXPECTED: Final = "must be a bank's id, such as es-bbva"

LOCK: Final = "banks"  # for whoever changes any
_LOADING = threading.Lock()
_MEMORY: Final = "banks"
_VERSION: Final = "bank_catalogue_version"
_READ_VERSION: Final = f"SELECT value FROM property WHERE key = '{_VERSION}'"  # noqa: S608
_BUMP: Final = (
    f"INSERT INTO property (key, value) VALUES ('{_VERSION}', '1') ON CONFLICT (key) DO UPDATE"  # noqa: S608
    " SET value = CAST(CAST(property.value AS BIGINT) + 1 AS TEXT)"
)
_READ_BANKS: Final = (
    "SELECT id, country_code, display_name, short_name, bics, products, maturity, status,"
    " logo_uri, source, remove_time FROM bank"
)


@dataclass(frozen=True, slots=True)
class Bank:
    """An institution that Link can show.

    `bics` has head offices, eight letters, before branches; a house with many branches has
    hundreds. `sort_key` is the display name, blind to case and accents.
    """

    id: str
    display_name: str
    short_name: str
    country_code: str
    bics: tuple[str, ...]
    products: frozenset[str]
    maturity: str
    status: str
    logo_uri: str
    source: str
    in_catalogue: bool
    sort_key: str

    def __hash__(self) -> int:
        """Hash the id alone: lists of banks are what is kept of them."""
        return hash(self.id)


@dataclass(frozen=True, eq=False)  # one snapshot is no other: hashed by identity
class Catalogue:
    """All banks at one moment, never altered.

    `banks` are those of the catalogue, by `sort_key` and id. `by_id` also has those that
    left it, which settings may still name.
    """

    version: int
    banks: tuple[Bank, ...]
    by_id: Mapping[str, Bank]
    _index: Index[Bank] = field(repr=False)

    def search(self, query: str, country_codes: Collection[str] = ()) -> list[Bank]:
        """Find banks in their order, blind to case and accents.

        Found is a bank if each word of the query begins a word of its name or short name, if
        the query begins one of its BICs (from four letters on), or its id (from the
        hyphen on). No query finds all; no country means any.
        """
        return self._index.search(query, country_codes)


def catalogue(env: Env) -> Catalogue:
    """Get the catalogue as it is now: one small select unless it changed.

    Call it before the transaction that needs it: reading it anew takes a tenth of a second.
    """
    known: Catalogue | None = env.memory.get(_MEMORY)
    if known is not None and known.version == version_now(env):
        return known
    with _LOADING:  # once, not once for each thread that waits for it
        version = version_now(env)
        known = env.memory.get(_MEMORY)
        if known is None or known.version != version:
            # The version was read before the rows: what is newer is read again, never missed.
            known = _load(env, version)
            if not env.database.in_transaction:  # what is not committed is not kept
                env.memory[_MEMORY] = known
        return known


def get(env: Env, bank_id: str) -> Bank:
    """Find a bank, also one that left the catalogue."""
    bank = catalogue(env).by_id.get(bank_id)
    if bank is None:
        raise BankNotFound(bank_id=bank_id if is_id(bank_id) else "")
    return bank


def is_id(text: str) -> bool:
    """Whether a text is in the form of a bank's id."""
    return len(text) <= _ID_LENGTH and bank_names.ID.fullmatch(text) is not None


def set_status(env: Env, caller: Caller, bank_id: str, status: str, comment: str) -> Bank:
    """Say how a bank works at the moment; every process shows it from now on."""
    if status not in STATUSES:
        raise FieldInvalid.of("status", f"must be one of {', '.join(STATUSES)}")
    get(env, bank_id)
    with env.transaction(LOCK):
        row = models.Bank.get_by_id(bank_id)
        if row.status != status:
            models.Bank.update(status=status, update_time=env.now()).where(
                models.Bank.id == bank_id
            ).execute()
            changed(env)
            journal.write(
                env,
                caller,
                "bank.status_changed",
                bank_id,
                old=row.status,
                new=status,
                comment=comment,
            )
    return get(env, bank_id)


def changed(env: Env) -> None:
    """Tell every process that banks changed. Call it in the transaction that changes them."""
    env.database.execute(_BUMP)


def version_now(env: Env) -> int:
    """Count the changes of the catalogue up to now; 0 if it was never filled."""
    row = env.database.execute(_READ_VERSION).fetchone()
    return int(row[0]) if row else 0


def _load(env: Env, version: int) -> Catalogue:
    rows = env.database.execute(_READ_BANKS).fetchall()
    every = sorted((_bank(row) for row in rows), key=lambda bank: (bank.sort_key, bank.id))
    shown = tuple(bank for bank in every if bank.in_catalogue)
    return Catalogue(
        version=version,
        banks=shown,
        by_id={bank.id: bank for bank in every},
        _index=Index(
            (bank, names_of(bank), bank.bics, bank.id, bank.country_code) for bank in shown
        ),
    )


def names_of(bank: Bank) -> Iterable[str]:
    """What a bank is found by."""
    return (bank.display_name, bank.short_name)


def _bank(row: Sequence[str]) -> Bank:
    (
        bank_id,
        country_code,
        display_name,
        short_name,
        bics,
        products,
        maturity,
        status,
        logo_uri,
        source,
        remove_time,
    ) = row
    return Bank(
        id=bank_id,
        display_name=display_name,
        short_name=short_name,
        country_code=country_code,
        bics=tuple(json.loads(bics)),
        products=_words(products),
        maturity=maturity,
        status=status,
        logo_uri=logo_uri,
        source=source,
        in_catalogue=remove_time is None,
        sort_key=bank_names.fold(display_name),
    )


@lru_cache(maxsize=64)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())
