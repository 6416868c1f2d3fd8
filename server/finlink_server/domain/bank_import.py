"""Filling the catalogue: from the national registries, and from the operator's file.

Importing twice is importing once: what brings nothing new changes no row, moves no
version and stands in no journal.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from finlink_server.domain import bank_file, bank_matching, bank_registry, banks, journal
from finlink_server.domain.bank_file import Correction, ExtraBank
from finlink_server.domain.bank_registry import Institution
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.errors import FieldInvalid, Violation
from finlink_server.storage.models import Bank

_COLUMNS: Final = tuple(Bank._meta.fields)
_WRITE: Final = (
    f"INSERT INTO bank ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)})"  # noqa: S608
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS if column != "id")
)
# The most bank codes kept of a bank: enough to know it again by.
_MOST_CODES: Final = 100
_NEW: Final = {
    "products": "TRANSACTIONS",
    "maturity": "TEST",
    "status": "OPERATIONAL",
    "logo_uri": "",
    "corrections": "{}",
    "remove_time": None,
}

_Row = dict[str, Any]


@dataclass
class Count:
    """What an import found and did in one country.

    `records` are the registry's, `banks` the institutions that they make, or the entries of
    a file.
    """

    country_code: str
    records: int = 0
    banks: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


def make_first(env: Env, caller: Caller) -> None:
    """Fill the catalogue, unless that was done before."""
    if not banks.version_now(env):
        import_registry(env, caller)


def import_registry(env: Env, caller: Caller, countries: Sequence[str] = ()) -> list[Count]:
    """Bring the banks of some countries, or of all, to what the registries say.

    A bank that the registry no longer has leaves the catalogue; its row stays. What an
    operator's file set stays set.
    """
    known = bank_registry.countries()
    if unknown := [code for code in countries if code not in known]:
        expected = f"must be one of {', '.join(known)}, not {unknown[0][:20]!r}"
        raise FieldInvalid.of("countries", expected)
    wanted = sorted(set(countries) or known)
    institutions = bank_registry.institutions(bank_registry.read(wanted))
    with env.transaction(banks.LOCK):
        present = _rows(Bank.country_code.in_(wanted), Bank.source == "REGISTRY")
        taken = {row["id"] for row in _rows(Bank.country_code.in_(wanted))}
        matched = bank_matching.match(institutions, present, taken)
        before = {row["id"]: row for row in present}
        after = [
            _of_registry(env, before.get(bank_id), bank_id, one) for bank_id, one in matched.items()
        ]
        after += [_gone(env, row) for row in present if row["id"] not in matched]
        records = Counter[str]()
        for one in institutions:
            records[one.country_code] += one.records
        found = Counter(one.country_code for one in institutions)
        counts = [Count(code, records[code], found[code]) for code in wanted]
        return _write(env, caller, before, after, f"schwifty {version('schwifty')}", counts)


def import_file(env: Env, caller: Caller, path: Path) -> list[Count]:
    """Apply the operator's file, whole or not at all; `bank_file` has the format."""
    file = bank_file.read(path)
    with env.transaction(banks.LOCK):
        before = {row["id"]: row for row in _rows()}
        wrong = [
            Violation(f"{place}.id", problem)
            for place, entry in bank_file.entries(file)
            if (problem := _problem(entry, before.get(entry.id)))
        ]
        if wrong:
            raise FieldInvalid(violations=tuple(wrong))
        after = [_of_file(env, before.get(entry.id), entry) for _, entry in bank_file.entries(file)]
        found = Counter(row["country_code"] for row in after)
        counts = [Count(code, banks=found[code]) for code in sorted(found)]
        return _write(env, caller, before, after, path.name, counts)


def _rows(*where: Any) -> list[_Row]:  # noqa: ANN401 - Peewee's expressions
    query = Bank.select(*Bank._meta.fields.values())
    return [*(query.where(*where) if where else query).dicts()]


def _of_registry(env: Env, row: _Row | None, bank_id: str, one: Institution) -> _Row:
    """Make the row of an institution; what is not the registry's to say stays."""
    corrections = json.loads(row["corrections"]) if row else {}
    hidden = not corrections.get("in_catalogue", True)
    if row is None:
        row = _NEW | {"source": "REGISTRY"}
    elif row["registry_fingerprint"] == one.fingerprint and (hidden or not row["remove_time"]):
        return row
    said = {
        "id": bank_id,
        "country_code": one.country_code,
        "display_name": one.display_name,
        "short_name": one.short_name,
        "bics": json.dumps(one.bics),
        "bank_codes": json.dumps(one.bank_codes[:_MOST_CODES]),
        "registry_fingerprint": one.fingerprint,
        "remove_time": (row["remove_time"] or env.now()) if hidden else None,
    }
    return _corrected({**row, **said}, corrections)


def _gone(env: Env, row: _Row) -> _Row:
    return row if row["remove_time"] else row | {"remove_time": env.now()}


def _problem(entry: Correction, row: _Row | None) -> str:
    if isinstance(entry, ExtraBank):
        taken = row is not None and row["source"] != "OPERATOR"
        return "names a bank of the registry: correct that under `banks`" if taken else ""
    return "" if row else "names no bank: use an id of the catalogue, or `extra_banks`"


def _of_file(env: Env, row: _Row | None, entry: Correction) -> _Row:
    """Make the row that an entry asks for."""
    said = entry.said
    if isinstance(entry, ExtraBank):  # stated anew, whole
        kept = {name: row[name] for name in ("status", "create_time", "update_time")} if row else {}
        made = {
            **_NEW,
            **kept,
            "id": entry.id,
            "country_code": said.pop("country_code"),
            "short_name": "",
            "bics": json.dumps(said.pop("bics", [])),
            "bank_codes": "[]",
            "source": "OPERATOR",
            "registry_fingerprint": "",
        }
        corrections = said
    else:
        made = dict(row or {})
        corrections = {**json.loads(made["corrections"]), **said}
    if not corrections.get("in_catalogue", True):
        made["remove_time"] = (row["remove_time"] if row else None) or env.now()
    elif "in_catalogue" in said:
        made["remove_time"] = None
    return _corrected(made, corrections)


def _corrected(row: _Row, corrections: Mapping[str, Any]) -> _Row:
    """Apply what an operator's file set, and keep it for the next import."""
    row["corrections"] = json.dumps(corrections, sort_keys=True, ensure_ascii=False)
    for name, value in corrections.items():
        if name == "products":
            row[name] = " ".join(sorted(set(value)))
        elif name != "in_catalogue":
            row[name] = value
    return row


def _write(
    env: Env,
    caller: Caller,
    before: Mapping[str, _Row],
    after: Sequence[_Row],
    source: str,
    counts: list[Count],
) -> list[Count]:
    """Write what is new, with one journal row; nothing at all if nothing is."""
    changed = [row for row in after if before.get(row["id"]) != row]
    by_country = {count.country_code: count for count in counts}
    for row in changed:
        count = by_country[row["country_code"]]
        was = before.get(row["id"])
        if row["remove_time"]:
            count.removed += was is not None and not was["remove_time"]
            count.changed += was is not None and bool(was["remove_time"])
        elif was is None or was["remove_time"]:
            count.added += 1
        else:
            count.changed += 1
    if changed:
        now = env.now()
        times = ({"create_time": now, **row, "update_time": now} for row in changed)
        env.database.write_many(_WRITE, [[row[name] for name in _COLUMNS] for row in times])
        banks.changed(env)
        journal.write(
            env,
            caller,
            "banks.imported",
            "banks",
            source=source,
            countries=[count.country_code for count in counts],
            added=sum(count.added for count in counts),
            changed=sum(count.changed for count in counts),
            removed=sum(count.removed for count in counts),
        )
    return counts
