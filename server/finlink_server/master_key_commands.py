"""The master key on the command line: `finlink-server master-key …`."""

import time
from pathlib import Path
from typing import Final

import click

from finlink_server import bootstrap, command_errors, config, key_file
from finlink_server.config import Config
from finlink_server.crypto import MasterKey, MasterKeyError
from finlink_server.domain import master_key_rotation
from finlink_server.domain.master_key_rotation import LOCK, Progress
from finlink_server.domain.resealing import Tally
from finlink_server.env import Env
from finlink_server.storage.database import DatabaseError

_MOST_NAMED: Final = 20
_TELL_EVERY: Final = 2.0  # seconds


@click.group("master-key")
def master_key() -> None:
    """The key under which everything secret is sealed."""


@master_key.command("create")
@click.argument("file", type=click.Path(path_type=Path))
def create(file: Path) -> None:
    """Write a new master key to FILE, which must not exist."""
    with command_errors.readable():
        key_file.create(file)
        click.echo(
            f"Made master key {key_file.load(file).id} in {file}. Keep a copy apart from the"
            " database: without it the database is worthless.",
            err=True,
        )


@master_key.command("rotate")
def rotate() -> None:
    """Replace the master key while others serve, and seal everything anew.

    A file that holds one key gets a new one before it. A file that cannot be written, or
    that several machines have, is to hold the new key's line before the old one's, on all
    of them, before this is run on one. Broken off, it goes on when it is run again.
    """
    with command_errors.readable():
        settings = config.load()
        path = settings.database_path
        if not settings.on_postgres and not (path.is_file() and path.stat().st_size):
            message = f"There is no database at {path}. Set FINLINK_DATA_DIR."
            raise DatabaseError(message)
        env = bootstrap.open_env(settings, prepares=False, is_command=True)
        try:
            with env.database.alone(LOCK):
                env.keyring.learn()  # what was read before it was alone may be so no more
                if _is_over(env):
                    env.database.overwrite()
                    replaced, tally = env.keyring.standing.epochs[-2].master_id, None
                else:
                    replaced, tally = _rotate(env, settings)
        finally:
            env.end()
        _report(settings, env, replaced, tally)


def _is_over(env: Env) -> bool:
    """Whether the file is still that of a rotation of which nothing is left to do."""
    first, *others = (master.id for master in env.keyring.masters)
    standing = env.keyring.standing
    replaced = {epoch.master_id for epoch in standing.epochs[:-1]}
    is_left = standing.rotating_from or first != standing.id
    return not is_left and bool(others) and replaced.issuperset(others)


def _rotate(env: Env, settings: Config) -> tuple[str, Tally]:
    caller = bootstrap.command_line("master-key rotate")
    if env.keyring.standing.rotating_from:
        _say(f"Going on with the rotation to master key {env.keyring.id}.")
    else:
        master_key_rotation.begin(env, caller, _new_key(env, settings.key_path))
        _say(f"From now on master key {env.keyring.id} seals.")
    replaced = env.keyring.standing.rotating_from
    return replaced, master_key_rotation.go_on(env, caller, Progress(_say, _Teller()))


def _new_key(env: Env, path: Path) -> MasterKey:
    """The key to rotate to: the first in the file, or one that is made and put there."""
    held = env.keyring.masters
    if len(held) == 1:
        if not key_file.is_writable(path):
            message = (
                f"{path} cannot be written. Make a key with `finlink-server master-key create`"
                " elsewhere, put its line before the old one's wherever this database is served,"
                " and run this again."
            )
            raise MasterKeyError(message)
        key_file.prepend(path)
        env.keyring.hold(key_file.load(path).masters)
        _say(f"Wrote master key {env.keyring.masters[0].id} to {path}, before the present one.")
    elif held[0].id == env.keyring.id:
        others = " and ".join(master.id for master in held[1:])
        message = (
            f"The first key in {path}, {env.keyring.id}, seals already. To rotate again, take the"
            f" line of {others} out; if that is the new key, put it first."
        )
        raise MasterKeyError(message)
    return env.keyring.masters[0]


def _report(settings: Config, env: Env, replaced: str, tally: Tally | None) -> None:
    if tally:
        _report_rows(tally)
    else:
        _say(
            f"The rotation to master key {env.keyring.id} is over; another begins when the file"
            " holds only that one, or a new one before it."
        )
    _say(
        f"Nothing in {env.database.name} needs master key {replaced} any more: take its line, the"
        f" last, out of {settings.key_path} wherever that is. Destroy it when no backup is left"
        " that was made before the rotation was over. Page tokens from before are refused then,"
        " and watchers begin anew."
    )


def _report_rows(tally: Tally) -> None:
    for name in tally.broken[:_MOST_NAMED]:
        _say(f"No key opens {name}: it was altered before, and is left as it is.")
    if len(tally.broken) > _MOST_NAMED:
        _say(f"… and {len(tally.broken) - _MOST_NAMED:,} more.")
    _say(f"Sealed {tally.rows:,} rows anew.")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


class _Teller:
    """Says from time to time how far it is."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, name: str, rows: int) -> None:
        if time.monotonic() - self._told > _TELL_EVERY:
            _say(f"{rows:>10,}  {name}")
            self._told = time.monotonic()
