"""Apps: what calls the platform and opens Link."""

from __future__ import annotations  # Peewee's classes take no parameters at run time

from collections.abc import Collection

from peewee import ModelSelect

from finlink_server.domain import (
    account_tokens,
    endpoints,
    hierarchy,
    idempotency,
    journal,
    links,
    paging,
    passwords,
    secrets,
    settings,
    visible,
)
from finlink_server.domain.caller import Caller
from finlink_server.domain.etags import check_etag, revision_etag
from finlink_server.domain.idempotency import Once
from finlink_server.env import Env
from finlink_server.errors import AppLimitReached, FieldInvalid
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import App

MOST = 5


def create(
    env: Env, caller: Caller, display_name: str, public_name: str, environment: str, once: Once
) -> App:
    """Make an app with its first settings."""
    account_id = caller.account_id
    with env.transaction(account_id, once.lock):
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            return visible.app(caller, earlier)
        if _living(account_id).count() >= MOST:
            raise AppLimitReached(limit=MOST)
        now = env.now()
        app = App.create(
            id=env.new_id("app"),
            account=account_id,
            display_name=display_name,
            public_name=public_name,
            environment=environment,
            create_time=now,
            update_time=now,
        )
        settings.make_first(env, caller, app)
        journal.write(
            env,
            caller,
            "app.created",
            app.id,
            account_id=account_id,
            app_id=app.id,
            environment=environment,
        )
        idempotency.remember(env, caller, once, app.id)
        return app


def page(env: Env, caller: Caller, account_id: str, size: int, token: str) -> paging.Page[App]:
    """List an account's apps, oldest first."""
    account = visible.account(caller, account_id)
    return paging.page(
        env, caller, _living(account.id), App.id, size=size, token=token, filters=account.id
    )


def rename(env: Env, caller: Caller, app_id: str, etag: str, display_name: str) -> App:
    """Change what can change about an app: its display_name."""
    if not display_name:
        raise FieldInvalid.of("app.display_name", "must have 1 to 100 characters, not 0")
    with env.transaction(app_id):
        app = visible.app(caller, app_id)
        check_etag(etag, revision_etag(app.id, app.revision))
        old = app.display_name
        if display_name == old:
            return app
        app.display_name = display_name
        app.revision += 1
        app.update_time = env.now()
        app.save()
        journal.write(
            env,
            caller,
            "app.updated",
            app.id,
            account_id=app.account_id,
            app_id=app.id,
            display_name={"old": old, "new": display_name},
        )
        return app


def delete(env: Env, caller: Caller, app_id: str, password: Plaintext) -> App:
    """Delete an app for good, and end everything that hung on it."""
    found = visible.app(caller, app_id)
    passwords.confirm(env, caller, password)  # slow: before the transaction
    owner = found.account_id
    parents = {*hierarchy.above_sessions(owner, app_id), *hierarchy.above_links(owner, app_id)}
    with env.transaction(app_id, under=parents):
        account_tokens.require_live(env, caller.token_id)  # a password took its time
        app = visible.app(caller, app_id)
        now = env.now()
        app.delete_time = now
        app.save(only=[App.delete_time])
        ended = secrets.end_of_app(env, app_id)
        links.end_of_app(env, app_id)
        endpoints.end_of_app(env, app_id)
        journal.write(
            env,
            caller,
            "app.deleted",
            app.id,
            account_id=app.account_id,
            app_id=app.id,
            ended_sessions=ended,
        )
        return app


def living(app_ids: Collection[str]) -> list[str]:
    """Those of these apps that were not deleted."""
    query = App.select(App.id).where(App.id.in_(list(app_ids)), App.delete_time.is_null())
    return [app.id for app in query.order_by(App.id)]


def _living(account_id: str) -> ModelSelect[App]:
    return App.select().where((App.account == account_id) & App.delete_time.is_null())
