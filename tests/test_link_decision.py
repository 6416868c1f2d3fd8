"""One decision, asked twice: OpenLink and ExplainLink agree, whatever is asked and set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests import forgery, people
from tests.antarctica import DODO, KRILL, PENGUIN, SEAL
from tests.errors import Refused
from tests.link_urls import auth_token_for

from finlink.config import v1

few = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

FAILED = v1.CHECK_OUTCOME_FAILED
# With a token, and without one: the checks in their order.
CHECKS = {
    True: [
        *("auth_token_genuine", "auth_token_not_revoked", "auth_token_not_expired"),
        *("auth_token_not_used_up", "account_active", "redirect_present", "banks_available"),
    ],
    False: [
        *("parameters_readable", "app_known", "account_active", "auth_token_not_required"),
        *("redirect_present", "parameters_consistent", "banks_available"),
    ],
}
# What a parameter may say, good and bad. Words in angle brackets stand for what is known
# once there is an app.
VALUES = {
    "id": ["<id>", "<removed>", "<strangers>", "<nobodys>", "nonsense", ""],
    "product": ["TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER", "transactions"],
    "subproduct": ["FUND", "PENSION_PLAN", "HOUSE"],
    "entity": [KRILL, SEAL, DODO, "es-bbva", "es-no-bank", "BBVA"],
    "external_id": ["a+b%20c", "%C3%A9", "%00", "x" * 129],
    "theme": ["DARK", "PINK"],
    "language": ["es", "pt-BR", "de", "klingon!"],
    "country_codes": ["AQ", "ES,PT", "XX", "ES,ES", "ES,"],
    "update_token": ["connection-1", "%20"],
    "restore_token": ["connection-2", "c" * 513],
    "authToken": [
        *("<good>", "<for-an-update>", "<with-a-bank>", "<with-banks>", "<expired>", "<used-up>"),
        *("<revoked>", "<removed-since>", "<tampered>", "<strangers-token>", "nonsense", ""),
    ],
}
ODD = ["%", "%zz", "%FF", "%C0%80", "%ED%A0%80", "%E2%80%AE", "%0A", "+", "", "a=b", "%26", ";"]
BANKS = [KRILL, PENGUIN, SEAL, "es-bbva"]

known = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.builds(
        "{}={}".format, st.just(name), st.sampled_from([*VALUES[name] * 6, *ODD])
    )
)
unknown = st.builds(
    "{}{}".format,
    st.sampled_from(["utm_source", "%69d2", "authtoken", "=", *ODD]),
    st.sampled_from(["", "=", "=1", "=%zz"]),
)
anything = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
starts = st.sampled_from(
    ["id=<id>&product=TRANSACTIONS", "id=<id>&update_token=c", "authToken=<good>", ""]
)
queries = st.builds(
    lambda start, rest: "&".join([start, *rest]),
    starts,
    st.lists(st.one_of(known, known, known, unknown, anything), max_size=4),
)
documents = st.fixed_dictionaries(
    {
        "link": st.fixed_dictionaries(
            {
                "force_auth_token": st.booleans(),
                "languages": st.sampled_from([[], ["es"], ["pt", "de"]]),
            }
        ),
        "banks": st.fixed_dictionaries(
            {
                "mode": st.sampled_from([f"BANK_LIST_MODE_{m}" for m in ("ALL", "ONLY", "EXCEPT")]),
                "bank_ids": st.lists(st.sampled_from(BANKS), min_size=1, unique=True),
                "country_codes": st.sampled_from([[], ["AQ"], ["ES", "AQ"]]),
            }
        ),
    }
)
PATHS = ["link.force_auth_token", "link.languages", "banks"]


@dataclass
class Shop:
    """An app, and what URLs of its end users may hold."""

    account: people.Account
    app: v1.App
    words: Mapping[str, str]

    def set(self, document: Mapping[str, Any]) -> None:
        """Change the settings; a list that would be empty changes nothing."""
        try:
            self.account.settings.UpdateSettings(
                settings={"app_id": self.app.id, **document}, update_mask={"paths": PATHS}
            )
        except grpc.RpcError as error:
            refusal = Refused()
            refusal.read(error)
            assert set(refusal.fields) == {"settings.banks"}

    def query(self, text: str) -> str:
        for word, value in self.words.items():
            text = text.replace(f"<{word}>", value)
        return text


def tokens_of(account, app, redirect_id, front_end, clock):
    def make(parameters=None, **fields):
        asked = parameters or {"product": v1.PRODUCT_TRANSACTIONS}
        return auth_token_for(account, app, redirect_id, parameters=asked, **fields)

    transactions = {"product": v1.PRODUCT_TRANSACTIONS}
    made = {
        "good": make(max_opens=100),
        "for-an-update": make({"update_token": "stored", "bank_id": "es-bbva"}, max_opens=100),
        "with-a-bank": make({**transactions, "bank_id": KRILL, "language": "de"}, max_opens=100),
        "with-banks": make({**transactions, "bank_ids": [PENGUIN, "es-bbva"]}, max_opens=100),
        "expired": make(ttl={"seconds": 60}),
        "used-up": make(),
        "revoked": make(),
    }
    front_end.links.OpenLink(query=f"authToken={made['used-up']}")
    account.links.RevokeLinkToken(link_token_id=forgery.read(made["revoked"])[1]["jti"])
    clock.advance(seconds=61)
    good, at = made["good"], made["good"].rindex(".") + 10
    return {**made, "tampered": good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]}


@pytest.fixture
def shop(account, app, stranger, link_front_end, clock):
    kept, removed = (people.add_redirect(account, app, f"https://shop.example/{n}") for n in (1, 2))
    others_app = people.new_app(stranger)
    others = people.add_redirect(stranger, others_app)
    words = {
        "id": kept,
        "removed": removed,
        "strangers": others,
        "nobodys": kept[:-4] + "zzzz",
        "strangers-token": auth_token_for(stranger, others_app, others, max_opens=100),
        "removed-since": auth_token_for(account, app, removed, max_opens=100),
        **tokens_of(account, app, kept, link_front_end, clock),
    }
    settings = account.settings.GetSettings(app_id=app.id).settings
    del settings.link.redirects[1]
    account.settings.UpdateSettings(settings=settings, update_mask={"paths": ["link.redirects"]})
    return Shop(account, app, words)


def open_or_refusal(front_end, query):
    try:
        return front_end.links.OpenLink(query=query).link, Refused()
    except grpc.RpcError as error:
        refusal = Refused()
        refusal.read(error)
        return None, refusal


def explain_then_open(front_end, query):
    """Explain, open, and find that they agree; the verdict."""
    explained = front_end.links.ExplainLink(query=query)
    link, refusal = open_or_refusal(front_end, query)

    failed = [check for check in explained.checks if check.outcome == FAILED]
    assert [(check.reason, check.message) for check in failed] == (
        [] if link else [(refusal.reason, refusal.message)]
    )
    assert explained.verdict == (v1.LINK_VERDICT_ACCEPTED if link else v1.LINK_VERDICT_REJECTED)
    if link:
        assert explained.app_id == link.app_id
        assert explained.parameters == link.parameters
        assert explained.ignored_parameters == link.ignored_parameters
    return explained


def outcomes(explained):
    return [v1.CheckOutcome.Name(one.outcome)[len("CHECK_OUTCOME_") :] for one in explained.checks]


@given(documents, st.lists(queries, min_size=4, max_size=8))
@example({"link": {}, "banks": {}}, [f"authToken={token}&id=<id>" for token in VALUES["authToken"]])
@example(
    {"link": {"force_auth_token": True}, "banks": {"country_codes": ["ES"]}},
    [f"id=<id>&product=TRANSACTIONS&authToken={token}" for token in VALUES["authToken"]],
)
@few
def test_open_and_explain_agree(shop, link_front_end, document, texts):
    shop.set(document)

    for text in texts:
        explain_then_open(link_front_end, shop.query(text))


@given(documents, st.lists(queries, min_size=1, max_size=12))
@few
def test_every_check_is_listed_in_its_order_and_none_after_one_that_failed(
    shop, link_front_end, document, texts
):
    shop.set(document)

    for text in texts:
        explained = link_front_end.links.ExplainLink(query=shop.query(text))

        names, found = [check.name for check in explained.checks], outcomes(explained)
        assert names in CHECKS.values()
        passed = found.count("PASSED")
        rest = len(found) - passed
        assert found == ["PASSED"] * passed + (["FAILED"] + ["NOT_REACHED"] * (rest - 1))[:rest]
        assert (passed == len(found)) == (explained.verdict == v1.LINK_VERDICT_ACCEPTED)
        for check in explained.checks:
            assert bool(check.reason) == bool(check.message) == (check.outcome == FAILED)


@given(st.lists(queries, min_size=1, max_size=12))
@few
def test_each_parameter_that_counts_has_one_source(shop, link_front_end, texts):
    for text in texts:
        explained = link_front_end.links.ExplainLink(query=shop.query(text))

        named = [source.parameter for source in explained.sources]
        said = {field.name for field, _ in explained.parameters.ListFields()}
        assert len(named) == len(set(named))
        assert set(named) == said


@pytest.mark.parametrize(
    ("check", "query", "document"),
    [
        ("auth_token_genuine", "authToken=<tampered>", {}),
        ("auth_token_not_revoked", "authToken=<revoked>", {}),
        ("auth_token_not_expired", "authToken=<expired>", {}),
        ("auth_token_not_used_up", "authToken=<used-up>", {}),
        ("redirect_present", "authToken=<removed-since>", {}),
        ("banks_available", "authToken=<with-a-bank>", {"banks": {"country_codes": ["ES"]}}),
        ("parameters_readable", "id=<id>&product=%zz", {}),
        ("app_known", "id=<nobodys>", {}),
        ("auth_token_not_required", "id=<id>", {"link": {"force_auth_token": True}}),
        ("redirect_present", "id=<removed>&product=TRANSACTIONS", {}),
        ("parameters_consistent", "id=<id>&update_token=a&restore_token=b", {}),
        ("banks_available", "id=<id>&product=TRANSACTIONS&entity=es-no-bank", {}),
        ("account_active", "id=<id>&product=TRANSACTIONS", None),
        ("account_active", "authToken=<good>", None),
    ],
)
def test_every_check_can_be_the_one_that_fails(
    shop, operator, link_front_end, check, query, document
):
    if document is None:
        operator.admin.SuspendAccount(account_id=shop.account.id)
    else:
        shop.set(document)

    explained = explain_then_open(link_front_end, shop.query(query))

    names = CHECKS["authToken" in query]
    assert [one.name for one in explained.checks] == names
    assert names[outcomes(explained).index("FAILED")] == check


def test_a_query_with_all_that_may_be_escaped_means_the_same(shop, link_front_end):
    plain = f"id={shop.words['id']}&product=TRANSACTIONS&external_id=a"
    escaped = "&".join(
        "=".join("".join(f"%{ord(letter):02x}" for letter in word) for word in pair.split("="))
        for pair in plain.split("&")
    )
    assert quote(escaped) != escaped

    explained = [explain_then_open(link_front_end, query) for query in (plain, escaped)]

    assert explained[0] == explained[1]
    assert explained[0].verdict == v1.LINK_VERDICT_ACCEPTED
