"""Whose end ends what: the parents that a transaction shares (see `storage.postgres`).

They never change, so they can be read before the transaction.
"""

from collections.abc import Collection

from finlink_server.env import Env
from finlink_server.tokens import Kind

_OF_ENDPOINTS = (
    "SELECT endpoint.app_id, app.account_id FROM endpoint JOIN app ON app.id = endpoint.app_id"
    " WHERE endpoint.id IN (...)"
)
_OF_APPS = "SELECT id, account_id FROM app WHERE id IN (...)"


def above_sessions(account_id: str, app_id: str) -> tuple[str, str, str]:
    """What ends the sessions of an app, beside their secrets."""
    return Kind.SESSION.name, account_id, app_id


def above_links(account_id: str, app_id: str) -> tuple[str, str, str]:
    """What ends the Link tokens and Links of an app."""
    return Kind.LINK.name, account_id, app_id


def above_account_tokens(account_id: str) -> tuple[str, str]:
    """What ends the tokens of an account."""
    return Kind.ACCOUNT.name, account_id


def above_deliveries(env: Env, endpoint_ids: Collection[str]) -> set[str]:
    """What ends the deliveries of endpoints, beside these."""
    found = env.database.among(_OF_ENDPOINTS, endpoint_ids) if endpoint_ids else []
    return {parent for row in found for parent in row}


def above_endpoints(env: Env, app_ids: Collection[str]) -> set[str]:
    """The apps, and their accounts."""
    found = env.database.among(_OF_APPS, app_ids) if app_ids else []
    return {parent for row in found for parent in row}
