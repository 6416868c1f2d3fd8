"""The national registries of banks, as institutions.

The registries, which the package `schwifty` collects, list what a payment needs: 32,414
records of bank codes and BICs in 47 countries, most of them branches. End users
choose an institution: `bank_merging` tells which records are one.

Nothing is made up. A record whose name is a single letter is a hole in the registry and
is left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from schwifty.domain import Bank as Record
from schwifty.registry import Registry

from finlink_server.domain import bank_merging, bank_names


@dataclass(frozen=True)
class Institution:
    """A bank as the registries know it."""

    country_code: str
    display_name: str
    short_name: str
    bics: tuple[str, ...]
    bank_codes: tuple[str, ...]
    records: int

    @property
    def id_name(self) -> str:
        """What the id is made of: the short name, where there is a good one."""
        return self.short_name or self.display_name

    @property
    def fingerprint(self) -> str:
        """Changes with anything that the registry says of the institution."""
        said = (self.country_code, self.display_name, self.short_name, self.bics, self.bank_codes)
        return sha256(repr(said).encode()).hexdigest()

    def id_candidate(self, level: int) -> str:
        """Make an id, longer at each level, out of nothing but what is the institution's own."""
        marks = (self.bics[:1], self.bank_codes[:1], (*self.bics[:1], *self.bank_codes[:1]))
        if level == 0:
            mark: tuple[str, ...] = ()
        elif level <= len(marks):
            mark = marks[level - 1]
        else:
            mark = (sha256(f"{self.fingerprint}|{level}".encode()).hexdigest()[:12],)
        return bank_names.identifier(self.country_code, self.id_name, *mark)


def countries() -> list[str]:
    """The countries that have a registry, by code."""
    return sorted(Registry().get_countries())


def read(country_codes: Collection[str]) -> Iterator[Record]:
    """Read the registries of some countries."""
    registry = Registry()  # of our own: the package's keeps everything in memory for good
    for country_code in country_codes:
        yield from registry.get_banks_by_country(country_code)


def institutions(records: Iterable[Record]) -> list[Institution]:
    """Merge records into institutions, sorted by country and name."""
    # Most records differ in nothing but the bank code: those are one entry.
    codes: dict[tuple[str, str, str, str, bool], list[str]] = defaultdict(list)
    for record in records:
        alike = (
            record.country_code,
            record.name,
            record.short_name or "",
            (record.bic or "").upper().removesuffix(bank_names.HEAD_OFFICE),
            record.primary,
        )
        codes[alike].append(record.bank_code or "")
    by_country = defaultdict(list)
    for (country_code, name, short_name, bic, primary), of_entry in codes.items():
        entry = bank_merging.entry_of(
            country_code, name, short_name, bic, primary=primary, codes=of_entry
        )
        if len(entry.essence) > 1:
            by_country[country_code].append(entry)
    found = [
        _institution(country_code, group)
        for country_code, entries in by_country.items()
        for group in bank_merging.merge(entries)
    ]
    return sorted(found, key=lambda one: (one.country_code, one.display_name, one.bics))


def _institution(country_code: str, group: list[bank_merging.Entry]) -> Institution:
    best = min(group, key=bank_merging.how_good)
    display_name = bank_merging.display_name(group)
    shorts = {
        entry.short_name for entry in group if entry.name == best.name and len(entry.short_name) > 1
    }
    short_name = min(shorts, key=lambda text: (len(text), text), default="")
    return Institution(
        country_code=country_code,
        display_name=display_name,
        short_name=short_name if short_name != display_name else "",
        bics=tuple(sorted({entry.bic for entry in group} - {""}, key=lambda b: (len(b), b))),
        bank_codes=tuple(sorted({code for entry in group for code in entry.codes} - {""})),
        records=sum(len(entry.codes) for entry in group),
    )


def ids(found: Iterable[Institution], taken: Collection[str] = ()) -> dict[str, Institution]:
    """Give ids to institutions that have none yet, none of them in `taken`.

    All that would get the same id get a longer one: whoever comes first has no right
    to the short one, so that the order does not matter.
    """
    given: dict[str, Institution] = {}
    waiting = list(found)
    level = 0
    while waiting:
        wanted = defaultdict(list)
        for one in waiting:
            wanted[one.id_candidate(level)].append(one)
        waiting = []
        for candidate, claimants in wanted.items():
            free = candidate not in taken and candidate not in given
            if free and len(claimants) == 1:
                given[candidate] = claimants[0]
            else:
                waiting.extend(claimants)
        level += 1
    return given
