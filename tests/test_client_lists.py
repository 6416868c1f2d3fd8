"""The client's lists: their pages come by themselves."""

from __future__ import annotations

import pytest
from tests import people

from finlink.config import v1

pytestmark = pytest.mark.either("about the client's end of a call alone")


@pytest.fixture
def endpoints(account, app) -> list[str]:
    return [people.new_endpoint(account, app).id for _ in range(5)]


def test_a_list_fetches_its_pages_by_itself(clients, server, account, app, endpoints):
    client = clients.signed_in(server, account)

    listed = client.endpoints.list(app.id, page_size=2)

    assert [one.id for one in listed] == endpoints
    assert [one.id for one in listed] == endpoints  # and again
    assert [len(page.endpoints) for page in pages(listed)] == [2, 2, 1]


def pages(listed):
    return listed.pages() if not hasattr(listed, "thing") else _gathered(listed)


def _gathered(listed):
    async def gather():
        return [page async for page in listed.thing.pages()]

    return listed.loop.run(gather())


def test_a_list_goes_on_from_a_page(clients, server, account, app, endpoints):
    client = clients.signed_in(server, account)
    first = next(iter(pages(client.endpoints.list(app.id, page_size=3))))

    rest = client.endpoints.list(app.id, page_size=3, page_token=first.next_page_token)

    assert [one.id for one in rest] == endpoints[3:]


def test_only_the_pages_that_are_needed_are_asked_for(scripted, anonymous):
    scripted.answer = v1.ListBanksResponse(
        banks=[v1.Bank(id="a"), v1.Bank(id="b")], next_page_token="more"
    )

    banks = iter(anonymous.banks.list())

    assert scripted.requests == []
    assert [next(banks).id, next(banks).id] == ["a", "b"]
    assert len(scripted.requests) == 1
