"""Rule 5 beyond its table of cells: what passes for a token, and from when forcing counts.

test_link_matrix.py has the cells.
"""

from urllib.parse import urlencode

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.link_urls import auth_token_for, open_link

from finlink.config import v1


@pytest.fixture(params=[False, True], ids=["free", "forced"])
def forced(request, account, app):
    people.force_auth_token(account, app, on=request.param)
    return request.param


@pytest.fixture
def token(account, app, redirect_id):
    return auth_token_for(account, app, redirect_id)


@pytest.fixture
def url(redirect_id):
    return {"id": redirect_id, "product": "TRANSACTIONS", "external_id": "from-the-url"}


@pytest.fixture
def no_auth_token(account, app, redirect_id, token):
    """Texts in the place of a token that open nothing, each made when it is asked for."""

    def of_a_deleted_app():
        doomed = people.new_app(account)
        token = auth_token_for(account, doomed, people.add_redirect(account, doomed))
        account.accounts.DeleteApp(app_id=doomed.id, password=account.password)
        return token

    return {
        "empty": lambda: "",
        "cut-off": lambda: token[:-1],
        "with-a-space": lambda: f"{token} ",
        "account-token": lambda: account.token,
        "session-token": lambda: people.new_secret(account, app).start().token,
        "id": lambda: account.links.ListLinkTokens(app_id=app.id).link_tokens[0].id,
        "of-a-deleted-app": of_a_deleted_app,
    }


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "LINK_TOKEN_INVALID"),
        ("cut-off", "LINK_TOKEN_INVALID"),
        ("with-a-space", "LINK_TOKEN_INVALID"),
        ("account-token", "LINK_TOKEN_INVALID"),
        ("session-token", "LINK_TOKEN_INVALID"),
        ("id", "LINK_TOKEN_INVALID"),
        ("of-a-deleted-app", "LINK_TOKEN_REVOKED"),
    ],
)
def test_what_is_no_good_token_opens_nothing_however_good_the_rest_of_the_url(
    link_front_end, no_auth_token, url, forced, kind, reason
):
    text = no_auth_token[kind]()

    with refused(StatusCode.FAILED_PRECONDITION, reason):
        open_link(link_front_end, **url, authToken=text)


def test_with_a_good_token_even_what_is_malformed_is_ignored(
    link_front_end, redirect_id, token, forced
):
    query = f"product=%zz&id=nonsense&authToken={token}&id=again&theme=%FF&theme=+&product"

    link = link_front_end.links.OpenLink(query=query).link

    assert link.parameters == v1.LinkParameters(
        redirect_id=redirect_id, product=v1.PRODUCT_TRANSACTIONS
    )
    assert list(link.ignored_parameters) == ["product", "id", "theme"]


def test_a_token_twice_is_no_token_even_if_both_are_good(link_front_end, url, token, forced):
    query = f"{urlencode(url)}&authToken={token}&authToken={token}"

    with refused(StatusCode.FAILED_PRECONDITION, "LINK_PARAMETER_INVALID") as refusal:
        link_front_end.links.OpenLink(query=query)

    assert refusal.facts["parameter"] == "authToken"


@pytest.mark.parametrize("name", ["%61uth%54oken", "authTok%65n", "%61%75%74%68%54%6f%6B%65%6e"])
def test_a_token_hidden_by_its_encoding_is_a_token_all_the_same(link_front_end, url, name):
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_INVALID"):
        link_front_end.links.OpenLink(query=f"{urlencode(url)}&{name}=nonsense")


@pytest.mark.parametrize(
    "name", ["authtoken", "AUTHTOKEN", "auth_token", "authToken%00", "%2561uthToken", "authToken[]"]
)
def test_what_only_resembles_a_token_neither_counts_nor_satisfies_force(
    account, app, link_front_end, url, token, name
):
    query = f"{urlencode(url)}&{name}={token}"
    link = link_front_end.links.OpenLink(query=query).link
    assert link.source == v1.LINK_SOURCE_URL
    assert len(link.ignored_parameters) == 1

    people.force_auth_token(account, app)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_AUTH_TOKEN_REQUIRED") as refusal:
        link_front_end.links.OpenLink(query=query)
    assert refusal.facts == {"app_id": app.id}


def test_force_counts_from_the_moment_it_is_switched_on(
    account, app, link_front_end, url, token, redirect_id
):
    assert open_link(link_front_end, **url).id

    people.force_auth_token(account, app)
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_AUTH_TOKEN_REQUIRED"):
        open_link(link_front_end, **url)
    assert open_link(link_front_end, **url, authToken=token).id

    people.force_auth_token(account, app, on=False)
    assert open_link(link_front_end, **url).id
