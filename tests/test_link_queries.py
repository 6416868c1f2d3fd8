"""Link URLs from hostile browsers: nothing is guessed, echoed or written."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import people
from tests.errors import refused
from tests.link_urls import auth_token_for

from finlink.config import v1
from finlink_server.domain import link_query
from finlink_server.domain.link_query import NAMES
from finlink_server.storage.models import Journal, Link, LinkToken

pytestmark = pytest.mark.either("refused before any database is asked")

INVALID = (StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID")
FIELD = (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
# Values that are wrong for every parameter that has a form, and easy to find again.
HOSTILE = ("hostile%E2%80%AE4711", "%3Cscript%3Ehostile%3C/script%3E", "hostile%0D%0Ax:+4711")

# What the customer makes up: of these, only characters that play tricks are wrong.
FREE = ("external_id", "update_token", "restore_token")

# Name → values that no browser makes out of what the parameter may say.
ENCODED = {
    "a NUL": "%00",
    "a NUL at the end": "es%00",
    "an overlong NUL": "%C0%80",
    "an overlong slash": "%C0%AF",
    "an overlong letter": "%E0%81%A1",
    "a surrogate": "%ED%A0%80",
    "beyond Unicode": "%F4%90%80%80",
    "a byte that UTF-8 has not": "%FE",
    "half a letter": "%C3",
    "Latin-1": "caf%E9",
    "UTF-16": "%FF%FEe%00s%00",
    "a broken escape": "%",
    "half an escape": "%4",
    "no hexadecimal digits": "%zz",
    "another kind of escape": "%u0065s",
    "a line end": "es%0D%0A",
    "a tab": "%09es",
    "a space before": "+es",
    "a space after": "es%20",
    "right to left": "es%E2%80%AE",
    "of no width": "e%E2%80%8Bs",
    "a delete": "es%7F",
}
DECODED_TWICE = {
    "product": "%2554RANSACTIONS",
    "entity": "es%252Dbbva",
    "theme": "%2544ARK",
    "language": "%2565s",
    "country_codes": "%2545S",
}
# Look like a word, and are written otherwise.
HOMOGRAPHS = {
    "product": ["\uff34RANSACTIONS", "TRANSACT\u0406ONS", "transactions", "TRANSACTIONS\u200b"],
    "subproduct": ["F\u028bND", "fund"],
    "entity": ["es-bbv\u0430", "ES-BBVA", "es_bbva", "es-bbva-", "../es-bbva", "es-bbva;x"],
    "theme": ["DAR\u212a", "dark"],
    "language": ["\u0435s", "es_ES.UTF-8"],
    "country_codes": ["\u0415S", "ES;PT", "ES, PT", ",ES", "ES,,PT"],
    "update_token": ["\u0441", "a b"],
    "id": ["RDR_" + "0" * 26, "rdr_" + "\u0660" * 26],
}


def rows():
    """How many there are, but for the journal's counters of refusals."""
    changes = Journal.select().where(~Journal.type.endswith(".refused"))
    return [rows.select().count() for rows in (Link, LinkToken)] + [changes.count()]


@pytest.fixture(scope="module")
def redirect(operator):
    """One for all tests here: they write nothing to its app but Links."""
    account = people.new_account(operator)
    return people.add_redirect(account, people.new_app(account))


@pytest.fixture
def url(redirect):
    return f"id={redirect}&product=TRANSACTIONS"


@pytest.fixture
def refuse(link_front_end):
    """Find a query refused by both methods, alike, for one parameter; nothing is written."""

    def check(query, parameter):
        before = rows()
        with refused(*INVALID) as refusal:
            link_front_end.links.OpenLink(query=query)
        explained = link_front_end.links.ExplainLink(query=query)
        assert refusal.facts["parameter"] == parameter
        assert [one.message for one in explained.checks if one.message] == [refusal.message]
        assert rows() == before
        return f"{refusal.message} {refusal.facts} {explained}"

    return check


@pytest.mark.parametrize("name", ["product", "entity", "external_id", "language", "update_token"])
@pytest.mark.parametrize("value", ENCODED.values(), ids=ENCODED)
def test_what_is_no_text_or_holds_tricks_is_refused_by_its_parameter(refuse, redirect, name, value):
    product = "" if name == "product" else "&product=TRANSACTIONS"

    refuse(f"id={redirect}{product}&{name}={value}", name)


@pytest.mark.parametrize(("name", "value"), DECODED_TWICE.items())
def test_an_escape_is_taken_away_once(refuse, redirect, name, value):
    product = "" if name == "product" else "&product=TRANSACTIONS"

    refuse(f"id={redirect}{product}&{name}={value}", name)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in HOMOGRAPHS for value in HOMOGRAPHS[name]]
)
def test_a_word_is_written_as_it_is_written(refuse, redirect, name, value):
    given = {"id": redirect, "product": "TRANSACTIONS"}
    if name == "subproduct":
        given["product"] = "ASSETS_TRANSFER"
    given[name] = value

    refuse("&".join(f"{key}={quote(text)}" for key, text in given.items()), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_known_parameter_stands_once_even_where_it_says_the_same_or_nothing(
    refuse, redirect, name
):
    given = {"id": redirect, "product": "TRANSACTIONS", name: ""}
    given |= {"id": redirect} if name == "id" else {}
    query = "&".join(f"{key}={value}" for key, value in given.items())
    escaped = "".join(f"%{ord(letter):02X}" for letter in name)

    for again in (f"{name}={given[name]}", name, f"{name}=", f"{escaped}=x"):
        refuse(f"{query}&{again}", name)


@pytest.mark.parametrize("value", HOSTILE, ids=["bidirectional", "script", "header"])
@pytest.mark.parametrize("name", [one for one in NAMES if one not in FREE])
def test_a_refusal_echoes_nothing_of_a_value(refuse, url, name, value):
    pairs = [pair for pair in url.split("&") if not pair.startswith(f"{name}=")]

    told = refuse("&".join([*pairs, f"{name}={value}"]), name)

    assert not [part for part in ("hostile", "4711", "script", "\u202e") if part in told]


@pytest.mark.parametrize("name", FREE)
def test_a_refusal_for_another_reason_echoes_no_value_either(refuse, url, name):
    told = refuse(f"{url}&{name}=hostile&theme=4711", "theme")

    assert "hostile" not in told
    assert "4711" not in told


@pytest.mark.parametrize("separator", [";", "%26", "&amp;", "%3B", "#", "?"])
def test_only_an_ampersand_parts_parameters(link_front_end, url, separator):
    query = f"{url}&external_id=a{separator}theme=DARK"

    link = link_front_end.links.OpenLink(query=query).link

    assert link.parameters.theme == v1.THEME_UNSPECIFIED
    assert link.parameters.external_id.startswith("a")


@pytest.mark.parametrize(
    ("rest", "external_id", "ignored"),
    [
        ("external_id=a+b", "a b", []),
        ("external_id=a%2Bb", "a+b", []),
        ("external_id=a%252Bb", "a%2Bb", []),
        ("external_id=a=b==", "a=b==", []),
        ("external+id=a", "", ["external id"]),
        ("external_id%00=a", "", ["external_id%00"]),
        ("external_id[]=a", "", ["external_id[]"]),
        ("external_id.x=a", "", ["external_id.x"]),
        ("EXTERNAL_ID=a", "", ["EXTERNAL_ID"]),
        ("%65xternal_id=a", "a", []),
        ("external_id", "", []),
        ("=a&=&&", "", []),
        ("+=a", "", ["+"]),
        ("__proto__=a&constructor=b", "", ["__proto__", "constructor"]),
        ("x=1&x=2&%78=3&y", "", ["x", "y"]),
    ],
)
def test_a_pair_is_read_as_a_form_is(link_front_end, url, rest, external_id, ignored):
    link = link_front_end.links.OpenLink(query=f"{url}&{rest}").link

    assert link.parameters.external_id == external_id
    assert list(link.ignored_parameters) == ignored


@pytest.mark.parametrize("escape", ["%0A", "%1B", "%7F", "%C2%85", "%E2%80%AE", "%E2%80%8B", "%FF"])
def test_a_name_that_is_not_readable_stays_encoded(link_front_end, url, escape):
    link = link_front_end.links.OpenLink(query=f"{url}&x{escape}y=1").link

    assert list(link.ignored_parameters) == [f"x{escape}y"]
    explained = link_front_end.links.ExplainLink(query=f"{url}&x{escape}y=1")
    assert list(explained.ignored_parameters) == [f"x{escape}y"]


def test_a_query_has_8192_bytes(link_front_end, url):
    longest = f"{url}&x=" + "y" * (8192 - len(url) - 3)
    assert len(longest) == 8192

    assert link_front_end.links.OpenLink(query=longest).link.id
    for query in (longest + "y", longest + "y" * 1_000_000):
        before = rows()
        for method in (link_front_end.links.OpenLink, link_front_end.links.ExplainLink):
            with refused(*FIELD) as refusal:
                method(query=query)
            assert set(refusal.fields) == {"query"}
            assert "yyyy" not in f"{refusal.message} {refusal.fields}"
        assert rows() == before


@pytest.mark.parametrize("odd", [" ", "\x00", "\n", "\x7f", "é", "\u202e", "🐧"], ids=ascii)
def test_a_query_is_printable_ascii(link_front_end, url, odd):
    for method in (link_front_end.links.OpenLink, link_front_end.links.ExplainLink):
        with refused(*FIELD) as refusal:
            method(query=f"{url}&external_id={odd}")
        assert set(refusal.fields) == {"query"}


@pytest.mark.parametrize(
    "many",
    [
        "&".join(f"{number:x}" for number in range(2000)),
        "&".join(["x"] * 2000),
        "&" * 8000,
        "=" * 8000,
        "%" * 8000,
        "+" * 8000,
        "%25" * 2600,
    ],
    ids=["names", "one-name", "ampersands", "equals", "percents", "pluses", "escapes"],
)
def test_many_parameters_are_no_trouble(link_front_end, url, many):
    link = link_front_end.links.OpenLink(query=f"{url}&{many}"[:8192]).link

    assert len(link.ignored_parameters) <= 50
    assert max(map(len, link.ignored_parameters), default=0) <= 100


def test_many_known_parameters_are_refused_at_the_second(refuse, url):
    refuse(f"{url}" + "&theme=DARK" * 500, "theme")


def test_a_bad_parameter_uses_no_token_up(account, app, redirect_id, link_front_end):
    token = auth_token_for(account, app, redirect_id)

    for query in (f"authToken={token}&authToken={token}", f"authToken={token}%00"):
        with refused(StatusCode.FAILED_PRECONDITION):
            link_front_end.links.OpenLink(query=query)

    [row] = account.links.ListLinkTokens(app_id=app.id).link_tokens
    assert (row.opens, row.state) == (0, v1.LINK_TOKEN_STATE_ACTIVE)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=300))
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_any_query_is_taken_apart_and_shows_clean_names_only(text):
    query = link_query.parse(text)

    for with_token in (True, False):
        ignored = query.ignored(with_token=with_token)
        assert len(ignored) == len(set(ignored))
        assert all(name and name.isprintable() for name in ignored)
    assert repr(query) == f"<Query of {len(query.pairs)} parameters>"
