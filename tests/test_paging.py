"""Lists in pages."""

from dataclasses import replace
from uuid import uuid4

import pytest
from grpc import StatusCode
from tests import lists, people
from tests.errors import refused
from tests.lists import LISTS
from tests.methods import METHODS, find

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import journal
from finlink_server.domain.banks import catalogue
from finlink_server.domain.caller import Role

each_list = pytest.mark.parametrize("listing", LISTS.values(), ids=LISTS)


@pytest.fixture(scope="module")
def world(server, operator, link_front_end):
    for _ in range(5):
        server.key()
    for _ in range(20):
        operator.admin.CreateAccount(email=f"{uuid4().hex}@example.com", display_name="Eva")
    return lists.settle(operator, link_front_end, people.new_account(operator))


@pytest.fixture
def changing(operator, link_front_end, account):
    """A world for a test that changes it."""
    return lists.settle(operator, link_front_end, account)


@pytest.fixture
def token(world):
    _, token = LISTS["ListSecrets"].page(world, 2)
    return token


def test_every_method_with_pages_is_in_the_table():
    having = {one.name for one in METHODS if "page_token" in one.request.fields_by_name}

    assert having == set(LISTS)


@each_list
def test_pages_cover_everything_exactly_once_in_order(world, listing):
    pages = list(listing.pages(world, listing.size))

    ids = [one for page in pages for one in page]
    assert ids == sorted(set(ids), reverse=listing.newest_first)
    assert ids == [one for page in listing.pages(world, 500) for one in page]
    assert len(pages) > 1
    assert {len(page) for page in pages[:-1]} <= {listing.size}
    assert pages[-1]


def test_a_last_page_that_is_full_promises_no_other(world):
    ids, token = LISTS["ListSecrets"].page(world, 5)

    assert (len(ids), token) == (5, "")


def test_pages_cover_the_whole_catalogue_exactly_once(env, world):
    banks = replace(LISTS["ListBanks"], filters=lambda _: {})

    ids = [one for page in banks.pages(world, 500) for one in page]

    assert len(ids) > 5000
    assert ids == [bank.id for bank in catalogue(env).banks]


@pytest.mark.parametrize("which", [0, 1])  # of the page that was read
def test_a_bank_that_goes_while_somebody_pages_does_not_shift_the_pages(changing, which):
    listing = LISTS["ListAppBanks"]
    first, rest = listing.pages(changing, 2)
    _, token = listing.page(changing, 2)

    hidden = {"mode": v1.BANK_LIST_MODE_EXCEPT, "bank_ids": [first[which]]}
    changing.account.settings.UpdateSettings(
        settings={"app_id": changing.app.id, "banks": hidden},
        update_mask={"paths": ["banks.mode", "banks.bank_ids"]},
    )

    assert listing.page(changing, 2, token) == (rest, "")


def test_what_is_made_while_somebody_pages_does_not_shift_the_pages(changing):
    first, token = LISTS["ListAuditEvents"].page(changing, 3)
    before = LISTS["ListAuditEvents"].page(changing, 6)[0]
    people.new_app(changing.account)

    second, _ = LISTS["ListAuditEvents"].page(changing, 3, token)

    assert first + second == before


@each_list
def test_a_page_cannot_have_a_negative_size(world, listing):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        listing.page(world, -1)

    assert set(refusal.fields) == {"page_size"}


@pytest.mark.parametrize(
    ("asked", "got"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)]
)
@pytest.mark.parametrize("name", ["ListAuditEvents", "ListBanks"])  # of a table, of a memory
def test_a_page_has_50_entries_unless_asked_otherwise_and_never_more_than_500(
    env, changing, name, asked, got
):
    by = bootstrap.command_line("tests")
    with env.transaction(changing.account.id):
        for _ in range(510):
            journal.write(env, by, "test.happened", "x", account_id=changing.account.id)

    ids, token = replace(LISTS[name], filters=lambda _: {}).page(changing, asked)

    assert len(ids) == got
    assert token


def test_the_size_may_change_from_page_to_page_and_the_account_token_too(world, token):
    world = replace(world, account=world.account.sign_in())

    ids, rest = LISTS["ListSecrets"].page(world, 100, token)

    assert (len(ids), rest) == (3, "")


@each_list
def test_a_page_token_is_bound_to_its_caller(server, world, listing):
    _, token = listing.page(world, listing.size)
    another = replace(world, operator=server.key(Role.OPERATOR))

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID") as refusal:
        replace(listing, who="operator").page(another, listing.size, token)

    assert set(refusal.fields) == {"page_token"}


@each_list
def test_a_page_token_is_bound_to_its_list(world, listing):
    _, token = listing.page(world, listing.size)

    for other in LISTS.values():
        if other is not listing:
            with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
                other.page(world, listing.size, token)


@each_list
def test_a_page_token_is_bound_to_every_filter(world, listing):
    _, token = listing.page(world, listing.size)

    for filters in listing.others(world):
        with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
            listing.ask(world, page_token=token, **filters)


@each_list
def test_every_filter_is_tried(world, listing):
    filters = set(find(listing.name).request.fields_by_name) - {"page_size", "page_token"}

    tried = {name for other in listing.others(world) for name in other}

    assert filters - tried <= {"account_id"}  # a customer has no other to ask for


@pytest.mark.parametrize("bad", ["garbage", "A" * 100, "%sAAAA", "A%s", "%.20s", "=%s"])
@pytest.mark.parametrize("name", ["ListSecrets", "ListBanks"])
def test_a_page_token_cannot_be_made_up(world, name, bad):
    _, token = LISTS[name].page(world, 2)

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        LISTS[name].page(world, 2, bad % token if "%" in bad else bad)


@pytest.mark.parametrize("name", ["ListSecrets", "ListBanks"])
def test_a_page_token_tells_nothing(world, name):
    first, token = LISTS[name].page(world, 2)
    _, again = LISTS[name].page(world, 2)

    assert first[-1] not in token
    assert token != again
