"""The banks of an open Link, and what settings that change later do to it."""

from __future__ import annotations

import pytest
from grpc import StatusCode
from tests import antarctica, people
from tests.antarctica import ALBATROSS, KRILL, PENGUIN, SEAL
from tests.errors import refused
from tests.link_urls import auth_token_for

from finlink.config import v1

PRECONDITION = StatusCode.FAILED_PRECONDITION
PAGE_TOKEN_INVALID = (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


def ids(banks):
    return [one.bank.id for one in banks]


def rest_of(caller, opened, **fields):
    """The banks after OpenLink's first page."""
    found, token = [], opened.next_page_token
    while token:
        page = caller.links.ListLinkBanks(link_id=opened.link.id, page_token=token, **fields)
        found += page.banks
        token = page.next_page_token
    return found


def app_banks(account, app, **fields):
    return list(account.settings.ListAppBanks(app_id=app.id, page_size=500, **fields).banks)


@pytest.fixture
def opened(link_front_end, redirect_id):
    def open_(rest="", product="TRANSACTIONS"):
        query = f"id={redirect_id}&product={product}&{rest}"
        return link_front_end.links.OpenLink(query=query)

    return open_


@pytest.mark.parametrize("size", [1, 7, 50, 0])
def test_the_pages_after_the_first_one_give_every_bank_once(
    account, app, link_front_end, opened, size
):
    people.choose_banks(
        account, app, country_codes=["IS", "LU", "AQ"], pinned_bank_ids=[PENGUIN, ALBATROSS]
    )
    all_of_them = app_banks(account, app, product=v1.PRODUCT_TRANSACTIONS)
    assert 50 < len(all_of_them) < 500

    answer = opened()

    assert len(answer.banks) == 50
    rest = rest_of(link_front_end, answer, page_size=size)
    assert [*answer.banks, *rest] == all_of_them
    assert ids(all_of_them)[:2] == [PENGUIN, ALBATROSS]


def test_only_banks_that_offer_the_product_show(account, app, opened):
    people.choose_banks(account, app, country_codes=["AQ"], pinned_bank_ids=[SEAL])

    shown = {
        product: ids(opened(rest, product).banks)
        for product, rest in [
            ("TRANSACTIONS", ""),
            ("INVESTMENTS", ""),
            ("ASSETS_TRANSFER", "subproduct=FUND"),
            ("", "update_token=c"),
        ]
    }

    assert shown == {
        "TRANSACTIONS": [ALBATROSS, KRILL, PENGUIN],
        "INVESTMENTS": [SEAL, KRILL, PENGUIN],
        "ASSETS_TRANSFER": [KRILL],
        "": [SEAL, ALBATROSS, KRILL, PENGUIN],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [PENGUIN, ALBATROSS, KRILL]),
        ("PENG", [PENGUIN]),
        ("albatróss", [ALBATROSS]),
        ("aq-k", [KRILL]),
        ("seal", []),  # is there, and does not offer the product
        ("bbva", []),  # is hidden
        ("no such bank", []),
    ],
)
def test_a_query_finds_banks_of_the_link_only_in_its_order(
    account, app, link_front_end, opened, query, found
):
    people.choose_banks(account, app, country_codes=["AQ"], pinned_bank_ids=[PENGUIN])
    link = opened().link

    answer = link_front_end.links.ListLinkBanks(link_id=link.id, query=query)

    assert ids(answer.banks) == found
    assert [one.pinned for one in answer.banks] == [bank_id == PENGUIN for bank_id in found]


def test_parameters_narrow_the_apps_list_and_never_widen_it(
    account, app, redirect_id, link_front_end, opened
):
    people.choose_banks(account, app, "EXCEPT", bank_ids=[KRILL], country_codes=["AQ", "IS"])
    icelandic = [one for one in ids(app_banks(account, app)) if one.startswith("is-")]

    assert ids(opened("country_codes=AQ").banks) == [ALBATROSS, PENGUIN]
    assert ids(opened("country_codes=AQ,ES").banks) == [ALBATROSS, PENGUIN]
    assert ids(opened("country_codes=IS").banks) == icelandic
    parameters = {
        "product": v1.PRODUCT_TRANSACTIONS,
        "country_codes": ["AQ", "ES"],
        "bank_ids": [PENGUIN, ALBATROSS],
    }
    token = auth_token_for(account, app, redirect_id, parameters=parameters, max_opens=2)
    by_token = link_front_end.links.OpenLink(query=f"authToken={token}&country_codes=IS")
    assert ids(by_token.banks) == [ALBATROSS, PENGUIN]  # in the widget's order, not the token's

    people.choose_banks(account, app, "EXCEPT", bank_ids=[PENGUIN])
    answer = link_front_end.links.OpenLink(query=f"authToken={token}")
    assert ids(answer.banks) == [ALBATROSS]


def test_a_page_token_is_for_one_link_one_query_and_one_caller(
    account, app, operator, link_front_end, opened
):
    answer, other = opened(), opened()
    listed = {"link_id": answer.link.id, "page_token": answer.next_page_token}

    for caller, fields in (
        (link_front_end, {**listed, "link_id": other.link.id}),
        (link_front_end, {**listed, "query": "bank"}),
        (operator, listed),
    ):
        with refused(*PAGE_TOKEN_INVALID):
            caller.links.ListLinkBanks(**fields)
    assert link_front_end.links.ListLinkBanks(**listed).banks


@pytest.mark.parametrize("end", ["expired", "revoked", "app deleted"])
def test_a_link_that_has_ended_shows_no_banks(
    account, app, redirect_id, link_front_end, clock, end
):
    token = auth_token_for(account, app, redirect_id)
    link = link_front_end.links.OpenLink(query=f"authToken={token}").link

    if end == "expired":
        clock.advance(seconds=1800)
    elif end == "revoked":
        account.links.RevokeLinkToken(link_token_id=link.link_token_id)
    else:
        account.accounts.DeleteApp(app_id=app.id, password=account.password)

    with refused(PRECONDITION, "LINK_ENDED") as refusal:
        link_front_end.links.ListLinkBanks(link_id=link.id)
    assert refusal.facts == {"link_id": link.id}


def test_there_is_no_link_that_nobody_opened(link_front_end, opened):
    unknown = opened().link.id[:-4] + "zzzz"

    with refused(StatusCode.NOT_FOUND, "LINK_NOT_FOUND"):
        link_front_end.links.ListLinkBanks(link_id=unknown)


def test_a_link_keeps_the_language_texts_and_look_of_its_opening(
    account, app, opened, link_front_end
):
    def change(language, title, logo):
        account.settings.UpdateSettings(
            settings={
                "app_id": app.id,
                "link": {
                    "languages": [language],
                    "texts": [{"language": language, "title": title}],
                    "appearance": {"logo_uri": logo},
                },
            },
            update_mask={"paths": ["link.languages", "link.texts", "link.appearance.logo_uri"]},
        )

    change("es", "Elige tu banco", "https://shop.example/old.svg")
    before = opened().link
    change("pt", "Escolha o seu banco", "https://shop.example/new.svg")
    after = opened().link

    for link, language, title, logo in (
        (before, "es", "Elige tu banco", "https://shop.example/old.svg"),
        (after, "pt", "Escolha o seu banco", "https://shop.example/new.svg"),
    ):
        assert link_front_end.links.GetLink(link_id=link.id).link == link
        assert (link.language, link.texts.title) == (language, title)
        assert link.appearance.logo_uri == logo


def hide(account, app, env, folder):
    people.choose_banks(account, app, "EXCEPT", bank_ids=[KRILL])
    return "is hidden by the app's settings"


def hide_its_country(account, app, env, folder):
    people.choose_banks(account, app, country_codes=["ES"])
    return "is of a country that the app's settings hide"


def take_out_of_the_catalogue(account, app, env, folder):
    antarctica.settle(env, folder, gone=[antarctica.DODO, KRILL])
    return "has left the catalogue"


@pytest.fixture
def catalogue_as_it_was(env, tmp_path):
    yield
    antarctica.settle(env, tmp_path)


@pytest.mark.parametrize("change", [hide, hide_its_country, take_out_of_the_catalogue])
@pytest.mark.parametrize("named_as", ["bank_id", "bank_ids"])
def test_a_bank_hidden_since_the_token_was_made_is_why_it_opens_nothing(
    account, app, redirect_id, env, tmp_path, link_front_end, catalogue_as_it_was, change, named_as
):
    named = KRILL if named_as == "bank_id" else [KRILL]
    parameters = {"product": v1.PRODUCT_TRANSACTIONS, named_as: named}
    token = auth_token_for(account, app, redirect_id, parameters=parameters)

    why = change(account, app, env, tmp_path)

    with refused(PRECONDITION, "LINK_BANK_NOT_AVAILABLE") as refusal:
        link_front_end.links.OpenLink(query=f"authToken={token}")
    assert refusal.facts == {"bank_id": KRILL, "why": why}
    [row] = account.links.ListLinkTokens(app_id=app.id).link_tokens
    assert row.opens == 0


@pytest.mark.parametrize("since", ["list", "country"])
def test_a_list_narrowed_since_to_nothing_is_why_a_token_opens_nothing(
    account, app, redirect_id, link_front_end, since
):
    countries = ["AQ"] if since == "country" else []
    parameters = {"product": v1.PRODUCT_INVESTMENTS, "country_codes": countries}
    token = auth_token_for(account, app, redirect_id, parameters=parameters)

    people.choose_banks(account, app, "ONLY", bank_ids=[ALBATROSS, "es-bbva"])

    with refused(PRECONDITION, "LINK_PARAMETER_INVALID") as refusal:
        link_front_end.links.OpenLink(query=f"authToken={token}")
    assert refusal.facts["parameter"] == ("product" if since == "list" else "country_codes")


def test_a_bank_that_is_down_shows_as_such(account, app, operator, opened):
    people.choose_banks(account, app, "ONLY", bank_ids=[KRILL, PENGUIN])
    operator.admin.SetBankStatus(bank_id=KRILL, status=v1.BANK_STATUS_DOWN)

    shown = {one.bank.id: one.bank.status for one in opened().banks}
    operator.admin.SetBankStatus(bank_id=KRILL, status=v1.BANK_STATUS_OPERATIONAL)

    assert shown == {KRILL: v1.BANK_STATUS_DOWN, PENGUIN: v1.BANK_STATUS_OPERATIONAL}
