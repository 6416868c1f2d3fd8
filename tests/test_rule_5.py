"""Rule 5: a forced app opens with a good auth token only, and a token is all that counts."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from grpc import StatusCode
from tests import people
from tests.clock import Clock
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link

from finlink.config import v1

# What Link is opened for: parameters of the token, and of the URL.
PURPOSES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "new": ({"product": v1.PRODUCT_INVESTMENTS}, {"product": "TRANSACTIONS"}),
    "update": ({"update_token": "stored-1"}, {"update_token": "from-the-url"}),
    "restore": ({"restore_token": "stored-2"}, {"restore_token": "from-the-url"}),
}


@dataclass
class Shop:
    """An app with a redirect, its owner, and who opens Link for its end users."""

    account: people.Account
    app: v1.App
    redirect_id: str
    front_end: people.Caller
    clock: Clock
    parameters: dict[str, Any]

    def token(self, **fields):
        return auth_token_for(
            self.account, self.app, self.redirect_id, parameters=self.parameters, **fields
        )

    def expired(self):
        token = self.token(ttl={"seconds": 60})
        self.clock.advance(seconds=61)
        return token

    def used_up(self):
        token = self.token()
        open_link(self.front_end, authToken=token)
        return token

    def tampered(self):
        token = self.token()
        at = token.rindex(".") + 10
        return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    def empty(self):
        return ""

    def account_token(self):
        return self.account.token

    def of_a_deleted_app(self):
        app = people.new_app(self.account)
        redirect_id = people.add_redirect(self.account, app)
        token = auth_token_for(self.account, app, redirect_id, parameters=self.parameters)
        self.account.accounts.DeleteApp(app_id=app.id, password=self.account.password)
        return token


@pytest.fixture(params=PURPOSES)
def purpose(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["free", "forced"])
def forced(request, account, app):
    people.force_auth_token(account, app, on=request.param)
    return request.param


@pytest.fixture
def shop(account, app, redirect_id, link_front_end, clock, purpose):
    return Shop(account, app, redirect_id, link_front_end, clock, PURPOSES[purpose][0])


@pytest.fixture
def url(redirect_id, purpose):
    return {
        "id": redirect_id,
        **PURPOSES[purpose][1],
        "external_id": "from-the-url",
        "theme": "DARK",
        "language": "es",
        "country_codes": "ES,PT",
    }


def test_without_a_token_the_url_counts_unless_the_app_forces_tokens(shop, url, forced):
    if forced:
        with refused(StatusCode.FAILED_PRECONDITION, "LINK_AUTH_TOKEN_REQUIRED") as refusal:
            open_link(shop.front_end, **url)
        assert refusal.facts == {"app_id": shop.app.id}
        return

    link = open_link(shop.front_end, **url)

    assert link.source == v1.LINK_SOURCE_URL
    assert link.link_token_id == ""
    assert list(link.ignored_parameters) == []
    assert link.parameters.external_id == "from-the-url"
    assert list(link.parameters.country_codes) == ["ES", "PT"]


def test_with_a_good_token_nothing_else_of_the_url_counts(shop, url, forced):
    token = shop.token()

    link = open_link(shop.front_end, **url, entity="es-bank", authToken=token, surprise="1")

    assert link.source == v1.LINK_SOURCE_AUTH_TOKEN
    assert link.parameters == v1.LinkParameters(redirect_id=shop.redirect_id, **shop.parameters)
    assert list(link.ignored_parameters) == [*url, "entity", "surprise"]


def test_with_a_good_token_even_what_is_malformed_is_ignored(shop, forced):
    token = shop.token()
    query = f"product=%zz&id=nonsense&authToken={token}&id=again&theme=%FF&theme=+&product"

    link = shop.front_end.links.OpenLink(query=query).link

    assert link.parameters == v1.LinkParameters(redirect_id=shop.redirect_id, **shop.parameters)
    assert list(link.ignored_parameters) == ["product", "id", "theme"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Shop.expired, "LINK_TOKEN_EXPIRED"),
        (Shop.used_up, "LINK_TOKEN_USED_UP"),
        (Shop.tampered, "LINK_TOKEN_INVALID"),
        (Shop.empty, "LINK_TOKEN_INVALID"),
        (Shop.account_token, "LINK_TOKEN_INVALID"),
        (Shop.of_a_deleted_app, "LINK_TOKEN_REVOKED"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_bad_token_opens_nothing_however_good_the_rest_of_the_url(shop, url, forced, bad, reason):
    token = bad(shop)

    with refused(StatusCode.FAILED_PRECONDITION, reason):
        open_link(shop.front_end, **url, authToken=token)


def test_another_apps_token_opens_that_app_whatever_the_url_says(shop, url, forced):
    other = people.new_app(shop.account)
    others_redirect = people.add_redirect(shop.account, other, "https://other.example/back")
    token = auth_token_for(shop.account, other, others_redirect, parameters=shop.parameters)

    link = open_link(shop.front_end, **url, authToken=token)

    assert (link.app_id, link.redirect_uri) == (other.id, "https://other.example/back")
    assert link.parameters.redirect_id == others_redirect


def test_a_token_hidden_by_its_encoding_is_a_token_all_the_same(shop, url):
    query = urlencode(url) + "&%61uth%54oken=nonsense"

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
        shop.front_end.links.OpenLink(query=query)


def test_force_counts_from_the_moment_it_is_switched_on(shop, url):
    token = shop.token()
    assert open_link(shop.front_end, **url).id

    people.force_auth_token(shop.account, shop.app)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_AUTH_TOKEN_REQUIRED"):
        open_link(shop.front_end, **url)
    assert open_link(shop.front_end, **url, authToken=token).id

    people.force_auth_token(shop.account, shop.app, on=False)
    assert open_link(shop.front_end, **url).id
