"""What stops a command, said to the person who typed it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from finlink_server import app
from finlink_server.config import ConfigError
from finlink_server.crypto import MasterKeyError
from finlink_server.errors import Refusal
from finlink_server.storage.database import DatabaseError


@contextmanager
def readable() -> Iterator[None]:
    """Print what stops a command as sentences, one a line, and exit 1."""
    try:
        yield
    except (ConfigError, MasterKeyError, DatabaseError, app.ListenError, Refusal) as error:
        raise click.ClickException(str(error)) from error
