"""The data of `serve --demo`: a customer with a sandbox app, and fresh credentials.

Made for one machine and for trying out: each start ends the credentials that the
last one printed.
"""

import json
import secrets as random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from finlink_server.bootstrap import command_line
from finlink_server.domain import accounts, apps, endpoints, secrets, service_keys, settings
from finlink_server.domain.caller import Caller, CallerKind, Role
from finlink_server.domain.document import Document, LinkSettings
from finlink_server.domain.idempotency import Once
from finlink_server.domain.redirects import Redirect
from finlink_server.env import Env
from finlink_server.plaintext import Plaintext
from finlink_server.storage.database import DatabaseError
from finlink_server.storage.models import Account, App, Property, Secret

_EMAIL = "demo@finlink.example"
_REDIRECT = "http://localhost:8000/callback"
_ISSUED = "demo_service_keys"
_EVERY_TIME = Once("", b"")
_BY = command_line("serve --demo")


@dataclass(frozen=True)
class Demo:
    """Plaintext credentials, to be printed once."""

    variables: dict[str, str]


@contextmanager
def alone(env: Env) -> Iterator[None]:
    """Refuse a second demo on this data: it would end the credentials that the first printed."""
    with ExitStack() as held:
        try:
            held.enter_context(env.database.alone("demo"))
        except DatabaseError as error:
            message = (
                f"A demo runs already on the data in {env.database.name}, and another would end"
                " the credentials that it printed. Give this one a folder of its own:"
                " FINLINK_DATA_DIR=.finlink-2"
            )
            raise DatabaseError(message) from error
        yield


def prepare(env: Env) -> Demo:
    """End the credentials of the last start, and issue new ones."""
    _end_last(env)
    account = accounts.by_email(_EMAIL) or _make_account(env)
    accounts.reinstate(env, _BY, account.id, "serve --demo")
    customer = Caller(CallerKind.ACCOUNT, _BY.call, id=account.id, account_id=account.id)
    password = _new_password(env, account)
    app = App.get_or_none((App.account == account.id) & App.delete_time.is_null())
    if app is None:
        app = apps.create(env, customer, "Demo", "Demo Shop", "SANDBOX", _EVERY_TIME)
    redirect_id = _redirect(env, customer, app)
    for row in list(Secret.select().where(Secret.app == app.id)):
        secrets.end(env, _BY, row.id, "ENDED_BY_OPERATOR", "serve --demo")
    for endpoint in endpoints.of_app(app.id):  # left over from a story that broke off
        endpoints.delete(env, customer, endpoint.id)
    secret = secrets.create(env, customer, app.id, "Demo", (), None, (), _EVERY_TIME)
    keys = {role: _make_key(env, role) for role in Role}
    _note(env, [key.row.id for key in keys.values()])
    return Demo(
        {
            "OPERATOR_KEY": keys[Role.OPERATOR].plaintext,
            "VERIFIER_KEY": keys[Role.VERIFIER].plaintext,
            "LINK_KEY": keys[Role.LINK].plaintext,
            "PUBLISHER_KEY": keys[Role.PUBLISHER].plaintext,
            "DEMO_EMAIL": _EMAIL,
            "DEMO_PASSWORD": password,
            "DEMO_APP_ID": app.id,
            "DEMO_CLIENT_SECRET": secret.plaintext,
            "DEMO_REDIRECT_ID": redirect_id,
        }
    )


def _make_key(env: Env, role: Role) -> service_keys.Created:
    prefixes = ("connection.",) if role is Role.PUBLISHER else ()
    name = f"Demo {role.value.lower()}"
    return service_keys.create(env, _BY, name, [role], prefixes, _EVERY_TIME)


def _make_account(env: Env) -> Account:
    return accounts.create(env, _BY, _EMAIL, "Demo customer", _EVERY_TIME).account


def _new_password(env: Env, account: Account) -> str:
    """Void the old password and every account token, and set a new one."""
    password = random.token_urlsafe(15)
    setup = accounts.reset_password(env, _BY, account.id)
    accounts.set_password(env, _BY, Plaintext(setup.setup_token), Plaintext(password))
    return password


def _redirect(env: Env, customer: Caller, app: App) -> str:
    """Undo what an earlier visitor left in the settings, and give a redirect's id."""
    present = settings.of_app(app.id).document.link
    mine = [entry for entry in present.redirects if entry.uri == _REDIRECT]
    wanted = mine[:1] or [Redirect("", "Demo", _REDIRECT)]
    document = Document(LinkSettings(force_auth_token=False, redirects=tuple(wanted)))
    made = settings.update(
        env, customer, app.id, document, ["*"], "", "serve --demo", validate_only=False
    )
    return made.document.link.redirects[0].id


def _end_last(env: Env) -> None:
    row = Property.get_or_none(Property.key == _ISSUED)
    for key_id in json.loads(row.value) if row else []:
        service_keys.revoke(env, _BY, key_id)


def _note(env: Env, key_ids: list[str]) -> None:
    noted = Property.insert(key=_ISSUED, value=json.dumps(key_ids)).on_conflict(
        conflict_target=[Property.key], preserve=[Property.value]
    )
    with env.transaction():
        noted.execute()
