"""Customers with one thing of each kind, whose things others must not see."""

from __future__ import annotations

from dataclasses import dataclass

from tests import people
from tests.link_urls import open_link


@dataclass
class Household:
    """A customer with one thing of each kind; `ids` by kind."""

    account: people.Account
    session: people.Session
    ids: dict[str, str]


def settle(
    operator: people.Caller, front_end: people.Caller, account: people.Account | None = None
) -> Household:
    """Make one, for a new customer or as another app of one."""
    account = account or people.new_account(operator)
    app = people.new_app(account)
    secret = people.new_secret(account, app)
    session = secret.start()
    redirect = people.add_redirect(account, app)
    token = session.links.CreateLinkToken(parameters={"redirect_id": redirect, "product": 1})
    endpoint = people.new_endpoint(session, app)
    test = session.webhooks.SendTestEvent(endpoint_id=endpoint.id)
    made = operator.accounts.ListAuditEvents(app_id=app.id, types=["app.created"]).events[0]
    things = {
        "account": account.id,
        "app": app.id,
        "secret": secret.id,
        "plaintext": secret.plaintext,
        "session": session.id,
        "redirect": redirect,
        "auth token": token.auth_token,
        "link token": token.link_token.id,
        "link": open_link(front_end, authToken=token.auth_token).id,
        "endpoint": endpoint.id,
        "event": test.event.id,
        "delivery": test.delivery.id,
        "password": account.password,
        "call": made.call_id,
        "service key": operator.admin.ListServiceKeys(page_size=1).service_keys[0].id,
    }
    return Household(account, session, things)
