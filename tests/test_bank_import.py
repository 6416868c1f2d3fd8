"""Importing: twice is once, and corrections last."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
from tests import bank_catalogue

from finlink_server import bootstrap
from finlink_server.domain import bank_import, bank_matching, bank_registry, banks
from finlink_server.errors import FieldInvalid
from finlink_server.storage.models import Bank, Journal


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    with bank_catalogue.opened(tmp_path_factory.mktemp("banks")) as env:
        yield env


@pytest.fixture(autouse=True)
def as_it_was(env):
    """Undo what a test imported."""
    with bank_catalogue.undone(env):
        yield


@pytest.fixture
def operator():
    return bootstrap.command_line("banks import")


@pytest.fixture
def file_of(tmp_path):
    return partial(bank_catalogue.write_file, tmp_path)


@pytest.fixture
def spanish():
    return bank_registry.institutions(bank_registry.read(["ES"]))


def state(env):
    rows = list(Bank.select().order_by(Bank.id).dicts())
    return (
        rows,
        banks.version_now(env),
        Journal.select().where(Journal.target_id == "banks").count(),
    )


def registry_says(monkeypatch, institutions):
    monkeypatch.setattr(bank_registry, "institutions", lambda _: institutions)


def summed(counts):
    return [sum(getattr(c, name) for c in counts) for name in ("added", "changed", "removed")]


def test_opening_the_database_fills_the_catalogue_once(env):
    assert Bank.select().count() > 8000
    assert banks.version_now(env) == 1
    [row] = Journal.select().where(Journal.type == "banks.imported")
    facts = json.loads(row.facts)
    assert facts["added"] == Bank.select().count()
    assert (facts["changed"], facts["removed"]) == (0, 0)

    bank_import.make_first(env, bootstrap.command_line("migrate"))

    assert banks.version_now(env) == 1


def test_what_no_registry_says_is_not_made_up(env):
    bank = banks.get(env, "es-bbva")

    assert bank.products == {"TRANSACTIONS"}
    assert (bank.maturity, bank.status, bank.source) == ("TEST", "OPERATIONAL", "REGISTRY")
    assert bank.logo_uri == ""


def test_importing_twice_is_importing_once(env, operator):
    before = state(env)

    counts = bank_import.import_registry(env, operator)

    assert summed(counts) == [0, 0, 0]
    assert sum(count.records for count in counts) > 30_000
    assert state(env) == before


def test_importing_one_country_leaves_the_others(env, operator, monkeypatch, spanish):
    registry_says(monkeypatch, spanish[1:])

    [count] = bank_import.import_registry(env, operator, ["ES"])

    assert (count.country_code, count.added, count.changed, count.removed) == ("ES", 0, 0, 1)
    assert Bank.select().where(~Bank.remove_time.is_null()).count() == 1


@pytest.mark.parametrize("unknown", ["XX", "es", "", "ES; DROP TABLE bank"])
def test_a_country_without_a_registry_is_refused(env, operator, unknown):
    with pytest.raises(FieldInvalid, match="countries: must be one of AD, AE"):
        bank_import.import_registry(env, operator, ["ES", unknown])


def test_a_bank_that_leaves_keeps_its_row_and_comes_back_with_its_id(
    env, operator, monkeypatch, spanish
):
    without = [one for one in spanish if "BBVAESMM" not in one.bics]
    registry_says(monkeypatch, without)
    bank_import.import_registry(env, operator, ["ES"])

    assert not banks.get(env, "es-bbva").in_catalogue
    assert "es-bbva" not in {bank.id for bank in banks.catalogue(env).banks}

    registry_says(monkeypatch, spanish)
    counts = bank_import.import_registry(env, operator, ["ES"])

    assert summed(counts) == [len(spanish) - len(without), 0, 0]
    assert banks.get(env, "es-bbva").in_catalogue


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": "BANCO NUEVO, S.A.", "short_name": "NUEVO"},
        {"display_name": "BANCO NUEVO, S.A.", "bank_codes": ("0182", "9999")},
        {"short_name": "NUEVO", "bics": ("BBVAESMM", "NUEVESMM")},
    ],
)
def test_a_bank_that_changes_its_name_keeps_its_id(env, operator, monkeypatch, spanish, change):
    bbva = next(one for one in spanish if one.short_name == "BBVA")
    changed = replace(bbva, **change)
    registry_says(monkeypatch, [changed if one is bbva else one for one in spanish])

    counts = bank_import.import_registry(env, operator, ["ES"])

    assert summed(counts) == [0, 1, 0]
    assert banks.get(env, "es-bbva").display_name == changed.display_name
    assert banks.get(env, "es-bbva").short_name == changed.short_name


def test_an_id_never_comes_to_name_another_bank(env, operator, monkeypatch, spanish):
    bbva = next(one for one in spanish if one.short_name == "BBVA")
    renamed = replace(bbva, short_name="NUEVO")
    another = replace(bbva, bics=("ANOTESMM",), bank_codes=("9999",))
    rest = [one for one in spanish if one is not bbva]
    registry_says(monkeypatch, [*rest, renamed, another])

    bank_import.import_registry(env, operator, ["ES"])

    assert banks.get(env, "es-bbva").short_name == "NUEVO"
    assert banks.get(env, "es-bbva-anotesmm").bics == ("ANOTESMM",)


def test_matching_does_not_depend_on_an_order(env, spanish):
    rows = bank_import._rows(Bank.country_code == "ES")
    taken = {row["id"] for row in rows}
    renamed = [replace(one, display_name=f"{one.display_name} X") for one in spanish]

    one_way = bank_matching.match(renamed, rows, taken)
    other_way = bank_matching.match(renamed[::-1], rows[::-1], taken)

    assert one_way == other_way
    assert set(one_way) == taken


def test_the_operators_file_says_what_no_registry_does(env, operator, file_of):
    path = file_of(
        banks=[
            {
                "id": "es-bbva",
                "display_name": "BBVA",
                "products": ["TRANSACTIONS", "INVESTMENTS"],
                "maturity": "PROD",
                "logo_uri": "https://logos.example/bbva.svg",
            }
        ],
        extra_banks=[
            {
                "id": "es-finlink-bank",
                "country_code": "ES",
                "display_name": "Finlink Bank",
                "bics": ["FINLESMMXXX"],
            }
        ],
    )

    counts = bank_import.import_file(env, operator, path)

    assert summed(counts) == [1, 1, 0]
    bank, extra = banks.get(env, "es-bbva"), banks.get(env, "es-finlink-bank")
    assert (bank.display_name, bank.maturity) == ("BBVA", "PROD")
    assert bank.products == {"TRANSACTIONS", "INVESTMENTS"}
    assert bank.bics == ("BBVAESMM",)
    assert (extra.source, extra.bics, extra.maturity) == ("OPERATOR", ("FINLESMM",), "TEST")
    before = state(env)
    assert summed(bank_import.import_file(env, operator, path)) == [0, 0, 0]
    assert summed(bank_import.import_registry(env, operator)) == [0, 0, 0]
    assert state(env) == before


def test_a_correction_survives_a_change_of_the_registry(
    env, operator, file_of, monkeypatch, spanish
):
    bank_import.import_file(
        env, operator, file_of(banks=[{"id": "es-bbva", "display_name": "BBVA"}])
    )
    bbva = next(one for one in spanish if one.short_name == "BBVA")
    changed = replace(bbva, display_name="BANCO NUEVO, S.A.", bics=("BBVAESMM", "NUEVESMM"))
    registry_says(monkeypatch, [changed if one is bbva else one for one in spanish])

    bank_import.import_registry(env, operator, ["ES"])

    assert banks.get(env, "es-bbva").display_name == "BBVA"
    assert banks.get(env, "es-bbva").bics == ("BBVAESMM", "NUEVESMM")


def test_a_bank_that_the_operator_took_out_stays_out(env, operator, file_of):
    path = file_of(banks=[{"id": "es-bbva", "in_catalogue": False}])
    assert summed(bank_import.import_file(env, operator, path)) == [0, 0, 1]

    assert summed(bank_import.import_registry(env, operator)) == [0, 0, 0]
    assert summed(bank_import.import_file(env, operator, path)) == [0, 0, 0]
    assert not banks.get(env, "es-bbva").in_catalogue

    path = file_of(banks=[{"id": "es-bbva", "in_catalogue": True}])
    assert summed(bank_import.import_file(env, operator, path)) == [1, 0, 0]


def test_a_status_outlives_imports(env, operator, file_of):
    banks.set_status(env, operator, "es-bbva", "DOWN", "")

    bank_import.import_registry(env, operator)
    bank_import.import_file(env, operator, file_of(banks=[{"id": "es-bbva", "maturity": "PROD"}]))

    assert banks.get(env, "es-bbva").status == "DOWN"


def banks_command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "finlink_server", "banks", "import", *arguments],
        env={"FINLINK_DATA_DIR": str(folder), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_counts_on_standard_error(tmp_path, file_of):
    first = banks_command(tmp_path, "--country", "es", "--country", "PT")
    with_file = banks_command(tmp_path, str(file_of(banks=[{"id": "es-bbva", "maturity": "PROD"}])))
    unknown = banks_command(tmp_path, "--country", "XX")
    both = banks_command(tmp_path, "--country", "ES", "banks.json")

    assert (first.returncode, first.stdout) == (0, "")
    table = [line.split() for line in first.stderr.splitlines()]
    assert table[0] == ["records", "banks", "added", "changed", "removed"]
    assert [row[0] for row in table[1:]] == ["ES", "PT", "all"]
    assert [line.split() for line in with_file.stderr.splitlines()] == [
        ["banks", "added", "changed", "removed"],
        ["ES", "1", "0", "1", "0"],
    ]
    assert unknown.returncode == 1
    assert "countries: must be one of AD" in unknown.stderr
    assert both.returncode == 2


def test_three_starters_at_once_fill_the_catalogue_once(tmp_path):
    command = [sys.executable, "-m", "finlink_server", "migrate"]
    surroundings = {"FINLINK_DATA_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    starters = [
        subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    ends = [(starter.communicate()[1], starter.returncode) for starter in starters]

    assert [code for _, code in ends] == [0, 0, 0], ends
    again = banks_command(tmp_path, "--country", "ES")
    assert again.stderr.splitlines()[1].split()[3:] == ["0", "0", "0"]
