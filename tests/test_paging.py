"""Lists in pages: sizes, and tokens that are good for one caller, list and filter."""

from itertools import pairwise

import grpc
import pytest
from tests import people
from tests.errors import refused

from finlink_server import bootstrap
from finlink_server.domain import journal

SPOILT = {
    "cut by one": lambda token: token[:-1],
    "cut in two": lambda token: token[: len(token) // 2],
    "one letter": lambda token: token[:1],
    "longer": lambda token: token + "AAAA",
    "altered": lambda token: ("B" if token[0] == "A" else "A") + token[1:],
    "in other case": str.swapcase,
    "with a foreign letter": lambda token: token[:-2] + "!!",
    "garbage": lambda _: "garbage",
    "padding": lambda _: "====",
    "too much": lambda _: "A" * 1024,
}


@pytest.fixture(scope="module")
def busy(server, operator):
    """A customer with 520 things in the journal."""
    account = people.new_account(operator)
    by = bootstrap.command_line("tests")
    with server.env.transaction():
        for number in range(520):
            journal.write(server.env, by, "test.noted", f"note_{number}", account_id=account.id)
    return account


def pages(account, **fields):
    """All pages of the account's journal, from the first to the last."""
    token = ""
    while True:
        answer = account.accounts.ListAuditEvents(page_token=token, **fields)
        yield answer.events
        token = answer.next_page_token
        if not token:
            return


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 50), (1, 1), (499, 499), (500, 500), (501, 500), (2**31 - 1, 500)]
)
def test_a_page_is_as_long_as_asked_up_to_500(busy, asked, given):
    answer = busy.accounts.ListAuditEvents(page_size=asked)

    assert len(answer.events) == given
    assert answer.next_page_token


@pytest.mark.parametrize("size", [7, 100, 500])
def test_the_pages_hold_everything_once_and_in_order(busy, size):
    events = [event for page in pages(busy, page_size=size, types=["test.noted"]) for event in page]

    assert [event.target_id for event in events] == [f"note_{n}" for n in reversed(range(520))]
    assert all(newer.id > older.id for newer, older in pairwise(events))


def test_the_page_size_may_change_from_page_to_page(busy):
    first = busy.accounts.ListAuditEvents(page_size=3)

    second = busy.accounts.ListAuditEvents(page_size=2, page_token=first.next_page_token)

    whole = busy.accounts.ListAuditEvents(page_size=5).events
    assert [*first.events, *second.events] == list(whole)


def test_the_last_page_has_no_token(account, app):
    assert not account.accounts.ListApps(page_size=1).next_page_token


@pytest.fixture
def page_token(busy):
    return busy.accounts.ListAuditEvents(page_size=1).next_page_token


def refused_by_name(call, **fields):
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID") as refusal:
        call(**fields)
    assert set(refusal.fields) == {"page_token"}


def test_a_page_token_is_good_for_nobody_else(stranger, operator, page_token):
    refused_by_name(stranger.accounts.ListAuditEvents, page_token=page_token)
    refused_by_name(operator.accounts.ListAuditEvents, page_token=page_token)


def test_a_page_token_is_good_for_no_other_list_or_filter(busy, page_token):
    refused_by_name(busy.accounts.ListApps, page_token=page_token)
    refused_by_name(busy.accounts.ListAuditEvents, page_token=page_token, types=["test.noted"])


def test_a_page_token_outlives_the_account_token_that_got_it(busy, page_token):
    again = busy.sign_in()

    assert again.accounts.ListAuditEvents(page_token=page_token).events


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_page_token_is_refused(busy, page_token, name):
    refused_by_name(busy.accounts.ListAuditEvents, page_token=SPOILT[name](page_token))


def test_a_page_token_tells_nothing(busy, page_token):
    """It is sealed: what looks like base64 holds no id and no number that counts up."""
    again = busy.accounts.ListAuditEvents(page_size=1).next_page_token

    assert again != page_token
