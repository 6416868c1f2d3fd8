"""Rule 5, cell by cell: forcing, auth token, purpose, and what else stands in the URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from tests import forgery, people
from tests.conftest import Server
from tests.errors import Refused
from tests.link_urls import auth_token_for

from finlink.config import v1
from finlink_server import tokens

HOUR = 3600 * 1_000_000
# Auth token → why it opens nothing.
TOKENS = {
    "none": "",
    "good": "",
    "expired": "LINK_TOKEN_EXPIRED",
    "used-up": "LINK_TOKEN_USED_UP",
    "revoked": "LINK_TOKEN_REVOKED",
    "tampered": "LINK_TOKEN_INVALID",
    "another-issuers": "LINK_TOKEN_INVALID",
    "another-apps": "",
}
PURPOSES = ("new", "update", "restore")
REST = ("alone", "agreeing", "contradicting")

# What was stored when the token was made, beside the redirect; the same in a URL; and what
# a URL says otherwise, in its words and as parameters.
STORED: dict[str, dict[str, Any]] = {
    "new": {"product": v1.PRODUCT_TRANSACTIONS, "theme": v1.THEME_DARK},
    "update": {"update_token": "stored-1", "external_id": "stored"},
    "restore": {"restore_token": "stored-2", "language": "es"},
}
AGREEING = {
    "new": "product=TRANSACTIONS&theme=DARK",
    "update": "update_token=stored-1&external_id=stored",
    "restore": "restore_token=stored-2&language=es",
}
CONTRADICTING = {
    "new": "product=INVESTMENTS&theme=LIGHT&country_codes=AQ",
    "update": "restore_token=other&external_id=other",
    "restore": "product=TRANSACTIONS&update_token=other",
}
MEANS: dict[str, dict[str, Any]] = {
    "new": {
        "product": v1.PRODUCT_INVESTMENTS,
        "theme": v1.THEME_LIGHT,
        "country_codes": ["AQ"],
    },
    "update": {"restore_token": "other", "external_id": "other"},
    "restore": {"product": v1.PRODUCT_TRANSACTIONS, "update_token": "other"},
}


@dataclass(frozen=True)
class Wanted:
    """What must come of a URL: refused if there is a reason, opened if there is none."""

    reason: str
    source: str
    ignored: list[str]
    app_id: str = ""
    parameters: v1.LinkParameters = field(default_factory=v1.LinkParameters)


def wanted(shop: Shop, token: str, purpose: str, rest: str) -> Wanted:
    """Rule 5, in the words of the contract."""
    names = [pair.partition("=")[0] for pair in shop.others(token, purpose, rest)]
    if token in {"tampered", "another-issuers"}:
        return Wanted(TOKENS[token], "", names)
    if token != "none":
        app = shop.other if token == "another-apps" else shop.app
        return Wanted(TOKENS[token], "AUTH_TOKEN", names, app.id, app.parameters(**STORED[purpose]))
    if rest == "alone":
        return Wanted("LINK_PARAMETER_INVALID", "", [])  # a URL of nothing names no app
    said = STORED[purpose] if rest == "agreeing" else MEANS[purpose]
    parameters = shop.app.parameters(rest == "contradicting", **said)
    reason = "LINK_AUTH_TOKEN_REQUIRED" if shop.forced else ""
    return Wanted(reason, "URL", ["utm_source"], shop.app.id, parameters)


@dataclass
class App:
    """An app with two redirects, and auth tokens for the first, by kind and purpose."""

    id: str
    redirects: list[str]
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def parameters(self, second: bool = False, /, **said: Any) -> v1.LinkParameters:  # noqa: FBT001, FBT002
        return v1.LinkParameters(redirect_id=self.redirects[second], **said)


@dataclass
class Shop:
    """A customer's app, and another one of hers, which both force tokens or do not."""

    forced: bool
    app: App
    other: App
    made: int

    def others(self, token: str, purpose: str, rest: str) -> list[str]:
        """Every parameter of the URL but the auth token."""
        if rest == "alone":
            return [f"id={self.app.redirects[0]}"] if token == "another-apps" else []
        said = AGREEING if rest == "agreeing" else CONTRADICTING
        redirect_id = self.app.redirects[rest == "contradicting"]
        return [f"id={redirect_id}", *said[purpose].split("&"), "utm_source=mail"]

    def query(self, token: str, purpose: str, rest: str) -> str:
        pairs = self.others(token, purpose, rest)
        if token == "another-apps":
            pairs.append(f"authToken={self.other.tokens['good', purpose]}")
        elif token != "none":
            pairs.append(f"authToken={self.app.tokens[token, purpose]}")
        return "&".join(pairs)


def new_shop(server: Server, operator: people.Caller, front_end: people.Caller, forced: bool):  # noqa: FBT001
    account, apps = people.new_account(operator), []
    for name in ("shop", "other"):
        app = people.new_app(account)
        people.force_auth_token(account, app, on=forced)
        made = App(
            app.id,
            [people.add_redirect(account, app, f"https://{name}.example/{n}") for n in (1, 2)],
        )
        for purpose in PURPOSES:
            make_tokens(server, account, front_end, app, made, purpose)
        apps.append(made)
    server.clock.advance(seconds=61)
    return Shop(forced, apps[0], apps[1], server.clock())


def make_tokens(server, account, front_end, app, made, purpose):
    def make(**fields):
        return auth_token_for(account, app, made.redirects[0], parameters=STORED[purpose], **fields)

    good = make(ttl={"seconds": 86_400}, max_opens=100)
    used_up, revoked = make(), make()
    front_end.links.OpenLink(query=f"authToken={used_up}")
    _, claims = forgery.read(revoked)
    account.links.RevokeLinkToken(link_token_id=claims["jti"])
    issuers = {"kid": tokens.thumbprint(forgery.FOREIGN.public_key())}
    at = good.rindex(".") + 10
    made.tokens |= {
        ("good", purpose): good,
        ("expired", purpose): make(ttl={"seconds": 60}),
        ("used-up", purpose): used_up,
        ("revoked", purpose): revoked,
        ("tampered", purpose): good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :],
        ("another-issuers", purpose): forgery.steal(server.env, good).signed_by(
            forgery.FOREIGN, issuers, iss="https://another.example"
        ),
    }


@pytest.fixture(scope="module")
def shops(server):
    del server  # there are others on the next database
    return {}


@pytest.fixture(params=[False, True], ids=["free", "forced"])
def shop(request, shops, server, operator, link_front_end):
    """Made once for all cells, unless another test has moved the clock by hours since."""
    known = shops.get(request.param)
    if known is None or server.clock() - known.made > HOUR:
        known = shops[request.param] = new_shop(server, operator, link_front_end, request.param)
    return known


@pytest.mark.parametrize("rest", REST)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("token", TOKENS)
def test_a_link_opens_and_is_explained_as_rule_5_says(shop, link_front_end, token, purpose, rest):
    query = shop.query(token, purpose, rest)

    explained = link_front_end.links.ExplainLink(query=query)
    link, reason = None, ""
    try:
        link = link_front_end.links.OpenLink(query=query).link
    except grpc.RpcError as error:
        refusal = Refused()
        refusal.read(error)
        reason = refusal.reason

    due = wanted(shop, token, purpose, rest)
    assert reason == due.reason
    assert [check.reason for check in explained.checks if check.reason] == [reason] * bool(reason)
    assert explained.verdict == (v1.LINK_VERDICT_REJECTED if reason else v1.LINK_VERDICT_ACCEPTED)
    assert explained.parameters == due.parameters
    assert explained.ignored_parameters == due.ignored
    assert explained.app_id == due.app_id
    origins = {v1.ParameterOrigin.Name(source.origin) for source in explained.sources}
    assert origins == ({f"PARAMETER_ORIGIN_{due.source}"} if due.source else set())
    if link:
        assert link.app_id == due.app_id
        assert link.parameters == due.parameters
        assert link.ignored_parameters == due.ignored
        assert v1.LinkSource.Name(link.source) == f"LINK_SOURCE_{due.source}"
