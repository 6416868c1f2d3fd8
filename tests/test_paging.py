"""Lists in pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused

from finlink.config import v1
from finlink_server import bootstrap
from finlink_server.domain import journal
from finlink_server.domain.caller import Role


@dataclass
class World:
    """A customer with several of everything."""

    operator: people.Caller
    account: people.Account
    app: v1.App


@dataclass
class List:
    """A list method, called with page_size and page_token."""

    call: Callable[..., Any]
    items: str
    size: int = 2  # of a page
    newest_first: bool = False

    def page(self, world: World, size: int, token: str = "") -> tuple[list[str], str]:
        """Read a page: the ids, and the token of the next one."""
        answer = self.call(world, page_size=size, page_token=token)
        return [item.id for item in getattr(answer, self.items)], answer.next_page_token

    def pages(self, world: World, size: int) -> list[list[str]]:
        """Read page after page until there is none."""
        ids, token = self.page(world, size)
        pages = [ids]
        while token:
            ids, token = self.page(world, size, token)
            pages.append(ids)
        return pages


LISTS = {
    "ListAccounts": List(lambda w, **f: w.operator.admin.ListAccounts(**f), "accounts", size=50),
    "ListServiceKeys": List(
        lambda w, **f: w.operator.admin.ListServiceKeys(show_inactive=True, **f), "service_keys"
    ),
    "ListApps": List(lambda w, **f: w.account.accounts.ListApps(**f), "apps"),
    "ListSecrets": List(
        lambda w, **f: w.account.secrets.ListSecrets(app_id=w.app.id, show_inactive=True, **f),
        "secrets",
    ),
    "ListSessions": List(
        lambda w, **f: w.account.sessions.ListSessions(app_id=w.app.id, **f),
        "sessions",
        newest_first=True,
    ),
    "ListAuditEvents": List(
        lambda w, **f: w.account.accounts.ListAuditEvents(**f), "events", newest_first=True
    ),
}

each_list = pytest.mark.parametrize("listing", LISTS.values(), ids=LISTS)


@pytest.fixture
def world(server, operator, account):
    for _ in range(4):
        app = people.new_app(account)
    for _ in range(5):
        people.new_secret(account, app).start()
        server.key()
    return World(operator, account, app)


@pytest.fixture
def token(world):
    _, token = LISTS["ListSecrets"].page(world, 2)
    return token


def test_every_method_with_pages_is_in_the_table_above():
    having = {
        method.name
        for file in (
            v1.account_service_pb2,
            v1.admin_service_pb2,
            v1.secret_service_pb2,
            v1.session_service_pb2,
            v1.link_service_pb2,
            v1.settings_service_pb2,
        )
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if "page_token" in method.input_type.fields_by_name
    }

    assert having == set(LISTS)


@each_list
def test_pages_cover_everything_exactly_once_in_order(world, listing):
    pages = listing.pages(world, listing.size)

    ids = [one for page in pages for one in page]
    assert ids == sorted(set(ids), reverse=listing.newest_first)
    assert ids == [one for page in listing.pages(world, 500) for one in page]
    assert {len(page) for page in pages[:-1]} <= {listing.size}
    assert pages[-1]


def test_a_last_page_that_is_full_promises_no_other(world):
    ids, token = LISTS["ListSecrets"].page(world, 5)

    assert (len(ids), token) == (5, "")


def test_what_is_made_while_somebody_pages_does_not_shift_the_pages(world):
    first, token = LISTS["ListAuditEvents"].page(world, 3)
    before = LISTS["ListAuditEvents"].page(world, 6)[0]
    people.new_app(world.account)

    second, _ = LISTS["ListAuditEvents"].page(world, 3, token)

    assert first + second == before


@each_list
def test_a_page_cannot_have_a_negative_size(world, listing):
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        listing.page(world, -1)

    assert set(refusal.fields) == {"page_size"}


@pytest.mark.parametrize(
    ("asked", "got"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)]
)
def test_a_page_has_50_entries_unless_asked_otherwise_and_never_more_than_500(
    env, world, asked, got
):
    by = bootstrap.command_line("tests")
    with env.transaction(world.account.id):
        for _ in range(510):
            journal.write(env, by, "test.happened", "x", account_id=world.account.id)

    ids, token = LISTS["ListAuditEvents"].page(world, asked)

    assert len(ids) == got
    assert token


def test_the_size_may_change_from_page_to_page_and_the_account_token_too(world, token):
    world.account = world.account.sign_in()

    ids, rest = LISTS["ListSecrets"].page(world, 100, token)

    assert (len(ids), rest) == (3, "")


def test_a_page_token_is_bound_to_its_caller(world, operator, token):
    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID") as refusal:
        operator.secrets.ListSecrets(app_id=world.app.id, show_inactive=True, page_token=token)

    assert set(refusal.fields) == {"page_token"}


def test_a_page_token_is_bound_to_its_caller_even_among_operators(server, operator, world):
    token = operator.admin.ListServiceKeys(page_size=1).next_page_token

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        server.key(Role.OPERATOR).admin.ListServiceKeys(page_token=token)


def test_a_page_token_is_bound_to_its_list(world, token):
    same_filter = {"app_id": world.app.id, "active_only": True}

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        world.account.sessions.ListSessions(**same_filter, page_token=token)


def test_a_page_token_is_bound_to_its_filter(world, token):
    secrets, (other, *_) = world.account.secrets, world.account.accounts.ListApps().apps

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        secrets.ListSecrets(app_id=world.app.id, page_token=token)
    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        secrets.ListSecrets(app_id=other.id, show_inactive=True, page_token=token)


def test_a_page_token_of_the_journal_is_bound_to_every_filter(world):
    events = world.account.accounts.ListAuditEvents
    token = events(page_size=1).next_page_token

    for filters in (
        {"app_id": world.app.id},
        {"types": ["app.created"]},
        {"actor_id": world.account.id},
        {"target_id": world.app.id},
        {"call_id": "call_1"},
        {"start_time": {"seconds": 1}},
        {"end_time": {"seconds": 2**32}},
    ):
        with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
            events(page_size=1, page_token=token, **filters)


@pytest.mark.parametrize("bad", ["garbage", "A" * 100, "%sAAAA", "A%s", "%.20s", "=%s"])
def test_a_page_token_cannot_be_made_up(world, token, bad):
    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        LISTS["ListSecrets"].page(world, 2, bad % token if "%" in bad else bad)


def test_a_page_token_tells_nothing(world):
    first, token = LISTS["ListSecrets"].page(world, 2)
    _, again = LISTS["ListSecrets"].page(world, 2)

    assert first[-1] not in token
    assert token != again
