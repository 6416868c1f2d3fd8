"""What `finlink-server check` looks at. It changes nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

from finlink_server import key_file, rules, shapes, tls
from finlink_server.config import Config
from finlink_server.crypto import MasterKeyError
from finlink_server.domain import master_keys
from finlink_server.errors import FieldInvalid
from finlink_server.storage import migrate
from finlink_server.storage.database import DRIVER_ERRORS, Database
from finlink_server.storage.opening import open_database


class CheckError(Exception):
    """A check that failed; the text says why and what to do."""


def checks(config: Config) -> Sequence[tuple[str, Callable[[], str]]]:
    """What is checked, in order, and the functions that say what they found."""
    config = _with_whole_paths(config)
    return (
        ("Settings", lambda: "every one is valid"),
        ("Master key", lambda: _master_key(config)),
        ("Database", lambda: _database(config)),
        ("TLS", lambda: _tls(config)),
    )


def service_key_fields(name: str, prefixes: Sequence[str]) -> None:
    """Hold the command line to the rules that CreateServiceKey has."""
    problem = rules.name(name)
    if problem:
        raise FieldInvalid.of("--name", problem)
    many = shapes.SPECIFIC["CreateServiceKeyRequest.event_prefixes"]
    problem = many.check(prefixes) or next(filter(None, map(many.rule, prefixes)), "")
    if problem:
        raise FieldInvalid.of("--event-prefix", problem)


def _with_whole_paths(config: Config) -> Config:
    """Name files by their whole paths: in a wrong folder, a relative one looks as in the right."""
    url = config.url if config.on_postgres else f"sqlite:///{config.database_path.resolve()}"
    files = {"database_url": url, "master_key_file": config.key_path.resolve()}
    return config.model_copy(update=files)


def _master_key(config: Config) -> str:
    is_new = not config.on_postgres and not _has_content(config.database_path)
    if is_new and not config.key_path.exists():
        return f"{config.key_path} is not there yet; it is made together with the database"
    held = [master.id for master in key_file.load(config.key_path).masters]
    return f"{' and '.join(held)} in {config.key_path}"


def _database(config: Config) -> str:
    if not config.on_postgres:
        missing = _no_file(config)
        if missing:
            return missing
    database = open_database(config.url, connections=2, is_patient=True)
    database.bind()
    try:
        database.check()
        waiting = migrate.pending(database)
        if waiting:
            return f"{database.name} is sound; migrations to apply: {', '.join(waiting)}"
        _compare_key(config, database)
    except DRIVER_ERRORS as error:
        message = f"{database.name} cannot be read ({error}). Restore a backup if it is damaged."
        raise CheckError(message) from error
    else:
        return f"{database.name} is sound and up to date"
    finally:
        database.end()


def _no_file(config: Config) -> str:
    """Tell that there is no SQLite database yet; empty if there is."""
    folder = config.database_path.parent
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is no folder. Set FINLINK_DATA_DIR to one."
        raise CheckError(message)
    if not _has_content(config.database_path):
        return f"{config.database_path} is not there yet; `serve` or `migrate` makes it"
    return ""


def _has_content(database: Path) -> bool:
    """Whether there is a database; opening an empty file would make it one."""
    return database.exists() and database.stat().st_size > 0


def _compare_key(config: Config, database: Database) -> None:
    """Refuse a master key that is another database's; one that is missing is told above."""
    try:
        keyring = key_file.load(config.key_path)
    except MasterKeyError:
        return
    try:
        master_keys.adopt(database, keyring, config.key_path)
    except MasterKeyError as error:
        raise CheckError(str(error)) from error


def _tls(config: Config) -> str:
    if config.tls_cert is None or config.tls_key is None:
        return f"none; plaintext is allowed: {config.plaintext}"
    try:
        tls.check(config.tls_cert, config.tls_key, config.tls_client_ca)
    except tls.TlsError as error:
        raise CheckError(str(error)) from error
    return f"{config.tls_cert} and its key go together"
