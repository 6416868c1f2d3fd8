"""The operator's file of banks: a wrong one changes nothing, and is told what is wrong."""

import re

import pytest
from tests import bank_catalogue

from finlink_server import bootstrap
from finlink_server.domain import bank_file, bank_import, banks
from finlink_server.errors import FieldInvalid
from finlink_server.storage.models import Bank, Journal

OPERATOR = bootstrap.command_line("banks import")


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    with bank_catalogue.opened(tmp_path_factory.mktemp("banks")) as env:
        yield env


def refused(env, path):
    before = banks.version_now(env), Bank.select().count(), Journal.select().count()
    with pytest.raises(FieldInvalid) as refusal:
        bank_import.import_file(env, OPERATOR, path)
    assert (banks.version_now(env), Bank.select().count(), Journal.select().count()) == before
    return str(refusal.value)


BBVA = {"id": "es-bbva"}
EXTRA = {"id": "es-extra", "country_code": "ES", "display_name": "Extra"}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"banks": [BBVA, {"id": "es-nowhere"}]}, r"banks\[1\] \(es-nowhere\).id: names no bank"),
        ({"banks": [BBVA | {"colour": "red"}]}, r"banks\[0\] \(es-bbva\).colour: is not a key"),
        ({"bank": [BBVA]}, "bank: is not a key"),
        ({"banks": [BBVA | {"logo_uri": "http://logos.example/a"}]}, r"logo_uri: must"),
        ({"banks": [BBVA | {"logo_uri": "javascript:alert(1)"}]}, r"logo_uri: must"),
        ({"banks": [BBVA | {"logo_uri": "https://a@b.example/"}]}, r"logo_uri: must"),
        ({"banks": [BBVA | {"logo_uri": "https://"}]}, r"logo_uri: must"),
        ({"banks": [BBVA | {"products": ["TRANSACTION"]}]}, r"\(es-bbva\).products\[0\]"),
        ({"banks": [BBVA | {"products": []}]}, r"\(es-bbva\).products"),
        ({"banks": [BBVA | {"products": None}]}, r"\(es-bbva\).products"),
        ({"banks": [BBVA | {"maturity": "prod"}]}, r"\(es-bbva\).maturity"),
        ({"banks": [BBVA | {"display_name": ""}]}, r"\(es-bbva\).display_name"),
        ({"banks": [BBVA | {"display_name": "BB\u202eVA"}]}, "display_name: must not hold control"),
        ({"banks": [BBVA | {"display_name": "x" * 201}]}, r"\(es-bbva\).display_name"),
        ({"banks": [BBVA | {"in_catalogue": "no"}]}, r"\(es-bbva\).in_catalogue"),
        ({"banks": [BBVA | {"status": "DOWN"}]}, r"\(es-bbva\).status: is not a key"),
        ({"banks": [BBVA, BBVA]}, r"banks\[1\] \(es-bbva\).id: must occur once"),
        ({"banks": [{}]}, r"banks\[0\].id"),
        ({"banks": [{"id": "ES-BBVA"}]}, r"banks\[0\].id"),
        ({"banks": [{"id": "es-bbva\n"}]}, r"banks\[0\].id"),
        ({"banks": ["es-bbva"]}, r"banks\[0\]"),
        ({"banks": {"es-bbva": {}}}, "banks"),
        ({"extra_banks": [BBVA | EXTRA | BBVA]}, r"\(es-bbva\).id: names a bank of the registry"),
        ({"extra_banks": [EXTRA | {"id": "fr-extra"}]}, r"\(fr-extra\).id: must begin with its"),
        ({"extra_banks": [EXTRA | {"country_code": "XX"}]}, r"country_code: must be a country"),
        ({"extra_banks": [EXTRA | {"bics": ["es"]}]}, r"\(es-extra\).bics\[0\]"),
        ({"extra_banks": [{"id": "es-extra"}]}, r"\(es-extra\).(country_code|display_name)"),
    ],
)
def test_a_wrong_entry_refuses_the_whole_file_by_name(env, tmp_path, content, named):
    good = {"id": "es-santander", "maturity": "PROD"}
    if "banks" in content and isinstance(content["banks"], list):
        content = content | {"banks": [*content["banks"], good]}

    assert re.search(named, refused(env, bank_catalogue.write_file(tmp_path, **content)))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
def test_a_file_that_is_no_json_object_is_refused(env, tmp_path, content):
    path = tmp_path / "banks.json"
    path.write_bytes(content)

    assert refused(env, path)


def test_a_file_that_is_not_there_is_refused(env, tmp_path):
    assert "cannot be read" in refused(env, tmp_path / "nowhere.json")
    assert "cannot be read" in refused(env, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"banks": [{"id": "es-bbva"}], "banks": [{"id": "es-caixabank"}]}',
        '{"banks": [{"id": "es-bbva", "in_catalogue": false, "in_catalogue": true}]}',
    ],
)
def test_a_key_that_stands_twice_is_refused_by_name(tmp_path, text):
    path = tmp_path / "banks.json"
    path.write_text(text)

    with pytest.raises(FieldInvalid, match="stands twice in one object"):
        bank_file.read(path)
