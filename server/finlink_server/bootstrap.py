"""From settings to an environment: master key, schema, first signing keys, banks."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from typing import Any

import structlog

from finlink_server import key_file
from finlink_server.config import Config
from finlink_server.crypto import Keyring
from finlink_server.domain import (
    audit_beginning,
    bank_import,
    master_keys,
    memory,
    present_settings,
    signing_keys,
)
from finlink_server.domain.audit_chain import Chain
from finlink_server.domain.caller import Call, Caller, CallerKind
from finlink_server.env import MICROSECONDS, Env, Limits, system_clock
from finlink_server.hashing import Hasher, threads_for
from finlink_server.resolver import Resolver
from finlink_server.storage import copies, migrate
from finlink_server.storage.database import Database
from finlink_server.storage.feed import Feed
from finlink_server.storage.opening import open_database

_DAY = 24 * 3600 * MICROSECONDS
_log = structlog.get_logger("database")


def command_line(command: str) -> Caller:
    """The caller that stands in the journal for what a command did on this machine."""
    return Caller(CallerKind.COMMAND_LINE, Call(method=command), id="finlink-server")


def open_env(
    config: Config,
    now: Callable[[], int] = system_clock,
    hasher: Hasher | None = None,
    resolver: Resolver | None = None,
    *,
    prepares: bool = True,
    migrates: bool = False,
    is_command: bool = False,
) -> Env:
    """Open the database, make what is missing if this `prepares` it, and give the environment.

    PostgreSQL, from which others may be serving, is prepared by the one command that
    `migrates`. A master key is made by itself only for a database that is new and empty:
    where sealed rows exist, another key could never open them.
    """
    database = open_database(
        config.url, connections=config.limit_database_connections, is_patient=is_command
    )
    database.bind()
    prepares = prepares and (migrates or not config.on_postgres)
    with database.preparing() if prepares else nullcontext():
        if config.on_postgres:
            database.check()
        elif prepares and database.is_empty() and not config.key_path.exists():
            key_file.create(config.key_path)
        keyring = key_file.load(config.key_path)
        if prepares:
            migrate.migrate(database)
            migrate.tell_readable(database)
        else:
            migrate.refuse_older(database)
        _check_key(config, database, keyring, prepares=prepares)
        env = _environment(
            config,
            database=database,
            feed=database.new_feed(now),
            keyring=keyring,
            hasher=hasher or new_hasher(config),
            resolver=resolver or Resolver(config.webhook_allow_cidrs),
            now=now,
        )
        database.chain = Chain(keyring)
        master_keys.follow(env, config.key_path)
        if prepares:
            _chain_older(env)
        else:
            audit_beginning.refuse_unchained(env)
        memory.begin(env, config.limit_cache_bytes)
        signing_keys.begin(env)
        present_settings.begin(env)
        if prepares:
            signing_keys.make_first(env, command_line("migrate"))
            bank_import.make_first(env, command_line("migrate"))
    return env


@contextmanager
def reading(config: Config) -> Iterator[Env]:
    """Open the database as it is, and change nothing: it may be a backup, or read-only."""
    database = open_database(
        config.url, connections=config.limit_database_connections, is_patient=True, only_reads=True
    )
    try:
        keyring = key_file.load(config.key_path)
        migrate.refuse_older(database)
        master_keys.open_ring(database, keyring, config.key_path, is_new=False)
        database.chain = Chain(keyring)
        env = _environment(
            config,
            database=database,
            feed=Feed(),
            keyring=keyring,
            hasher=new_hasher(config),
            resolver=Resolver(config.webhook_allow_cidrs),
        )
        master_keys.keep_up(env, config.key_path)
        audit_beginning.refuse_unchained(env)
        yield env
    finally:
        database.end()


def _environment(config: Config, **parts: Any) -> Env:  # noqa: ANN401 - as Env has them
    """Give the parts and what the settings say."""
    return Env(
        issuer=config.issuer,
        max_sign_in_failures=config.limit_sign_in_failures,
        limits=Limits(**{one.name: getattr(config, f"limit_{one.name}") for one in fields(Limits)}),
        signing_key_age=config.signing_key_days * _DAY,
        **parts,
    )


def _chain_older(env: Env) -> None:
    """Say it aloud: whoever brings a database back to before the chains has this happen too."""
    until = audit_beginning.chain_older(env, command_line("migrate"))
    if until is not None:
        _log.warning("journal chained", until=until, database=env.database.name)


def new_hasher(config: Config) -> Hasher:
    """Make the password hasher for this machine."""
    threads = threads_for(len(os.sched_getaffinity(0)), config.workers)
    return Hasher(config.bcrypt_cost, threads, config.limit_hash_queue)


def _check_key(config: Config, database: Database, keyring: Keyring, *, prepares: bool) -> None:
    """Refuse master keys that are not those of this database."""
    with database.transaction(["master_key_id", copies.LOCK]):
        master_keys.open_ring(database, keyring, config.key_path, is_new=prepares)
        copies.take_into_use(database)
