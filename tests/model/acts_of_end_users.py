"""What end users do with Link, and customers for them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.model.stage import (
    OWNER,
    PLATFORM,
    apps,
    callers,
    link_tokens,
    links,
    redirects,
    requests,
    services,
)
from tests.model.waits import Waits

# What a URL or a token asks for beside its redirect: by URL name.
WISHES = st.sampled_from(
    [
        {"product": "TRANSACTIONS"},
        {"product": "TRANSACTIONS"},
        {"product": "INVESTMENTS", "language": "pt-BR"},
        {"product": "ASSETS_TRANSFER", "subproduct": "FUND", "external_id": "order 7"},
        {"product": "TRANSACTIONS", "subproduct": "FUND"},
        {"product": "TRANSACTIONS", "entity": "aq-penguin", "theme": "DARK"},
        {"product": "INVESTMENTS", "entity": "aq-albatross"},
        {"product": "TRANSACTIONS", "entity": "aq-dodo", "language": "es"},
        {"product": "TRANSACTIONS", "country_codes": "AQ,ES"},
        {"product": "INVESTMENTS", "country_codes": "BV"},
        {"update_token": "an-existing-connection"},
        {"restore_token": "an-existing-connection", "language": "fr"},
        {},
    ]
)
_MORE = st.sampled_from([{}, {}, {"utm_source": "mail"}, {"product": "NONSENSE"}])
_NARROWER = st.sampled_from([[], [], ["aq-krill"], ["aq-penguin", "aq-seal"], ["aq-dodo"]])
_NUMBERS = {
    "product": ("", "TRANSACTIONS", "INVESTMENTS", "ASSETS_TRANSFER"),
    "subproduct": ("", "FUND", "PENSION_PLAN"),
    "theme": ("", "LIGHT", "DARK"),
}


class EndUsers(Waits):
    """Link tokens and Links."""

    @rule(
        target=link_tokens,
        redirect=redirects,
        caller=callers,
        wishes=WISHES,
        bank_ids=_NARROWER,
        owners=st.sampled_from([[], [], [], ["Ana"]]),
        ttl=st.sampled_from([None, 60, 86_400]),
        max_opens=st.integers(0, 3),
        request_id=requests,
    )
    def make_a_link_token(
        self,
        redirect: str,
        caller: str,
        wishes: dict[str, str],
        bank_ids: list[str],
        owners: list[str],
        ttl: int | None,
        max_opens: int,
        request_id: str,
    ) -> Any:
        app = self.world.redirect_apps[redirect]
        parameters = {"redirect_id": redirect, "bank_ids": bank_ids, "desired_owners": owners}
        parameters |= _stored(wishes)
        fields: dict[str, Any] = {"app_id": app, "max_opens": max_opens, "request_id": request_id}
        if ttl:
            fields["ttl"] = {"seconds": ttl}
        said = self.by(caller, app, "CreateLinkToken", parameters=parameters, **fields)
        return self.new(said and said.link_token.id)

    @rule(token=link_tokens, caller=callers)
    def revoke_a_link_token(self, token: str, caller: str) -> None:
        app = self.world.link_tokens[token]["app_id"]
        self.by(caller, app, "RevokeLinkToken", link_token_id=token)
        self.by(caller, app, "GetLinkToken", link_token_id=token)

    @rule(target=links, token=link_tokens, more=_MORE, request_id=requests)
    def open_by_token(self, token: str, more: dict[str, str], request_id: str) -> Any:
        query = urlencode({**more, "authToken": self.credential(token)})
        return self.open_link(query, request_id)

    @rule(target=links, redirect=redirects, wishes=WISHES, more=_MORE, request_id=requests)
    def open_by_url(
        self, redirect: str, wishes: dict[str, str], more: dict[str, str], request_id: str
    ) -> Any:
        return self.open_link(urlencode({"id": redirect, **more, **wishes}), request_id)

    @rule(token=link_tokens, times=st.integers(1, 4))
    def open_until_it_is_used_up(self, token: str, times: int) -> None:
        for _ in range(times):
            self.open_link(urlencode({"authToken": self.credential(token)}), "")

    @rule(
        query=st.sampled_from(
            ["authToken=nonsense", "authToken=", "", "id=&product=TRANSACTIONS", "id=a&id=b"]
        ),
        caller=services,
    )
    def open_with_nonsense(self, query: str, caller: str) -> None:
        self.service(caller, "LINK", "OpenLink", query=query)
        self.open_link(query, "")

    @rule(
        token=st.one_of(link_tokens, redirects),
        wishes=WISHES,
        caller=callers,
        app=apps,
        bank_id=st.sampled_from(["", "aq-krill", "aq-dodo", "aq-none", "aq-albatross"]),
    )
    def explain(
        self, token: str, wishes: dict[str, str], caller: str, app: str, bank_id: str
    ) -> None:
        by_token = token in self.world.link_tokens
        asked = {"authToken": self.credential(token)} if by_token else {"id": token}
        fields = {"query": urlencode({**asked, **wishes}), "bank_id": bank_id}
        self.by(caller, app, "ExplainLink", **fields)
        self.service(PLATFORM, "LINK", "ExplainLink", **fields)
        self.by(OWNER, app, "ExplainLink", **fields)

    @rule(link=links, caller=callers)
    def look_at_a_link(self, link: str, caller: str) -> None:
        app = self.world.links[link]["app_id"]
        self.by(caller, app, "GetLink", link_id=link)
        self.by(caller, app, "ListLinkBanks", link_id=link, page_size=2)
        self.service(PLATFORM, "LINK", "ListLinkBanks", link_id=link, page_size=2)

    def open_link(self, query: str, request_id: str) -> Any:
        said = self.service(PLATFORM, "LINK", "OpenLink", query=query, request_id=request_id)
        return self.new(said and said.link.id)


def _stored(wishes: dict[str, str]) -> dict[str, Any]:
    """The fields of LinkParameters for what a URL would ask."""
    found: dict[str, Any] = dict(wishes)
    if "entity" in found:
        found["bank_id"] = found.pop("entity")
    if "country_codes" in found:
        found["country_codes"] = found["country_codes"].split(",")
    for name, words in _NUMBERS.items():
        if name in found:
            found[name] = words.index(found[name])
    return found
