"""Links and Link tokens afterwards: who may see them, in which state, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode
from tests import people
from tests.errors import refused
from tests.forgery import read
from tests.link_urls import auth_token_for, open_link
from tests.races import Race

from finlink.config import v1
from finlink_server.domain import links
from finlink_server.domain.caller import Role

NOT_FOUND = StatusCode.NOT_FOUND


def id_of(auth_token: str) -> str:
    _, claims = read(auth_token)
    return str(claims["jti"])


def state_of(link: v1.Link) -> str:
    return v1.LinkState.Name(link.state).removeprefix("LINK_STATE_")


def all_pages(method: Any, items: str, **fields: Any) -> list[Any]:
    """Everything in a list, page by page."""
    found, token = [], ""
    while True:
        answer = method(page_token=token, **fields)
        found += getattr(answer, items)
        token = answer.next_page_token
        if not token:
            return found


@pytest.fixture
def token(account, app, redirect_id):
    return auth_token_for(account, app, redirect_id, max_opens=10)


@pytest.fixture
def link(token, link_front_end):
    return open_link(link_front_end, authToken=token, utm_source="mail")


@pytest.fixture
def by_url(redirect_id, link_front_end):
    return open_link(link_front_end, id=redirect_id, product="TRANSACTIONS")


def test_a_link_is_told_as_it_opened_to_all_who_may_ask(
    server, account, session, operator, link_front_end, link
):
    publisher = server.key(Role.PUBLISHER, prefixes=("connection.",))

    for caller in (account, session, operator, link_front_end, publisher):
        assert caller.links.GetLink(link_id=link.id).link == link


def test_another_accounts_link_and_token_look_like_none(account, stranger, token, link):
    for number in ("zzzz", link.id[-4:]):
        with refused(NOT_FOUND, "LINK_NOT_FOUND") as refusal:
            stranger.links.GetLink(link_id=link.id[:-4] + number)
        assert refusal.facts == {"link_id": link.id[:-4] + number}
    for method in ("GetLinkToken", "RevokeLinkToken"):
        with refused(NOT_FOUND, "LINK_TOKEN_NOT_FOUND"):
            getattr(stranger.links, method)(link_token_id=id_of(token))
    for method in ("ListLinks", "ListLinkTokens"):
        with refused(NOT_FOUND, "APP_NOT_FOUND"):
            getattr(stranger.links, method)(app_id=link.app_id)
    assert account.links.GetLink(link_id=link.id).link.state == v1.LINK_STATE_OPEN


def test_another_app_of_the_account_is_nothing_to_a_session(account, token, link):
    other = people.new_secret(account, people.new_app(account)).start()

    with refused(NOT_FOUND, "LINK_NOT_FOUND"):
        other.links.GetLink(link_id=link.id)
    with refused(NOT_FOUND, "LINK_TOKEN_NOT_FOUND"):
        other.links.RevokeLinkToken(link_token_id=id_of(token))
    assert other.links.ListLinks().links == []


def test_a_link_is_open_for_half_an_hour(account, link, clock):
    end = link.expire_time.ToMicroseconds() / 1_000_000
    clock.advance_to(end - 0.5)
    assert state_of(account.links.GetLink(link_id=link.id).link) == "OPEN"

    clock.advance_to(end)

    assert state_of(account.links.GetLink(link_id=link.id).link) == "EXPIRED"


def test_links_are_listed_newest_first_and_once(account, app, session, link, by_url):
    other = people.new_app(account)

    for caller in (account, session):
        listed = all_pages(caller.links.ListLinks, "links", app_id=app.id, page_size=1)
        assert listed == [by_url, link]
    assert list(session.links.ListLinks().links) == [by_url, link]
    assert account.links.ListLinks(app_id=other.id).links == []


@pytest.fixture
def one_of_each(account, app, redirect_id, link_front_end, clock):
    """Give one Link token in every state, oldest first."""
    make = [auth_token_for(account, app, redirect_id, ttl={"seconds": 60}) for _ in range(3)]
    expired, used_up, revoked = make
    open_link(link_front_end, authToken=used_up)
    account.links.RevokeLinkToken(link_token_id=id_of(revoked))
    clock.advance(seconds=61)
    active = auth_token_for(account, app, redirect_id)
    by_state = {"EXPIRED": expired, "USED_UP": used_up, "REVOKED": revoked, "ACTIVE": active}
    return {state: id_of(token) for state, token in by_state.items()}


@pytest.mark.parametrize("state", ["ACTIVE", "USED_UP", "EXPIRED", "REVOKED"])
def test_tokens_are_listed_by_state(account, app, operator, session, one_of_each, state):
    number = v1.LinkTokenState.Value(f"LINK_TOKEN_STATE_{state}")

    for caller in (account, operator, session):
        [listed] = caller.links.ListLinkTokens(app_id=app.id, state=number).link_tokens
        assert (listed.id, listed.state) == (one_of_each[state], number)
        assert caller.links.GetLinkToken(link_token_id=listed.id).link_token == listed


def test_tokens_of_any_state_are_listed_newest_first_and_once(account, app, one_of_each):
    listed = all_pages(account.links.ListLinkTokens, "link_tokens", app_id=app.id, page_size=3)

    assert [token.id for token in listed] == list(one_of_each.values())[::-1]


def test_a_page_token_is_for_one_state(account, app, redirect_id):
    for _ in range(2):
        auth_token_for(account, app, redirect_id)
    page = account.links.ListLinkTokens(app_id=app.id, page_size=1)

    with refused(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        account.links.ListLinkTokens(
            app_id=app.id, state=v1.LINK_TOKEN_STATE_ACTIVE, page_token=page.next_page_token
        )


def test_revoking_a_token_ends_its_open_links_and_no_others(
    account, app, redirect_id, token, link, link_front_end, clock
):
    clock.advance(seconds=1000)
    later = open_link(link_front_end, authToken=token)
    others = [
        open_link(link_front_end, authToken=auth_token_for(account, app, redirect_id)),
        open_link(link_front_end, id=redirect_id, product="TRANSACTIONS"),
    ]
    clock.advance_to(link.expire_time.ToMicroseconds() / 1_000_000)

    answer = account.links.RevokeLinkToken(link_token_id=id_of(token))

    assert answer.ended_links == 1
    assert answer.link_token.state == v1.LINK_TOKEN_STATE_REVOKED
    assert answer.link_token.HasField("revoke_time")
    states = [
        state_of(account.links.GetLink(link_id=one.id).link) for one in (link, later, *others)
    ]
    assert states == ["EXPIRED", "REVOKED", "OPEN", "OPEN"]


def test_a_revoked_token_opens_nothing_and_revoking_it_again_changes_nothing(
    account, token, link, link_front_end, clock
):
    first = account.links.RevokeLinkToken(link_token_id=id_of(token))
    clock.advance(seconds=5)

    again = account.links.RevokeLinkToken(link_token_id=id_of(token))

    assert (first.ended_links, again.ended_links) == (1, 0)
    assert again.link_token == first.link_token
    with refused(StatusCode.FAILED_PRECONDITION, "LINK_TOKEN_REVOKED") as refusal:
        open_link(link_front_end, authToken=token)
    assert refusal.facts == {"link_token_id": id_of(token)}


def test_revoking_is_written_down_once_with_what_it_ended(account, app, token, link):
    for _ in range(2):
        account.links.RevokeLinkToken(link_token_id=id_of(token))

    [event] = account.accounts.ListAuditEvents(app_id=app.id, types=["link_token.revoked"]).events
    assert (event.target_id, event.facts["ended_links"]) == (id_of(token), 1)


def test_a_session_needs_delete_to_revoke(account, secret, token):
    with refused(StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") as refusal:
        secret.start(scopes=("read", "write")).links.RevokeLinkToken(link_token_id=id_of(token))
    assert refusal.facts == {"scope": "delete"}
    unchanged = account.links.GetLinkToken(link_token_id=id_of(token)).link_token
    assert unchanged.state == v1.LINK_TOKEN_STATE_ACTIVE

    revoked = secret.start(scopes=("delete",)).links.RevokeLinkToken(link_token_id=id_of(token))

    assert revoked.link_token.state == v1.LINK_TOKEN_STATE_REVOKED


@pytest.mark.parametrize("attempt", range(4))
def test_no_link_outlives_a_revocation_that_it_races(account, token, link_front_end, attempt):
    def work(number):
        if number == 4:
            account.links.RevokeLinkToken(link_token_id=id_of(token))
            return None
        return open_link(link_front_end, authToken=token)

    race = Race(8, work)

    assert race.reasons <= {"LINK_TOKEN_REVOKED"}
    for opened in filter(None, race.answers):
        assert state_of(account.links.GetLink(link_id=opened.id).link) == "REVOKED"


def test_a_link_that_is_revoked_while_its_answer_is_made_was_opened(
    account, token, link_front_end, monkeypatch
):
    first_banks = links.first_banks

    def after_a_revocation(*arguments):
        account.links.RevokeLinkToken(link_token_id=id_of(token))
        return first_banks(*arguments)

    monkeypatch.setattr(links, "first_banks", after_a_revocation)
    opened = open_link(link_front_end, authToken=token)

    assert state_of(account.links.GetLink(link_id=opened.id).link) == "REVOKED"
