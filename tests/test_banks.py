"""The catalogue: found by word, BIC and id; seen by every process as it is."""

import string
import subprocess
import sys
import threading
import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import bank_catalogue

from finlink_server import bootstrap
from finlink_server.domain import bank_names, banks
from finlink_server.errors import BankNotFound, FieldInvalid
from finlink_server.storage.models import Bank, Journal

many = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    with bank_catalogue.opened(tmp_path_factory.mktemp("banks")) as env:
        yield env


@pytest.fixture(scope="module")
def catalogue(env):
    return banks.catalogue(env)


@pytest.fixture
def operator():
    return bootstrap.command_line("tests")


def ids(found):
    return [bank.id for bank in found]


def plain(text):
    """Without accents, by another way than the server's."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def test_banks_stand_by_name_blind_to_case_and_accents(catalogue):
    keys = [(bank.sort_key, bank.id) for bank in catalogue.banks]

    assert keys == sorted(keys)
    swedish = [bank.display_name for bank in catalogue.banks if bank.country_code == "SE"]
    assert swedish.index("Ålandsbanken") < swedish.index("Avanza Bank")


def test_nothing_asked_finds_all(catalogue):
    assert catalogue.search("") == list(catalogue.banks)
    assert catalogue.search("  ") == list(catalogue.banks)


@given(st.data())
@many
def test_a_bank_is_found_by_the_beginnings_of_its_words(catalogue, data):
    bank = data.draw(st.sampled_from(catalogue.banks))
    name = data.draw(st.sampled_from([bank.display_name, bank.short_name or bank.display_name]))
    words = data.draw(
        st.lists(st.sampled_from(bank_names.fold(name).split()), min_size=1, unique=True)
    )
    query = " ".join(word[: data.draw(st.integers(1, len(word)))] for word in words)

    assert bank in catalogue.search(query)
    assert bank in catalogue.search(query.upper(), [bank.country_code])


@given(st.data())
@many
def test_a_bank_is_found_by_its_name_as_it_is_written_or_without_accents(catalogue, data):
    bank = data.draw(st.sampled_from(catalogue.banks))

    for query in (bank.display_name, bank.display_name.casefold(), f" {bank.display_name} "):
        assert bank in catalogue.search(query)
    if all(letter < "\u0180" and letter not in "ıİ" for letter in bank.display_name):
        assert bank in catalogue.search(plain(bank.display_name))


@given(st.data())
@many
def test_a_bank_is_found_by_bic_and_id(catalogue, data):
    bank = data.draw(st.sampled_from([bank for bank in catalogue.banks if bank.bics]))
    bic = data.draw(st.sampled_from(bank.bics))

    assert bank in catalogue.search(bic[: data.draw(st.integers(4, len(bic)))])
    assert bank in catalogue.search(bic.lower())
    assert bank in catalogue.search(f"{bic[:4]} {bic[4:6]} {bic[6:8]} {bic[8:]}")
    if len(bic) == 8:
        assert bank in catalogue.search(f"{bic}XXX")
    assert bank in catalogue.search(bank.id)
    assert bank in catalogue.search(bank.id[: data.draw(st.integers(3, len(bank.id)))])


@given(st.text(max_size=200), st.lists(st.sampled_from(["ES", "DE", "XX", ""]), max_size=3))
@many
def test_whatever_is_asked_is_answered_in_order(catalogue, query, countries):
    found = catalogue.search(query, countries)

    keys = [(bank.sort_key, bank.id) for bank in found]
    assert keys == sorted(set(keys))
    if countries:
        assert {bank.country_code for bank in found} <= set(countries)


@pytest.mark.parametrize(
    ("query", "bank_id"),
    [
        ("bbva", "es-bbva"),
        ("BBVAESMMXXX", "es-bbva"),
        ("bilbao viz", "es-bbva"),
        ("argentaria BILBAO", "es-bbva"),
        ("SOCIÉTÉ géné", "fr-societe-generale"),
        ("societe gene", "fr-societe-generale"),
        ("slaski ing", "pl-ing-bank-slaski"),
        ("meissen", "de-sparkasse-meissen"),
        ("meißen", "de-sparkasse-meissen"),
        ("укрсиббанк", "ua-ukrsibbank"),
        ("ukrsib", "ua-ukrsibbank"),
        ("jp morgan", "de-jp-morgan"),
        ("J.P. Morgan", "de-jp-morgan"),
    ],
)
def test_people_find_their_bank(catalogue, query, bank_id):
    assert bank_id in ids(catalogue.search(query))


@pytest.mark.parametrize(
    "query", ["bva", "ilbao", "bbva xyz", "!!!", "\u202e", "BVAESMM", "xs-bbva"]
)
def test_what_begins_no_word_finds_no_bank(catalogue, query):
    assert "es-bbva" not in ids(catalogue.search(query))


def test_a_country_narrows_a_search(catalogue):
    assert ids(catalogue.search("bbva", ["PT"])) == ids(
        bank for bank in catalogue.search("bbva") if bank.country_code == "PT"
    )
    assert "es-bbva" not in ids(catalogue.search("es-bbva", ["PT"]))
    assert catalogue.search("bbva", ["XX"]) == []


def fastest(search, query):
    """The processor time of the best of a few runs: what the query costs, undisturbed."""
    times = []
    for _ in range(7):
        start = time.thread_time_ns()
        search(query)
        times.append(time.thread_time_ns() - start)
    return min(times)


def test_a_query_of_one_letter_costs_little_more_than_a_rare_one(catalogue):
    rare = fastest(catalogue.search, "banco bilbao vizcaya argentaria")

    for query in [*string.ascii_lowercase, "b a n k", " ".join(string.ascii_lowercase)]:
        assert fastest(catalogue.search, query) < 10 * rare


def test_asking_again_costs_next_to_nothing(env, catalogue):
    start = time.thread_time_ns()
    banks._load(env, catalogue.version)
    loading = time.thread_time_ns() - start

    assert banks.catalogue(env) is catalogue
    assert 500 * fastest(lambda _: banks.catalogue(env), "") < loading


def test_an_unknown_bank_is_named_if_its_id_can_be(env):
    with pytest.raises(BankNotFound) as refusal:
        banks.get(env, "es-nowhere")
    assert refusal.value.facts() == {"bank_id": "es-nowhere"}
    assert "`es-nowhere`" in str(refusal.value)

    for wild in ("ES-BBVA", "es-bbva\n", "<script>", "", "es-" + "x" * 100):
        with pytest.raises(BankNotFound) as refusal:
            banks.get(env, wild)
        assert refusal.value.facts() == {}
        assert wild not in str(refusal.value) or not wild


def test_a_status_is_written_with_its_story(env, operator):
    with bank_catalogue.undone(env):
        bank = banks.set_status(env, operator, "es-bbva", "DOWN", "planned work")

        assert bank.status == "DOWN"
        assert banks.get(env, "es-bbva").status == "DOWN"
        row = Journal.select().order_by(Journal.seq.desc()).get()
        assert (row.type, row.target_id) == ("bank.status_changed", "es-bbva")
        assert row.facts == '{"old":"OPERATIONAL","new":"DOWN","comment":"planned work"}'


def test_the_same_status_again_changes_nothing(env, operator):
    before = banks.version_now(env), Journal.select().count()

    banks.set_status(env, operator, "es-bbva", "OPERATIONAL", "still")

    assert (banks.version_now(env), Journal.select().count()) == before


def test_a_status_that_is_none_and_a_bank_that_is_none_are_refused(env, operator):
    with pytest.raises(FieldInvalid, match="status: must be one of OPERATIONAL, DEGRADED, DOWN"):
        banks.set_status(env, operator, "es-bbva", "UP", "")
    with pytest.raises(BankNotFound):
        banks.set_status(env, operator, "es-nowhere", "DOWN", "")


OTHER_PROCESS = """
import sys
from finlink_server import bootstrap, config
from finlink_server.domain import banks

env = bootstrap.open_env(config.load())
print(banks.get(env, "es-bbva").status, flush=True)
for line in sys.stdin:
    if line.strip() == "read":
        print(banks.get(env, "es-bbva").status, flush=True)
    else:
        caller = bootstrap.command_line("tests")
        print(banks.set_status(env, caller, "es-bbva", line.strip(), "").status, flush=True)
"""


def test_every_process_sees_a_status_at_once(env, operator):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS],
        env={"FINLINK_DATA_DIR": str(env.database.path.parent), "PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin
        assert other.stdout
        asking, answering = other.stdin, other.stdout

        def tell(word):
            asking.write(f"{word}\n")
            asking.flush()
            return answering.readline().strip()

        assert answering.readline().strip() == "OPERATIONAL"
        for status in ("DOWN", "DEGRADED", "OPERATIONAL"):
            banks.set_status(env, operator, "es-bbva", status, "")
            assert tell("read") == status
        assert tell("DOWN") == "DOWN"
        assert banks.get(env, "es-bbva").status == "DOWN"
        assert tell("OPERATIONAL") == "OPERATIONAL"
        assert banks.get(env, "es-bbva").status == "OPERATIONAL"
        asking.close()


def test_what_is_not_committed_is_not_remembered(env):
    def change_and_fail():
        with env.transaction():
            Bank.update(status="DOWN").where(Bank.id == "es-bbva").execute()
            banks.changed(env)
            assert banks.get(env, "es-bbva").status == "DOWN"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()

    assert env.memory["banks"].by_id["es-bbva"].status == "OPERATIONAL"
    assert banks.get(env, "es-bbva").status == "OPERATIONAL"


def test_a_changed_catalogue_is_loaded_once_for_all_who_wait(env, monkeypatch):
    env.memory.pop("banks", None)
    loads = []
    load = banks._load

    def counted(env, version):
        loads.append(version)
        return load(env, version)

    monkeypatch.setattr(banks, "_load", counted)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(banks.catalogue(env))) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(loads) == 1
    assert len({id(one) for one in found}) == 1
