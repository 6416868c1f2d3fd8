"""The database: how its connections are set, in every thread that uses one."""

import threading

import pytest
from tests import people
from tests.races import Race

pytestmark = pytest.mark.sqlite("how its connections are set")

PRAGMAS = {
    "journal_mode": "wal",  # readers never wait for the writer
    "synchronous": 2,  # FULL: what was committed is on the disk
    "foreign_keys": 1,
    "busy_timeout": 5000,
}


@pytest.fixture
def settings_by_thread(env, monkeypatch):
    """How the connection of each thread is set that runs a statement in the server."""
    found: dict[str, dict[str, object]] = {}
    run = env.database.peewee.execute_sql

    def note(sql: str, *arguments: object) -> object:
        thread = threading.current_thread().name
        if thread not in found:
            found[thread] = {name: run(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
        return run(sql, *arguments)

    monkeypatch.setattr(env.database.peewee, "execute_sql", note)
    return found


def test_what_is_committed_is_on_the_disk_whichever_thread_commits(account, settings_by_thread):
    app = people.new_app(account)
    secret = people.new_secret(account, app)
    Race(16, lambda _: account.accounts.GetApp(app_id=app.id))
    secret.start()
    account.sign_in()

    pools = {name.partition("_")[0] for name in settings_by_thread}
    assert {"call", "sign-in"} <= pools
    assert all(settings == PRAGMAS for settings in settings_by_thread.values())


def test_a_new_thread_gets_such_a_connection_too(env, settings_by_thread):
    thread = threading.Thread(target=lambda: env.database.execute("SELECT 1"), name="new")
    thread.start()
    thread.join()

    assert settings_by_thread["new"] == PRAGMAS
