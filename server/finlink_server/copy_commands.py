"""The commands that copy the database: to another, or into a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
from click import progressbar

from finlink_server import command_errors, config, config_values
from finlink_server.storage import backups, copies, migrate
from finlink_server.storage.copies import TABLES, Tell
from finlink_server.storage.database import Database, DatabaseError
from finlink_server.storage.opening import open_database

_CONNECTIONS = 2


def _has_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def _check_url(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    problem = config_values.database_url_problem(url)
    if not problem and _has_password(url):
        problem = (
            "must hold no password, which everybody on this machine could see: put it into the"
            " file ~/.pgpass, or another that PGPASSFILE names"
        )
    if problem:
        raise click.BadParameter(problem)
    return url


@click.command()
@click.option(
    "--to",
    "url",
    required=True,
    callback=_check_url,
    help="Where to: postgresql://… or sqlite:///…",
)
def copy(url: str) -> None:
    """Copy the whole database into another, and compare the two row by row.

    The other one is empty, or a copy that nobody has used yet, which is replaced. It
    appears there whole or not at all. Stop serving before the last copy.
    """
    with command_errors.readable():
        with _source() as source, _opened(url) as target:
            migrate.refuse_older(source)
            if source.name == target.name:
                message = f"{url} is the database that is to be copied. Name another one."
                raise DatabaseError(message)
            with target.preparing():
                target.check()
                migrate.migrate(target)
                with _progress() as tell:
                    done = copies.copy(source, target, tell)
        for name, rows in done.rows.items():
            click.echo(f"{rows:>10,}  {name}")
        click.echo(
            f"Copied to {target.name} and compared: every row is the same. Serve from it with the"
            " same master key.",
            err=True,
        )
        if not done.is_last_word:
            message = (
                f"{source.name} was written to while it was copied, and what came then is not in"
                " the copy. Stop what serves from it, and copy again."
            )
            raise DatabaseError(message)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write everything of this moment to FILE, while others serve.

    FILE must not exist. It is a SQLite database, whatever the source is.
    """
    with command_errors.readable():
        settings = config.load()
        with _source() as database:
            migrate.refuse_older(database)
            with _progress() as tell:
                size = backups.write(database, file, tell)
        click.echo(
            f"Wrote {file}, {size:,} bytes, and found it sound. The master key"
            f" ({settings.key_path}) is not in it, and without that the file is worthless: keep a"
            " copy of the key, apart from the backups.",
            err=True,
        )


@contextmanager
def _source() -> Iterator[Database]:
    """The service's own database. Opening a file that is not there would make it."""
    settings = config.load()
    path = settings.database_path
    if not settings.on_postgres and not (path.is_file() and path.stat().st_size):
        message = f"There is no database at {path}. Set FINLINK_DATA_DIR or FINLINK_DATABASE_URL."
        raise DatabaseError(message)
    with _opened(settings.url) as database:
        yield database


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url, connections=_CONNECTIONS, is_patient=True)
    try:
        yield database
    finally:
        database.end()


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show on a terminal which table is being copied."""
    with progressbar(
        length=len(TABLES), show_pos=True, item_show_func=lambda one: one, file=sys.stderr
    ) as bar:
        names = [table.name for table in TABLES]

        def tell(name: str, rows: int) -> None:
            bar.update(names.index(name) - bar.pos, f"{name} {rows:,}")

        yield tell
