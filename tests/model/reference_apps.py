"""Apps: at most 5 of an account."""

from __future__ import annotations

from typing import Any

from tests.model import reference_accounts as accounts
from tests.model import reference_endpoints as endpoints
from tests.model import reference_secrets as secrets
from tests.model import reference_settings as settings
from tests.model.reference import Record, World, check_etag, refuse

MOST = 5


def create(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make an app, with settings at version 1."""
    earlier = world.earlier(caller, asked)
    if earlier:
        return {"app": world.app(caller, earlier)}
    if len(living(world, caller["account_id"])) >= MOST:
        refuse("APP_LIMIT_REACHED", limit=MOST)
    app = {
        "id": world.take(said.app.id, "app"),
        "account_id": caller["account_id"],
        "display_name": asked.display_name,
        "public_name": asked.public_name,
        "environment": ("", "SANDBOX", "LIVE")[asked.environment],
        "create_time": world.seen(said.app.create_time),
        "update_time": world.seen(said.app.update_time),
        "etag": world.new_etag(said.app.etag),
    }
    world.apps[app["id"]] = app
    settings.make_first(world, caller, app)
    world.write(caller, "app.created", app["id"], of=app, environment=app["environment"])
    world.remember(caller, asked, app["id"])
    return {"app": app}


def get(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """Give one app."""
    return {"app": world.app(caller, asked.app_id)}


def page(world: World, caller: Record, asked: Any, _: Any) -> Record:
    """List apps, oldest first, without deleted ones."""
    account = accounts.get(world, caller, asked, None)["account"]
    return {"apps": living(world, account["id"])}


def update(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Change an app's display_name."""
    app = world.app(caller, asked.app.id)
    check_etag(asked.app.etag, app["etag"])
    old, new = app["display_name"], asked.app.display_name
    if new != old:
        app.update(
            display_name=new,
            update_time=world.seen(said.app.update_time),
            etag=world.new_etag(said.app.etag),
        )
        world.write(caller, "app.updated", app["id"], of=app, display_name={"old": old, "new": new})
    return {"app": app}


def delete(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Delete an app: its secrets, sessions, Link tokens and Links end in the same instant."""
    app = world.app(caller, asked.app_id)
    accounts.confirm_password(world, caller, asked.password)
    app["delete_time"] = world.seen(said.app.delete_time)
    ended = []
    for secret in secrets.living(world, app["id"]):
        session = secrets.end(world, secret, "APP_DELETED")
        ended += [session["id"]] if session else []
    for things in (world.link_tokens, world.links):
        for thing in things.values():
            is_open = thing["revoke_time"] is None and thing["expire_time"] > world.now
            if thing["app_id"] == app["id"] and is_open:
                thing["revoke_time"] = world.moment()
    endpoints.end(world, endpoints.of_app(world, app["id"]), "APP_DELETED")
    world.write(caller, "app.deleted", app["id"], of=app, ended_sessions=sorted(ended))
    return {"app": app}


def living(world: World, account_id: str) -> list[Record]:
    """An account's apps, oldest first."""
    apps = [one for one in world.apps.values() if one["account_id"] == account_id]
    return [app for app in apps if not app.get("delete_time")]
