"""The URLs with which end users open Link, and the auth tokens in them."""

from typing import Any
from urllib.parse import urlencode

from tests import people

from finlink.config import v1


def auth_token_for(caller: Any, app: v1.App, redirect_id: str, **fields: Any) -> str:
    """Make an auth token for transactions, unless `parameters` says what else for."""
    parameters = fields.pop("parameters", {"product": v1.PRODUCT_TRANSACTIONS})
    answer = caller.links.CreateLinkToken(
        app_id=app.id, parameters={"redirect_id": redirect_id, **parameters}, **fields
    )
    return str(answer.auth_token)


def open_link(front_end: people.Caller, **parameters: str) -> v1.Link:
    """Open Link with these URL parameters."""
    answer = front_end.links.OpenLink(query=urlencode(parameters))
    link: v1.Link = answer.link
    return link
