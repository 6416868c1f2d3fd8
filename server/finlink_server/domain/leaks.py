"""Leaked client secrets: whoever holds one can end it."""

from typing import Final

from finlink_server import credentials
from finlink_server.domain import hierarchy, journal, rates, secret_state, secrets
from finlink_server.domain.caller import Caller
from finlink_server.env import Env
from finlink_server.plaintext import Plaintext
from finlink_server.storage.models import App, Secret

_WINDOW: Final = 60  # seconds


def report(env: Env, caller: Caller, client_secret: Plaintext) -> None:
    """End a secret that was found where it should not be; tell nobody whether there is one."""
    plain = credentials.parse_client_secret(client_secret.reveal())
    address = caller.call.client_address
    most, most_of_it = env.limits.leak_reports, env.limits.leak_reports_of_secret
    lookup = plain.lookup if plain else ""
    windows = (
        rates.window(env, "leak", most, _WINDOW, address),
        rates.window(env, "leak", most_of_it, _WINDOW, address, lookup),
    )
    # Once more and before: who is refused does not wait for his turn to write.
    rates.check(env, windows)
    meant = _find(env, plain) if plain else None
    parents = hierarchy.above_sessions(meant.app.account_id, meant.app_id) if meant else ()
    locks = [window.key for window in windows]
    with env.transaction(*locks, meant.id if meant else "", under=parents):
        rates.check(env, windows)
        rates.count(env, windows)
        secret = _find(env, plain) if plain else None
        if secret is None or secret_state.state(env, secret) not in {"ACTIVE", "RETIRING"}:
            return
        ended = secrets.finish(env, secret, "LEAKED")
        journal.write(
            env,
            caller,
            "secret.leaked",
            secret.id,
            account_id=secret.app.account_id,
            app_id=secret.app_id,
            hint=secret.hint,
            ended_session=ended.id if ended else None,
        )


def _find(env: Env, plain: credentials.Credential) -> Secret | None:
    row: Secret | None = (
        Secret.select(Secret, App)
        .join(App)
        .where((Secret.lookup == plain.lookup) & App.delete_time.is_null())
        .get_or_none()
    )
    stored = (
        env.keyring.open(row.sealed_hash, secret_state.hash_place(row.id))
        if row
        else credentials.NOBODY
    )
    return row if plain.matches(stored) else None
