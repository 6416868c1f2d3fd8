"""Which entries of a national registry are one institution.

Records of one country are one institution

- if they carry the same name, blind to case, accents and punctuation, which is how a
  registry names a legal person; or
- if they carry the same BIC of eight letters, and the same name but for the form of the
  company, or but for the branch, fund or purpose that it goes on to name
  (`UBS Switzerland AG - Uster 1`), or the same short name; or
- if six or more names under one BIC go on from the same name (`Commerzbank Passau`): that
  is one house and its offices.

None of it holds among the members of a network: cooperative and savings banks share
their central institution's BIC, and there are twenty-one different `Raiffeisenbank`. A BIC
of eight letters is a network's if six or more names share it of which none goes on from
another. There the same name also needs the same national code or the same eight letters,
and the same eleven if the name is but the beginning of other members' names. Names that
differ never merge, whatever code they share: the French registry gives one bank's name to
the codes of its sisters. So a bank that was absorbed may stand beside its heir; two banks do
not become one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from finlink_server.domain import bank_names

_BIC_LENGTH: Final = 8
_MANY: Final = 6
# Here the short name is the institution's.
_HEAD_IN_SHORT_NAME: Final = frozenset({"UA"})
# Here it is the institution's if it begins with the same word, else an association's.
_HEAD_OR_ASSOCIATION: Final = frozenset({"LT"})
# Here short names are cut to 27 letters, and name the place of the branch.
_NO_SHORT_NAMES: Final = frozenset({"DE"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Records that differ in their bank codes only, with what is compared of them."""

    name: str
    short_name: str
    primary: bool
    bic: str
    codes: list[str]
    essence: str  # the name, folded, without the form of the company
    head: str  # the same without the part that the name goes on to name
    parts: frozenset[str]  # names that one BIC of eight letters may have
    name_key: str
    legal_key: str  # the name with the form of the company
    bic8: str


def entry_of(
    country_code: str, name: str, short_name: str, bic: str, *, primary: bool, codes: list[str]
) -> Entry:
    name, short_name = " ".join(name.split()), " ".join(short_name.split())
    if short_name and _names_its_head(country_code, name, short_name, primary=primary):
        head = essence = bank_names.essence(short_name)
    else:
        essence = bank_names.essence(name)
        head = bank_names.essence(bank_names.whole(name))
    if country_code in _NO_SHORT_NAMES or country_code in _HEAD_OR_ASSOCIATION:
        short_name = ""  # not the bank's own
    parts = {head, essence}
    if short_name:
        parts.add(bank_names.essence(short_name))
    return Entry(
        name=name,
        short_name=short_name,
        primary=primary,
        bic=bic,
        codes=codes,
        essence=essence,
        head=head,
        parts=frozenset(parts),
        name_key=_key(essence),
        legal_key=_key(essence)
        if country_code in _HEAD_IN_SHORT_NAME
        else bank_names.legal_key(name),
        bic8=bic[:_BIC_LENGTH],
    )


def _names_its_head(country_code: str, name: str, short_name: str, *, primary: bool) -> bool:
    if country_code in _HEAD_OR_ASSOCIATION and not primary:
        return bank_names.essence(name).split()[:1] == bank_names.essence(short_name).split()[:1]
    return country_code in _HEAD_IN_SHORT_NAME


def merge(entries: list[Entry]) -> list[list[Entry]]:
    """Group the entries of one country."""
    country = _Country(entries)
    joined = _Joined()
    for place, entry in enumerate(entries):
        for mark in country.marks(entry):
            joined.join(place, mark)
    # What merged under a shorter name is compared once more by that name.
    for place, group in joined.groups(entries).items():
        merged = len({entry.essence for entry in group}) > 1
        if merged and entries[place].bic8 not in country.networks:
            joined.join(place, ("name", bank_names.legal_key(display_name(group))))
    return list(joined.groups(entries).values())


class _Country:
    """What the entries of a country tell together."""

    def __init__(self, entries: list[Entry]) -> None:
        self.networks, self._houses = _networks_and_houses(entries)
        self._beginnings = _beginnings(entries)
        self._outside = {entry.legal_key for entry in entries if entry.bic8 not in self.networks}

    def marks(self, entry: Entry) -> Iterator[tuple[str, ...]]:
        """Give marks: entries that share one are one institution."""
        if entry.bic8 in self.networks:
            for code in entry.codes:
                yield "code", entry.name_key, code
        if entry.bic8 not in self.networks:
            yield "name", entry.legal_key
            for part in entry.parts:
                yield "part", _key(part), entry.bic8 or entry.name_key
            for house in self._houses.get(entry.bic8, ()):
                if entry.essence.startswith(f"{house} "):
                    yield "part", _key(house), entry.bic8
        elif (entry.bic[:4], entry.head) in self._beginnings:
            yield "bic", entry.name_key, entry.bic
        elif entry.legal_key in self._outside:
            yield "name", entry.legal_key
        elif _key(entry.head) in self._outside:
            yield "name", _key(entry.head)
        else:
            yield "network", entry.name_key, entry.bic8


def _networks_and_houses(entries: list[Entry]) -> tuple[set[str], dict[str, set[str]]]:
    """BICs of eight letters that many institutions share, and names of which others are offices."""
    heads: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        heads[entry.bic8].add(entry.head)
    heads.pop("", None)
    networks: set[str] = set()
    houses: dict[str, set[str]] = {}
    for bic8, names in heads.items():
        offices = {name: _openings(name) & names for name in names}
        if sum(not opened for opened in offices.values()) >= _MANY:
            networks.add(bic8)
        else:
            opened = Counter(house for found in offices.values() for house in found)
            many = {house for house, count in opened.items() if count >= _MANY}
            houses.update({bic8: many} if many else {})
    return networks, houses


def _beginnings(entries: list[Entry]) -> set[tuple[str, str]]:
    """Names that are but the beginning of other names under the same first letters of a BIC."""
    heads = {(entry.bic[:4], entry.head) for entry in entries}
    return {(party, opening) for party, head in heads for opening in _openings(head)}


def _openings(name: str) -> set[str]:
    """Give the words that a name begins with, one and more, but not all."""
    words = name.split()
    return {" ".join(words[:count]) for count in range(1, len(words))}


def _key(name: str) -> str:
    return name.replace(" ", "")  # `MoraBanc` is `Mora Banc`


class _Joined:
    """Places that share a mark, directly or through others."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self._first: dict[tuple[str, ...], int] = {}

    def join(self, place: int, mark: tuple[str, ...]) -> None:
        other = self.root(self._first.setdefault(mark, place))
        self._parents[self.root(place)] = other

    def root(self, place: int) -> int:
        while (parent := self._parents.get(place, place)) != place:
            place = parent
        return place

    def groups(self, entries: Iterable[Entry]) -> dict[int, list[Entry]]:
        found = defaultdict(list)
        for place, entry in enumerate(entries):
            found[self.root(place)].append(entry)
        return found


def display_name(group: list[Entry]) -> str:
    best = min(group, key=how_good)
    if best.head != best.essence and len({entry.name for entry in group}) > 1:
        return bank_names.whole(best.name)
    return best.name


def how_good(entry: Entry) -> tuple[bool, bool, bool, int, str]:
    """Order names: whole ones, head offices', not shouted, short."""
    part = entry.essence != entry.head
    return part, not entry.primary, entry.name.isupper(), len(entry.name), entry.name
