"""Every method that gives a list in pages: how to call it, and what its token is bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests import people
from tests.link_urls import auth_token_for, open_link

from finlink.config import v1

Fields = Mapping[str, Any]
_FEW = {"country_codes": ["AQ"]}


@dataclass(frozen=True)
class World:
    """A customer with several of everything, and those who look at it."""

    operator: people.Caller
    front_end: people.Caller
    account: people.Account
    app: v1.App
    other_app: v1.App
    link_id: str
    other_link_id: str
    endpoint_id: str
    event_id: str


def settle(operator: people.Caller, front_end: people.Caller, account: people.Account) -> World:
    """Make a customer's several things. The widget shows a few banks only."""
    other_app, *_, app = [people.new_app(account) for _ in range(4)]
    for _ in range(5):
        people.new_secret(account, app).start()
    account.settings.UpdateSettings(
        settings={"app_id": app.id, "banks": _FEW}, update_mask={"paths": ["banks"]}
    )
    redirect_id, *_ = [people.add_redirect(account, app) for _ in range(5)]
    links = [
        open_link(front_end, authToken=auth_token_for(account, app, redirect_id)).id
        for _ in range(5)
    ]
    endpoint, *_ = [people.new_endpoint(account, app) for _ in range(5)]
    tests = [account.webhooks.SendTestEvent(endpoint_id=endpoint.id) for _ in range(5)]
    return World(
        *(operator, front_end, account, app, other_app, links[0], links[1]),
        *(endpoint.id, tests[0].event.id),
    )


@dataclass(frozen=True)
class List:
    """A list method: whose, what it is asked for, and with which other filters its token fails."""

    who: str
    service: str
    name: str
    items: str
    filters: Callable[[World], Fields] = lambda _: {}
    others: Callable[[World], list[Fields]] = lambda _: []
    key: Callable[[Any], Any] = lambda item: item.id
    size: int = 2  # of a page
    newest_first: bool = False

    def ask(self, world: World, **fields: Any) -> Any:
        """Call it, with other filters or another page than the first."""
        method = getattr(getattr(getattr(world, self.who), self.service), self.name)
        return method(**{**self.filters(world), **fields})

    def page(self, world: World, size: int, token: str = "") -> tuple[list[Any], str]:
        """Read a page: what names its entries, and the token of the next one."""
        answer = self.ask(world, page_size=size, page_token=token)
        return [self.key(item) for item in getattr(answer, self.items)], answer.next_page_token

    def pages(self, world: World, size: int) -> Iterator[list[Any]]:
        """Read page after page until there is none."""
        entries, token = self.page(world, size)
        yield entries
        while token:
            entries, token = self.page(world, size, token)
            yield entries


def _of_app(world: World) -> Fields:
    return {"app_id": world.app.id}


def _of_another(world: World) -> Fields:
    return {"app_id": world.other_app.id}


_EVERY_LIST = (
    List(
        "operator",
        "admin",
        "ListAccounts",
        "accounts",
        others=lambda w: [{"email": w.account.email}],
        size=20,  # all tests make accounts
    ),
    List(
        "operator",
        "admin",
        "ListServiceKeys",
        "service_keys",
        lambda _: {"show_inactive": True},
        lambda _: [{"show_inactive": False}],
    ),
    List("account", "accounts", "ListApps", "apps", lambda w: {"account_id": w.account.id}),
    List(
        "account",
        "accounts",
        "ListAuditEvents",
        "events",
        others=lambda w: [
            _of_app(w),
            {"types": ["app.created"]},
            {"actor_id": w.account.id},
            {"target_id": w.app.id},
            {"call_id": "call_1"},
            {"start_time": {"seconds": 1}},
            {"end_time": {"seconds": 2**32}},
        ],
        newest_first=True,
    ),
    List(
        "account",
        "secrets",
        "ListSecrets",
        "secrets",
        lambda w: {**_of_app(w), "show_inactive": True},
        lambda w: [{"show_inactive": False}, _of_another(w)],
    ),
    List(
        "account",
        "sessions",
        "ListSessions",
        "sessions",
        _of_app,
        lambda w: [{"active_only": True}, _of_another(w)],
        newest_first=True,
    ),
    List(
        "account",
        "settings",
        "ListSettingsVersions",
        "versions",
        _of_app,
        lambda w: [_of_another(w)],
        key=lambda version: version.version,
        newest_first=True,
    ),
    List(
        "account",
        "settings",
        "ListBanks",
        "banks",
        lambda _: _FEW,
        lambda _: [{"country_codes": []}, {"query": "a"}],
    ),
    List(
        "account",
        "settings",
        "ListAppBanks",
        "banks",
        _of_app,
        lambda w: [{"product": v1.PRODUCT_TRANSACTIONS}, _of_another(w)],
        key=lambda shown: shown.bank.id,
    ),
    List(
        "account",
        "links",
        "ListLinkTokens",
        "link_tokens",
        _of_app,
        lambda w: [{"state": v1.LINK_TOKEN_STATE_USED_UP}, _of_another(w)],
        newest_first=True,
    ),
    List(
        "account",
        "links",
        "ListLinks",
        "links",
        _of_app,
        lambda w: [_of_another(w)],
        newest_first=True,
    ),
    List(
        "front_end",
        "links",
        "ListLinkBanks",
        "banks",
        lambda w: {"link_id": w.link_id},
        lambda w: [{"query": "a"}, {"link_id": w.other_link_id}],
        key=lambda shown: shown.bank.id,
    ),
    List(
        "account",
        "webhooks",
        "ListEndpoints",
        "endpoints",
        _of_app,
        lambda w: [_of_another(w)],
    ),
    List(
        "account",
        "webhooks",
        "ListEvents",
        "events",
        _of_app,
        lambda w: [
            _of_another(w),
            {"types": ["secret.*"]},
            {"start_time": {"seconds": 1}},
            {"end_time": {"seconds": 2**32}},
        ],
        newest_first=True,
    ),
    List(
        "account",
        "webhooks",
        "ListDeliveries",
        "deliveries",
        _of_app,
        lambda w: [
            _of_another(w),
            {"endpoint_id": w.endpoint_id},
            {"event_id": w.event_id},
            {"state": v1.DELIVERY_STATE_CANCELLED},
        ],
        newest_first=True,
    ),
)
LISTS = {one.name: one for one in _EVERY_LIST}
