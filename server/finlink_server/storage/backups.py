"""Backups: one file of SQLite that holds everything of one moment, whatever the database is.

Made beside its place and moved there when it is whole and on the disk.
"""

import glob
import os
import secrets
from pathlib import Path

import pysqlite3 as sqlite_driver

from finlink_server.storage import copies, migrate
from finlink_server.storage.copies import Tell
from finlink_server.storage.database import Database, DatabaseError
from finlink_server.storage.sqlite import SqliteDatabase, connect_reader


def write(database: Database, file: Path, tell: Tell) -> int:
    """Write a backup to a file that must not exist, and check it; its size in bytes."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    if file.exists():
        _refuse_to_overwrite(file)
    try:
        if isinstance(database, SqliteDatabase):
            _copy_pages(database.path, draft)
        else:
            _copy_rows(database, draft, tell)
        _finish(draft)
        _move(draft, file)
        _sync(file.parent, os.O_RDONLY)
    except FileExistsError:
        _refuse_to_overwrite(file)
    except (OSError, sqlite_driver.Error) as error:
        message = f"The backup cannot be written to {file}: {error}."
        raise DatabaseError(message) from error
    finally:
        for left in file.parent.glob(f"{glob.escape(draft.name)}*"):
            left.unlink()
    return file.stat().st_size


def _refuse_to_overwrite(file: Path) -> None:
    message = f"{file} exists already. A backup overwrites nothing: name another file."
    raise DatabaseError(message)


def _move(draft: Path, file: Path) -> None:
    """Give it its name, unless somebody else has."""
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links: then take the place first
        with file.open("x"):
            draft.replace(file)


def _copy_pages(path: Path, draft: Path) -> None:
    """In one step, which reads one moment; writers go on meanwhile, as SQLite's WAL lets them."""
    draft.touch(mode=0o600, exist_ok=False)
    source, copy = connect_reader(path), sqlite_driver.connect(str(draft))
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _copy_rows(database: Database, draft: Path, tell: Tell) -> None:
    draft.touch(mode=0o600, exist_ok=False)
    copy = SqliteDatabase(draft)
    try:
        migrate.migrate(copy)
        copies.copy(database, copy, tell)
    finally:
        copy.end()


def _finish(draft: Path) -> None:
    """Make one file of it that needs no other, find no damage, and see it onto the disk."""
    copy = sqlite_driver.connect(str(draft), isolation_level=None)
    try:
        copy.execute("PRAGMA journal_mode = DELETE")
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        copy.close()
    if verdict != "ok":
        message = f"The database is damaged ({verdict}), and so would the backup be."
        raise DatabaseError(message)
    _sync(draft, os.O_RDWR)


def _sync(path: Path, how: int) -> None:
    opened = os.open(path, how)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
