"""Opening Link."""

import uuid
from urllib.parse import quote

import pytest
from grpc import StatusCode
from tests import people
from tests.antarctica import KRILL
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link
from tests.races import Race

from finlink.config import v1


def remove_redirects(account, app):
    account.settings.UpdateSettings(
        settings={"app_id": app.id}, update_mask={"paths": ["link.redirects"]}
    )


@pytest.fixture
def token(account, app, redirect_id):
    return auth_token_for(account, app, redirect_id)


def test_a_link_by_token_is_what_the_token_stands_for(
    account, app, redirect_id, token, link_front_end
):
    link = open_link(link_front_end, authToken=token)

    assert (link.app_id, link.public_name) == (app.id, "Shop")
    assert link.state == v1.LINK_STATE_OPEN
    assert link.source == v1.LINK_SOURCE_AUTH_TOKEN
    assert link.redirect_uri == "https://shop.example/back"
    assert link.link_token_id.startswith("ltk_")
    assert link.expire_time.ToMicroseconds() - link.create_time.ToMicroseconds() == 1800 * 10**6


def test_a_link_by_url_is_what_the_url_says(redirect_id, link_front_end):
    link = open_link(
        link_front_end,
        id=redirect_id,
        product="ASSETS_TRANSFER",
        subproduct="PENSION_PLAN",
        external_id="Kunde 0815/é",
        entity=KRILL,
        theme="LIGHT",
        language="pt-BR",
        country_codes="PT,AQ",
    )

    assert link.source == v1.LINK_SOURCE_URL
    assert link.parameters == v1.LinkParameters(
        redirect_id=redirect_id,
        product=v1.PRODUCT_ASSETS_TRANSFER,
        subproduct=v1.SUBPRODUCT_PENSION_PLAN,
        external_id="Kunde 0815/é",
        bank_id=KRILL,
        theme=v1.THEME_LIGHT,
        language="pt-BR",
        country_codes=["PT", "AQ"],
    )


def test_a_plus_is_a_space_and_percent_2b_a_plus(redirect_id, link_front_end):
    query = f"id={redirect_id}&product=TRANSACTIONS&external_id=a+b%2Bc%20d"

    link = link_front_end.links.OpenLink(query=query).link

    assert link.parameters.external_id == "a b+c d"


def test_an_empty_parameter_is_an_absent_one(redirect_id, link_front_end):
    link = open_link(
        link_front_end, id=redirect_id, product="TRANSACTIONS", entity="", update_token=""
    )

    assert link.parameters == v1.LinkParameters(
        redirect_id=redirect_id, product=v1.PRODUCT_TRANSACTIONS
    )


def test_unknown_parameters_are_listed_once_in_order_and_unreadable_ones_stay_encoded(
    redirect_id, link_front_end
):
    odd = "b=1&a=2&b=3&%FF=4&%E2%80%AE=5&%C3%A9=6&authtoken=7&" + "x" * 200 + "=8&a%0Ab=9"

    link = link_front_end.links.OpenLink(query=f"{odd}&id={redirect_id}&product=INVESTMENTS").link

    assert list(link.ignored_parameters) == [
        *("b", "a", "%FF", "%E2%80%AE", "é", "authtoken", "x" * 100, "a%0Ab")
    ]


def test_of_very_many_unknown_parameters_50_are_listed(redirect_id, link_front_end):
    many = "&".join(f"unknown{number}=1" for number in range(200))

    link = link_front_end.links.OpenLink(query=f"id={redirect_id}&product=INVESTMENTS&{many}").link

    assert list(link.ignored_parameters) == [f"unknown{number}" for number in range(50)]


@pytest.mark.parametrize(
    ("rest", "parameter"),
    [
        ("", "product"),
        ("product=transactions", "product"),
        ("product=PRODUCT_TRANSACTIONS", "product"),
        ("product=1", "product"),
        ("product=TRANSACTIONS&product=TRANSACTIONS", "product"),
        ("product=TRANSACTIONS&pro%64uct=INVESTMENTS", "product"),
        ("product=ASSETS_TRANSFER", "subproduct"),
        ("product=ASSETS_TRANSFER&subproduct=HOUSE", "subproduct"),
        ("product=TRANSACTIONS&subproduct=FUND", "subproduct"),
        ("update_token=a&restore_token=b", "restore_token"),
        ("update_token=a%20b", "update_token"),
        ("restore_token=" + "c" * 513, "restore_token"),
        ("product=TRANSACTIONS&theme=PINK", "theme"),
        ("product=TRANSACTIONS&language=klingon!", "language"),
        ("product=TRANSACTIONS&country_codes=ES,es", "country_codes"),
        ("product=TRANSACTIONS&country_codes=ES,", "country_codes"),
        ("product=TRANSACTIONS&country_codes=ES,ES", "country_codes"),
        ("product=TRANSACTIONS&country_codes=" + "ES," * 51, "country_codes"),
        ("product=TRANSACTIONS&external_id=" + "x" * 129, "external_id"),
        ("product=TRANSACTIONS&external_id=%E2%80%AEx", "external_id"),
        ("product=TRANSACTIONS&external_id=%00", "external_id"),
        ("product=TRANSACTIONS&external_id=100%", "external_id"),
        ("product=TRANSACTIONS&external_id=%zz", "external_id"),
        ("product=TRANSACTIONS&external_id=%C3%28", "external_id"),
        ("product=TRANSACTIONS&external_id=%ED%A0%80", "external_id"),
        ("product=TRANSACTIONS&theme=%F", "theme"),
        ("product=TRANSACTIONS&id=again", "id"),
        ("authToken=a&authToken=b", "authToken"),
        ("authToken=%FF", "authToken"),
    ],
)
def test_a_parameter_that_breaks_its_rule_is_named(redirect_id, link_front_end, rest, parameter):
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID") as refusal:
        link_front_end.links.OpenLink(query=f"id={redirect_id}&{rest}")

    assert refusal.facts["parameter"] == parameter


@pytest.mark.parametrize("query", ["", "&&&", "id=", "id", "product=TRANSACTIONS", "?id=x"])
def test_a_url_must_name_a_redirect(link_front_end, query):
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID") as refusal:
        link_front_end.links.OpenLink(query=query)

    assert refusal.facts["parameter"] == "id"


@pytest.mark.parametrize("query", ["a b", "id=é", "a\tb", "x" * 8193])
def test_a_query_is_what_a_browser_sends(link_front_end, query):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        link_front_end.links.OpenLink(query=query)

    assert set(refusal.fields) == {"query"}


def test_a_redirect_that_nobody_has_opens_nothing(redirect_id, link_front_end):
    unknown = redirect_id[:-4] + "zzzz"

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN") as refusal:
        open_link(link_front_end, id=unknown, product="TRANSACTIONS")

    assert refusal.facts == {"redirect_id": unknown}


def test_a_redirect_removed_since_opens_nothing(account, app, redirect_id, token, link_front_end):
    remove_redirects(account, app)

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN"):
        open_link(link_front_end, id=redirect_id, product="TRANSACTIONS")
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN") as refusal:
        open_link(link_front_end, authToken=token)
    assert refusal.facts == {"redirect_id": redirect_id}


def test_a_redirect_edited_since_leads_to_where_it_leads_now(
    account, app, redirect_id, token, link_front_end
):
    moved = {"id": redirect_id, "display_name": "Shop", "uri": "https://new.example/"}
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "link": {"redirects": [moved]}},
        update_mask={"paths": ["link.redirects"]},
    )

    assert open_link(link_front_end, authToken=token).redirect_uri == "https://new.example/"


def test_a_bank_that_the_widget_does_not_offer_opens_nothing(redirect_id, link_front_end):
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_BANK_NOT_AVAILABLE") as refusal:
        open_link(link_front_end, id=redirect_id, product="TRANSACTIONS", entity="es-no-bank")

    assert refusal.facts == {"bank_id": "es-no-bank", "why": "is not in the catalogue"}


def test_a_suspended_account_opens_nothing_and_loses_no_opens(
    operator, account, redirect_id, token, link_front_end
):
    operator.admin.SuspendAccount(account_id=account.id)

    with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED"):
        open_link(link_front_end, authToken=token)
    with refused(StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED"):
        open_link(link_front_end, id=redirect_id, product="TRANSACTIONS")

    operator.admin.ReinstateAccount(account_id=account.id)
    assert open_link(link_front_end, authToken=token).state == v1.LINK_STATE_OPEN


@pytest.mark.parametrize("end", ["SuspendAccount", "expiry"])
def test_an_open_link_ends_with_its_account_or_after_half_an_hour(
    operator, account, token, link_front_end, clock, end
):
    request = {"query": f"authToken={token}", "request_id": str(uuid.uuid4())}
    assert link_front_end.links.OpenLink(**request).link.state == v1.LINK_STATE_OPEN

    if end == "expiry":
        clock.advance(seconds=1800)
    else:
        operator.admin.SuspendAccount(account_id=account.id)

    wanted = v1.LINK_STATE_EXPIRED if end == "expiry" else v1.LINK_STATE_REVOKED
    assert link_front_end.links.OpenLink(**request).link.state == wanted


def test_a_token_opens_as_many_links_as_it_may_however_many_ask_at_once(
    account, app, redirect_id, link_front_end
):
    token = auth_token_for(account, app, redirect_id, max_opens=3)

    race = Race(64, lambda _: open_link(link_front_end, authToken=token))

    assert len({link.id for link in race.answers}) == len(race.answers) == 3
    assert race.reasons == {"LINK_TOKEN_USED_UP"}
    assert {refusal.facts["max_opens"] for refusal in race.refusals} == {"3"}


def test_one_request_sent_many_times_at_once_opens_one_link(
    account, app, redirect_id, link_front_end
):
    token = auth_token_for(account, app, redirect_id, max_opens=2)
    request = {"query": f"authToken={token}", "request_id": str(uuid.uuid4())}

    race = Race(16, lambda _: link_front_end.links.OpenLink(**request).link)

    assert race.refusals == []
    assert len({link.id for link in race.answers}) == 1
    assert open_link(link_front_end, authToken=token).id != race.answers[0].id


def test_a_repeat_gives_the_same_link_after_its_token_is_used_up(token, link_front_end):
    request = {"query": f"authToken={token}", "request_id": str(uuid.uuid4())}
    first = link_front_end.links.OpenLink(**request)

    again = link_front_end.links.OpenLink(**request)

    assert (again.link, again.banks) == (first.link, first.banks)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_USED_UP"):
        open_link(link_front_end, authToken=token)


def test_a_query_is_never_logged(server, redirect_id, link_front_end):
    reference, connection = f"ref-{uuid.uuid4()}", f"conn-{uuid.uuid4()}"
    people.CANARIES.update({reference, connection})
    query = f"id={redirect_id}&external_id={quote(reference)}&update_token={connection}"

    link_front_end.links.OpenLink(query=query)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID"):
        link_front_end.links.OpenLink(query=query + f"&language={reference}")
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID"):
        link_front_end.links.OpenLink(query=f"id={connection}")

    written = server.log.getvalue()
    assert "LinkService/OpenLink" in written
    assert reference not in written
    assert connection not in written
    assert redirect_id not in written
