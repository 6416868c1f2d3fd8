"""Link tokens: signed references to stored Link parameters."""

import uuid

import jwt
import pytest
from grpc import StatusCode
from tests import people
from tests.antarctica import ALBATROSS, DODO, KRILL, PENGUIN, SEAL
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link

from finlink.config import v1

TRANSFER = {"product": v1.PRODUCT_ASSETS_TRANSFER, "subproduct": v1.SUBPRODUCT_FUND}


def create(caller, redirect_id, app=None, **fields):
    parameters = {"product": v1.PRODUCT_TRANSACTIONS, **fields.pop("parameters", {})}
    return caller.links.CreateLinkToken(
        app_id=app.id if app else "",
        parameters={"redirect_id": redirect_id, **parameters},
        **fields,
    )


def test_a_token_lives_half_an_hour_and_opens_one_link_unless_asked_otherwise(
    account, app, redirect_id
):
    token = create(account, redirect_id, app).link_token

    assert token.expire_time.ToSeconds() - token.create_time.ToSeconds() == 1800
    assert (token.max_opens, token.opens) == (1, 0)
    assert token.state == v1.LINK_TOKEN_STATE_ACTIVE
    assert token.app_id == app.id
    assert token.parameters.redirect_id == redirect_id


def test_a_token_tells_the_browser_nothing_of_its_parameters(account, app, redirect_id):
    parameters = {"external_id": "customer-reference-0815", "update_token": "connection-4711"}
    people.CANARIES.update(parameters.values())

    made = create(account, redirect_id, app, parameters=parameters)

    claims = jwt.decode(made.auth_token, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "jti"}
    assert (claims["sub"], claims["jti"]) == (app.id, made.link_token.id)
    assert claims["exp"] == made.link_token.expire_time.ToSeconds()
    assert jwt.get_unverified_header(made.auth_token)["typ"] == "link+jwt"


@pytest.mark.parametrize("seconds", [60, 86_400])
def test_a_token_opens_until_its_ttl_is_over(
    account, app, redirect_id, link_front_end, clock, seconds
):
    made = create(account, redirect_id, app, ttl={"seconds": seconds}, max_opens=2)
    end = made.link_token.expire_time.ToSeconds()
    assert end - made.link_token.create_time.ToSeconds() == seconds

    clock.advance_to(end - 0.5)
    assert open_link(link_front_end, authToken=made.auth_token).id
    clock.advance_to(end)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_EXPIRED") as refusal:
        open_link(link_front_end, authToken=made.auth_token)
    assert refusal.facts == {"link_token_id": made.link_token.id}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ttl", {"seconds": 59}),
        ("ttl", {"seconds": 86_401}),
        ("ttl", {"seconds": 60, "nanos": 1}),
        ("ttl", {"seconds": -60}),
        ("max_opens", -1),
        ("max_opens", 101),
    ],
)
def test_ttl_and_opens_have_limits(account, app, redirect_id, field, value):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        create(account, redirect_id, app, **{field: value})

    assert set(refusal.fields) == {field}


def test_a_token_may_open_up_to_100_links(account, app, redirect_id):
    assert create(account, redirect_id, app, max_opens=100).link_token.max_opens == 100


@pytest.mark.parametrize(
    "parameters",
    [
        {"product": v1.PRODUCT_INVESTMENTS},
        {**TRANSFER, "desired_owners": ["Ana", "Ø" * 100]},
        {"product": v1.PRODUCT_UNSPECIFIED, "update_token": "c" * 512},
        {"product": v1.PRODUCT_UNSPECIFIED, "restore_token": "c"},
        {"external_id": "é" * 128},
        {"theme": v1.THEME_DARK, "language": "pt-BR", "country_codes": ["PT", "ES"]},
        {"bank_id": KRILL},
        {"bank_ids": [SEAL, KRILL], "product": v1.PRODUCT_INVESTMENTS},
    ],
)
def test_parameters_come_back_as_they_were_sent(account, app, redirect_id, parameters):
    made = create(account, redirect_id, app, parameters=parameters)

    wanted = {"product": v1.PRODUCT_TRANSACTIONS, **parameters, "redirect_id": redirect_id}
    assert made.link_token.parameters == v1.LinkParameters(**wanted)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"redirect_id": ""}, "redirect_id"),
        ({"redirect_id": "rdr_x"}, "redirect_id"),
        ({"product": v1.PRODUCT_UNSPECIFIED}, "product"),
        ({"product": 99}, "product"),
        ({"product": v1.PRODUCT_ASSETS_TRANSFER}, "subproduct"),
        ({"subproduct": v1.SUBPRODUCT_FUND}, "subproduct"),
        ({**TRANSFER, "subproduct": 99}, "subproduct"),
        ({"desired_owners": ["Ana"]}, "desired_owners"),
        ({**TRANSFER, "desired_owners": ["Ana"] * 2}, "desired_owners"),
        ({**TRANSFER, "desired_owners": [str(n) for n in range(11)]}, "desired_owners"),
        ({**TRANSFER, "desired_owners": ["x" * 101]}, "desired_owners[0]"),
        ({**TRANSFER, "desired_owners": ["Ana", ""]}, "desired_owners[1]"),
        ({"update_token": "one", "restore_token": "two"}, "restore_token"),
        ({"update_token": "c" * 513}, "update_token"),
        ({"restore_token": "two words"}, "restore_token"),
        ({"external_id": "x" * 129}, "external_id"),
        ({"external_id": "\u202ereversed"}, "external_id"),
        ({"theme": 99}, "theme"),
        ({"language": "klingon!"}, "language"),
        ({"language": "xx-YY"}, "language"),
        ({"country_codes": ["es"]}, "country_codes[0]"),
        ({"country_codes": ["ES", "XX"]}, "country_codes[1]"),
        ({"country_codes": ["ES", "ES"]}, "country_codes"),
        ({"country_codes": ["ES"] * 51}, "country_codes"),
        ({"bank_id": "BBVA"}, "bank_id"),
        ({"bank_ids": [KRILL, "krill"]}, "bank_ids[1]"),
        ({"bank_ids": [KRILL, KRILL]}, "bank_ids"),
        ({"bank_ids": [f"aq-{number}" for number in range(101)]}, "bank_ids"),
    ],
)
def test_a_parameter_that_breaks_its_rule_is_named(account, app, redirect_id, parameters, field):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        create(account, redirect_id, app, parameters=parameters)

    assert set(refusal.fields) == {f"parameters.{field}"}


def test_parameters_are_required(account, app):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        account.links.CreateLinkToken(app_id=app.id)

    assert set(refusal.fields) == {"parameters"}


def test_a_redirect_must_be_one_of_the_app(account, app, redirect_id):
    other = people.new_app(account)

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_REDIRECT_UNKNOWN") as refusal:
        create(account, redirect_id, other)

    assert refusal.facts == {"redirect_id": redirect_id}


@pytest.mark.parametrize(
    ("parameters", "bank_id", "why"),
    [
        ({"bank_id": "aq-yeti"}, "aq-yeti", "is not in the catalogue"),
        ({"bank_id": DODO}, DODO, "has left the catalogue"),
        ({"bank_id": ALBATROSS}, ALBATROSS, "is hidden by the app's settings"),
        ({"bank_id": "es-bbva"}, "es-bbva", "is of a country that the app's settings hide"),
        ({"bank_id": SEAL}, SEAL, "does not offer the product"),
        (
            {"bank_id": KRILL, "country_codes": ["PT"]},
            KRILL,
            "is of a country that country_codes leave out",
        ),
        ({"bank_id": KRILL, "bank_ids": [PENGUIN]}, KRILL, "is not among bank_ids"),
        # Of a list each must show, or whoever wrote it would wonder where it is.
        ({"bank_ids": [KRILL, ALBATROSS]}, ALBATROSS, "is hidden by the app's settings"),
        ({"bank_ids": [KRILL, "aq-yeti"]}, "aq-yeti", "is not in the catalogue"),
        # Also for an existing connection, which needs no product.
        (
            {"product": v1.PRODUCT_UNSPECIFIED, "update_token": "c", "bank_id": ALBATROSS},
            ALBATROSS,
            "is hidden by the app's settings",
        ),
    ],
)
def test_a_bank_must_be_one_that_the_widget_shows(
    account, app, redirect_id, parameters, bank_id, why
):
    people.choose_banks(
        account, app, mode="EXCEPT", bank_ids=[ALBATROSS], country_codes=["AQ", "PT"]
    )

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_BANK_NOT_AVAILABLE") as refusal:
        create(account, redirect_id, app, parameters=parameters)

    assert refusal.facts == {"bank_id": bank_id, "why": why}
    assert account.links.ListLinkTokens(app_id=app.id).link_tokens == []


@pytest.mark.parametrize(
    ("parameters", "parameter"),
    [
        ({"product": v1.PRODUCT_INVESTMENTS}, "product"),
        (TRANSFER, "product"),
        ({"country_codes": ["AQ"]}, "country_codes"),
        ({"country_codes": ["IS"], "product": v1.PRODUCT_INVESTMENTS}, "country_codes"),
    ],
)
def test_some_bank_must_be_left_to_show(account, app, redirect_id, parameters, parameter):
    people.choose_banks(account, app, country_codes=["ES", "PT"])

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID") as refusal:
        create(account, redirect_id, app, parameters=parameters)

    assert refusal.facts["parameter"] == parameter
    assert account.links.ListLinkTokens(app_id=app.id).link_tokens == []


def test_an_existing_connection_needs_no_bank_to_show(account, app, redirect_id):
    people.choose_banks(account, app, country_codes=["ES"])
    parameters = {"product": v1.PRODUCT_UNSPECIFIED, "update_token": "c", "country_codes": ["AQ"]}

    assert create(account, redirect_id, app, parameters=parameters).auth_token


def test_a_session_with_write_makes_tokens_for_its_own_app_and_may_leave_its_id_empty(
    account, app, secret, session, redirect_id
):
    other = people.new_app(account)

    assert create(session, redirect_id).link_token.app_id == app.id
    assert create(session, redirect_id, app).link_token.app_id == app.id
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        create(session, redirect_id, other)
    with refused(StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        create(secret.start(scopes=("read", "delete")), redirect_id)
    assert refusal.facts == {"scope": "write"}


def test_a_customer_must_name_the_app(account, redirect_id):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        create(account, redirect_id)

    assert set(refusal.fields) == {"app_id"}


def test_another_accounts_app_looks_like_none(stranger, app, redirect_id):
    with refused(StatusCode.NOT_FOUND, "APP_NOT_FOUND"):
        create(stranger, redirect_id, app)


def test_a_repeat_signs_the_very_same_token(account, app, redirect_id, clock):
    request_id = str(uuid.uuid4())
    first = create(account, redirect_id, app, request_id=request_id, max_opens=3)

    clock.advance(seconds=90)
    again = create(account, redirect_id, app, request_id=request_id, max_opens=3)

    assert again == first


def test_a_repeat_tells_what_became_of_the_token(account, app, redirect_id, link_front_end):
    request_id = str(uuid.uuid4())
    token = auth_token_for(account, app, redirect_id, request_id=request_id)
    open_link(link_front_end, authToken=token)

    again = create(account, redirect_id, app, request_id=request_id)

    assert again.auth_token == token
    assert again.link_token.opens == 1
    assert again.link_token.state == v1.LINK_TOKEN_STATE_USED_UP
