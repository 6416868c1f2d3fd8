"""A data directory with customers in it: secrets, sessions, tokens, and as many of them as told.

Written past the calls, which would take minutes, but in the form in which they write.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from finlink_server import bootstrap, config, credentials, log, tokens
from finlink_server.domain import account_tokens, logins, secret_state, service_keys, signing_keys
from finlink_server.domain.caller import SCOPES, Caller, Role
from finlink_server.domain.document import Document, LinkSettings
from finlink_server.domain.idempotency import Once
from finlink_server.domain.redirects import Redirect
from finlink_server.domain.settings import _insert as insert_settings
from finlink_server.env import MICROSECONDS, Env
from finlink_server.hashing import Hasher
from finlink_server.storage import models
from finlink_server.storage.models import Account, App, Secret

_SECRETS_OF_AN_APP = 5
_APPS_OF_AN_ACCOUNT = 5
_HOUR = 3600 * MICROSECONDS
# Ended within the last 30 days, as the newest session of all is.
_STORED = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO session (
    id, secret_id, app_id, account_id, environment, scopes, create_time, expire_time,
    expire_reason, end_time, end_reason, superseded_by
)
SELECT printf('ses_00%024d', n), secret_id, app_id, account_id, environment, scopes,
    create_time - ? - n * ?, expire_time - ? - n * ?, expire_reason,
    create_time - ? - n * ? + 1000000, 'SUPERSEDED', id
FROM number, (SELECT * FROM session ORDER BY id DESC LIMIT 1)
"""
_STORED_JOURNAL = """
INSERT INTO journal (
    id, type, event, time, account_id, app_id, actor_kind, actor_id, target_id, facts,
    call_id, client_trace_id, client_address, count
)
SELECT replace(id, 'ses', 'evt'), 'session.started', 'session.started', create_time, account_id,
    app_id, 'SESSION', id, id, '{"secret_id":"' || secret_id || '","superseded":"' || id || '"}',
    replace(id, 'ses', 'call'), '', '127.0.0.1', 1
FROM session ORDER BY create_time
"""
# Webhooks have told of all that.
_TOLD = """
INSERT INTO property (key, value) SELECT 'webhook_cursor', coalesce(max(seq), 0) FROM journal
"""


@dataclass(frozen=True)
class Population:
    """Who lives in a data directory."""

    path: Path
    keys: dict[Role, str]
    account_token: str
    app_id: str
    redirect_id: str
    # Of different secrets, so that no login ends a session whose token is looked at.
    client_secrets: list[tuple[str, str]]  # client_id, client_secret
    session_tokens: list[str]


def settle(path: Path, *, tokens_in_turn: int, stored: int = 0) -> Population:
    """Make twice as many secrets, each with an active session: to look at, and to log in with.

    `stored` is how many sessions there are beside them, which have ended.
    """
    secrets = 2 * tokens_in_turn
    settings = config.load({"FINLINK_DATA_DIR": str(path)})
    log.start("error", "json", io.StringIO())
    env = bootstrap.open_env(settings, hasher=Hasher(cost=4, threads=1, queue=1))
    by = bootstrap.command_line("bench")
    with env.transaction():
        apps = _apps(env, -(-secrets // _SECRETS_OF_AN_APP))
        plain = [credentials.CLIENT_SECRET_TEST.new() for _ in range(secrets)]
        rows = [
            _secret(env, apps[index // _SECRETS_OF_AN_APP], one) for index, one in enumerate(plain)
        ]
        known = [logins.find_secret(env, one.lookup) for one in plain]
        sessions = [logins._insert(env, one, ()) for one in known if one is not None]
        for session in sessions:
            session.save(force_insert=True)
        redirect_id = _settings(env, by, apps)
        if stored:
            _store(env, stored)
        env.database.execute(_TOLD)
        token = account_tokens.begin(env, apps[0].account_id)
    signer = signing_keys.in_force(env, tokens.Kind.SESSION)
    population = Population(
        path=path,
        keys={role: _key(env, by, role) for role in Role},
        account_token=account_tokens.issue(env, token).token,
        app_id=apps[0].id,
        redirect_id=redirect_id,
        client_secrets=[(row.app_id, one.text) for row, one in zip(rows, plain, strict=True)][
            tokens_in_turn:
        ],
        session_tokens=[
            signing_keys.sign(env, signer, logins._claims(one)) for one in sessions[:tokens_in_turn]
        ],
    )
    env.end()
    return population


def _apps(env: Env, count: int) -> list[App]:
    accounts = []
    apps = []
    now = env.now()
    for index in range(count):
        if index % _APPS_OF_AN_ACCOUNT == 0:
            email = f"customer{index}@example.com"
            account = Account.create(
                id=env.new_id("acc"), email=email, email_key=email, display_name="", create_time=now
            )
            accounts.append(account)
        apps.append(
            App.create(
                id=env.new_id("app"),
                account=accounts[-1].id,
                display_name="Shop (internal)",
                public_name="Shop",
                environment="SANDBOX",
                create_time=now,
                update_time=now,
            )
        )
    return apps


def _secret(env: Env, app: App, plain: credentials.Credential) -> Secret:
    secret_id = env.new_id("sec")
    row = Secret.create(
        id=secret_id,
        app=app,
        lookup=plain.lookup,
        sealed_hash=env.keyring.seal(plain.hash(), secret_state.hash_place(secret_id)),
        hint=plain.hint,
        display_name="backend",
        scopes=" ".join(SCOPES),
        allowed_cidrs="[]",
        create_time=env.now(),
    )
    assert isinstance(row, Secret)
    return row


def _settings(env: Env, by: Caller, apps: list[App]) -> str:
    """Give each app its settings; the first has a redirect, whose id this gives."""
    redirect_id = env.new_id("rdr")
    redirect = Redirect(id=redirect_id, display_name="Shop", uri="https://shop.example/back")
    models.Redirect.create(id=redirect_id, app=apps[0].id)
    for app in apps:
        link = LinkSettings(redirects=(redirect,)) if app is apps[0] else LinkSettings()
        insert_settings(env, by, app.id, 1, Document(link=link), comment="")
    return redirect_id


def _store(env: Env, count: int) -> None:
    """Fill up with what a busy month leaves: sessions, and what the journal says of each."""
    step = 30 * 24 * _HOUR // count
    env.database.execute(_STORED, count, *(_HOUR, step) * 3)
    env.database.execute(_STORED_JOURNAL)


def _key(env: Env, by: Caller, role: Role) -> str:
    prefixes = ("connection.",) if role is Role.PUBLISHER else ()
    return service_keys.create(env, by, "bench", [role], prefixes, Once("", b"")).plaintext
