"""URIs, queries, addresses, masks and all other text that somebody else wrote."""

from __future__ import annotations

import re
import unicodedata
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.provisional import urls
from tests.hostile.examples import any_text, edited, printable, some
from yarl import URL

from finlink_server import rules, text
from finlink_server.client_address import client_address
from finlink_server.domain import document, languages, link_query, uris
from finlink_server.errors import FieldInvalid, LinkParameterInvalid
from finlink_server.webhook_sender import retry_after

DAY = 86_400
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
any_uri = (
    any_text
    | urls()
    | edited("https://shop.example:8443/back?x=1&y=%20")
    | st.tuples(st.sampled_from(["https://", "http://"]), any_text, st.just("/x")).map("".join)
    | printable.map("https://{}@shop.example/".format)
)
any_name = st.sampled_from([*link_query.NAMES, link_query.AUTH_TOKEN]) | any_text
any_address = (
    any_text
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map("[{}]".format)
    | st.ip_addresses(v=6).map("{}%zone".format)
    | st.ip_addresses(v=4).map("::ffff:{}".format)
)
any_rule_of_text = st.sampled_from(
    [
        *(rules.name, rules.search, rules.password, rules.email, rules.request_id, rules.cidr),
        *(rules.identifier("app"), rules.token(64), rules.line(0, 500), rules.one_of("read")),
    ]
)


@some
@given(any_uri)
def test_a_uri_without_a_problem_is_one_to_others_too(uri):
    assert isinstance(uris.webhook_problem(uri), str)

    if not uris.https_problem(uri):
        host, is_plain = uris.host_of(uri)
        split, url = urlsplit(uri), URL(uri, encoded=True)
        assert (split.scheme, is_plain) == ("https", False)
        assert uri.isascii()
        assert uri.isprintable()
        assert not set(uri) & set(' "<>\\^`{|}*#')
        assert split.username is split.password is None
        assert host.strip("[]") == split.hostname
        assert ip_or_name(host) == ip_or_name(url.raw_host or "")
        assert split.port != 0
        # With nothing more, it leads where it is: browsers have no other reading of it.
        assert uris.redirect_problem(uri, "LIVE") == ""


@some
@given(any_uri, st.sampled_from(["LIVE", "SANDBOX"]))
def test_a_redirect_is_https_or_on_this_very_machine(uri, environment):
    if not uris.redirect_problem(uri, environment):
        split = urlsplit(uri)
        is_local = split.hostname in {"localhost", "127.0.0.1", "::1"}
        assert split.scheme == "https" or (is_local and environment == "SANDBOX")


@some
@given(st.lists(st.tuples(any_name, any_text), max_size=6))
def test_a_query_that_a_browser_writes_is_read_as_it_was_meant(pairs):
    query = link_query.parse(urlencode(pairs))

    meant = dict(pairs)
    if len({name for name, _ in pairs}) == len(pairs):
        assert query.values() == {k: v for k, v in meant.items() if k in link_query.NAMES}
    assert query.has_token == ("authToken" in meant)
    assert not any(value in repr(query) for value in meant.values() if len(value) > 20)


@some
@given(
    st.lists(st.sampled_from(["id", "product", "authToken", "theme", "language", "x"]), max_size=5),
    st.data(),
)
def test_any_query_gives_parameters_or_says_which_of_them_is_wrong(names, data):
    parts = [f"{name}={data.draw(printable | any_text.map(quote_plus))}" for name in names]

    query = link_query.parse("&".join(parts))

    wrong = ""
    try:
        values = query.values()
        link_query.parameters_of(values)
    except LinkParameterInvalid as refusal:
        wrong = refusal.parameter
    if wrong:
        assert wrong in link_query.NAMES
    else:
        assert list(values) == [one for one in names if one in link_query.NAMES]
        for name, value in values.items():
            assert (name, value) in parse_qsl(
                "&".join(parts), keep_blank_values=True, errors="strict"
            )
    for name in query.ignored(with_token=query.has_token):
        assert len(name) <= 100


@some
@given(any_address, st.lists(st.lists(any_address, max_size=4).map(",".join), max_size=3))
@example("10.0.0.1", ["fe80::1%evil"])
def test_a_client_address_is_an_address_in_its_one_form(peer, forwarded):
    said = client_address(f"ipv4:{peer}:1", forwarded, PROXIES)

    if said != "unknown":
        address = ip_address(said)
        assert str(address) == said
        assert getattr(address, "scope_id", None) is None
        assert getattr(address, "ipv4_mapped", None) is None


@some
@given(st.ip_addresses(), st.lists(st.ip_addresses(), min_size=1, max_size=5), any_text)
def test_the_nearest_that_no_trusted_proxy_is_counts(peer, chain, invented):
    header = ", ".join([invented.replace(",", ""), *map(str, chain)])
    hops = [*chain, peer]

    said = client_address(f"ipv6:[{peer}]:1", [header], PROXIES)

    strangers = [one for one in hops if not any(one in network for network in PROXIES)]
    if strangers:
        assert said == str(getattr(strangers[-1], "ipv4_mapped", None) or strangers[-1])


@some
@given(st.ip_addresses(), any_text)
def test_what_stands_left_of_something_unreadable_is_not_believed(invented, unreadable):
    hop = "x" + unreadable.replace(",", "")

    said = client_address("ipv4:10.0.0.1:1", [f"{invented}, {hop}, 10.0.0.2"], PROXIES)

    assert said == "10.0.0.2"


@some
@given(any_rule_of_text, any_text | st.emails() | st.uuids().map(str) | any_address)
def test_every_rule_of_text_says_yes_or_what_it_expected(rule, value):
    assert isinstance(rule(value), str)


@some
@given(any_text | printable)
def test_text_of_one_line_holds_nothing_that_cannot_be_seen(value):
    if not rules.name(value):
        assert 1 <= len(value) <= 100
        assert value == value.strip()
        assert not {unicodedata.category(one) for one in value} & {"Cc", "Cf", "Zl", "Zp", "Cn"}
    assert text.token_problem(value, 50) or re.fullmatch("[!-~]{0,50}", value)


@some
@given(any_text | st.uuids().map(str) | st.uuids().map(lambda one: one.hex))
def test_a_request_id_is_a_uuid_in_its_usual_form(value):
    if not rules.request_id(value):
        assert str(uuid.UUID(value)) == value.lower()


@some
@given(any_address, st.integers(0, 130))
def test_a_block_is_in_the_form_in_which_addresses_are_compared(address, length):
    block = f"{address}/{length}"

    if not rules.cidr(block):
        network = ip_network(block)
        assert str(network) == block.lower()
        assert network.network_address in network


@some
@given(st.lists(st.sampled_from(["*", "link", "banks", *document.PATHS]) | any_text, max_size=5))
def test_a_mask_is_taken_apart_into_paths_or_refused(paths):
    try:
        expanded = document.expand(paths)
    except FieldInvalid:
        assert any(path not in document.PATHS for path in paths)
    else:
        assert len(set(expanded)) == len(expanded)
        assert set(expanded) <= set(document.PATHS)
        assert document.expand(expanded) == expanded
    assert isinstance(rules.mask("*", *document.PATHS)(FieldMask(paths=paths)), str)


@some
@given(any_text | edited("pt-BR") | edited("zh-Hant-TW"))
def test_a_language_is_a_tag_or_none(tag):
    if languages.is_language(tag):
        assert re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", tag)


@some
@given(any_text | st.integers().map(str) | edited("Wed, 21 Oct 2026 07:28:00 GMT"))
@example("9" * 5000)
def test_what_a_receiver_asks_to_wait_is_at_most_a_day(value):
    waits = retry_after(value, 1_790_000_000_000_000)

    assert waits is None or 0 <= waits <= DAY


@some
@given(st.integers(0, DAY))
def test_a_wait_means_the_same_in_seconds_and_as_a_date(seconds):
    now = 1_790_000_000
    date = format_datetime(datetime.fromtimestamp(now + seconds, UTC), usegmt=True)

    assert retry_after(str(seconds), now * 1_000_000) == seconds
    assert retry_after(date, now * 1_000_000) == seconds


@pytest.mark.parametrize("letter", ["%", "a", "&", "=", "-", "[", "\u0301"])
@pytest.mark.parametrize("parse", [uris.webhook_problem, rules.email, link_query.parse])
def test_what_is_long_takes_no_longer_for_each_letter(parse, letter):
    """No pattern tries one thing after another: a minute would be seen, milliseconds are not."""
    parse("https://" + letter * 2000)
    parse(letter * 8000 + "@")


def ip_or_name(host: str) -> str:
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()
