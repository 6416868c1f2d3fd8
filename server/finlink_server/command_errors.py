"""What stops a command, said to the person who typed it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from finlink_server import app
from finlink_server.config import ConfigError
from finlink_server.crypto import MasterKeyError
from finlink_server.errors import Refusal
from finlink_server.metrics import MetricsError
from finlink_server.storage.database import DRIVER_ERRORS, DatabaseError
from finlink_server.supervisor import WorkerError
from finlink_server.tracing import TracesError

# What is raised with sentences for whoever typed the command.
_SAYS_WHY = (
    ConfigError,
    MasterKeyError,
    DatabaseError,
    app.ListenError,
    WorkerError,
    MetricsError,
    TracesError,
    Refusal,
)


@contextmanager
def readable() -> Iterator[None]:
    """Print what stops a command as sentences, one a line, and exit 1."""
    try:
        yield
    except _SAYS_WHY as error:
        raise click.ClickException(str(error)) from error
    except DRIVER_ERRORS as error:
        message = f"The database cannot be used: {error}. `finlink-server check` looks closer."
        raise click.ClickException(message) from error
