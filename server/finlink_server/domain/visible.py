"""Finding things for a caller: what belongs to another looks like what does not exist."""

from finlink_server.domain.caller import Caller
from finlink_server.errors import (
    AccountNotFound,
    AppNotFound,
    DeliveryNotFound,
    EndpointNotFound,
    FieldInvalid,
    LinkNotFound,
    LinkTokenNotFound,
    SecretNotFound,
    SessionNotFound,
)
from finlink_server.storage import rows
from finlink_server.storage.models import Account, App, Link, LinkToken, Secret, Session
from finlink_server.storage.webhook_models import Delivery, Endpoint


def account(caller: Caller, account_id: str) -> Account:
    """Find an account; empty means the caller's own."""
    wanted = account_id or caller.account_id
    if not wanted:
        raise FieldInvalid.of("account_id", "must name an account, because the caller has none")
    row: Account | None = Account.get_or_none(Account.id == wanted)
    if row is None or not (caller.sees_everything or wanted == caller.account_id):
        raise AccountNotFound(account_id=wanted)
    return row


def app(caller: Caller, app_id: str, field: str = "app_id") -> App:
    """Find an app that was not deleted; empty means the one of the caller's session.

    `field` is where the request names it.
    """
    wanted = app_id or caller.app_id
    if not wanted:
        raise FieldInvalid.of(field, "must name an app: `app_` and 26 letters and digits")
    row = rows.find(App, "id = ? AND delete_time IS NULL", wanted)
    if row is None or not caller.sees(row.account_id, row.id):
        raise AppNotFound(app_id=wanted)
    return row


def secret(caller: Caller, secret_id: str) -> Secret:
    """Find a secret of an app that was not deleted, with its app."""
    row: Secret | None = (
        Secret.select(Secret, App)
        .join(App)
        .where((Secret.id == secret_id) & App.delete_time.is_null())
        .get_or_none()
    )
    if row is None or not caller.sees(row.app.account_id, row.app_id):
        raise SecretNotFound(secret_id=secret_id)
    return row


def session(caller: Caller, session_id: str) -> Session:
    """Find a session of an app that was not deleted."""
    row: Session | None = (
        Session.select(Session)
        .join(App)
        .where((Session.id == session_id) & App.delete_time.is_null())
        .get_or_none()
    )
    if row is None or not caller.sees(row.account_id, row.app_id):
        raise SessionNotFound(session_id=session_id)
    return row


def link_token(caller: Caller, token_id: str) -> LinkToken:
    """Find a Link token of an app that was not deleted, with its app."""
    row: LinkToken | None = (
        LinkToken.select(LinkToken, App)
        .join(App)
        .where((LinkToken.id == token_id) & App.delete_time.is_null())
        .get_or_none()
    )
    if row is None or not caller.sees(row.app.account_id, row.app_id):
        raise LinkTokenNotFound(link_token_id=token_id)
    return row


def link(caller: Caller, link_id: str) -> Link:
    """Find a Link; one of a deleted app is still there for the platform's services."""
    row: Link | None = Link.select(Link, App).join(App).where(Link.id == link_id).get_or_none()
    hidden = row is None or not caller.sees(row.app.account_id, row.app_id)
    if row is None or hidden or (row.app.delete_time and not caller.sees_everything):
        raise LinkNotFound(link_id=link_id)
    return row


def endpoint(caller: Caller, endpoint_id: str, *, deleted: bool = False) -> Endpoint:
    """Find a webhook endpoint of an app that was not deleted, with its app."""
    row: Endpoint | None = (
        Endpoint.select(Endpoint, App)
        .join(App)
        .where((Endpoint.id == endpoint_id) & App.delete_time.is_null())
        .get_or_none()
    )
    gone = row is None or (row.delete_time is not None and not deleted)
    if row is None or gone or not caller.sees(row.app.account_id, row.app_id):
        raise EndpointNotFound(endpoint_id=endpoint_id)
    return row


def delivery(caller: Caller, delivery_id: str) -> Delivery:
    """Find a delivery of an app that was not deleted."""
    row: Delivery | None = (
        Delivery.select(Delivery, Endpoint, App)
        .join(Endpoint)
        .join(App)
        .where((Delivery.id == delivery_id) & App.delete_time.is_null())
        .get_or_none()
    )
    if row is None or not caller.sees(row.endpoint.app.account_id, row.app_id):
        raise DeliveryNotFound(delivery_id=delivery_id)
    return row
