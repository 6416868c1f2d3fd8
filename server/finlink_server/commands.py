"""The command line of the server: `finlink-server …`."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from finlink_server import (
    app,
    bank_commands,
    bootstrap,
    check,
    command_errors,
    config,
    crypto,
    demo,
    log,
)
from finlink_server.bootstrap import command_line
from finlink_server.config import Config
from finlink_server.crypto import MasterKeyError
from finlink_server.domain import service_keys
from finlink_server.domain.caller import Role
from finlink_server.domain.idempotency import Once
from finlink_server.storage.database import DatabaseError

_FAILED = 1
_OPEN_FILES = 65_536
_STOPPING = (signal.SIGTERM, signal.SIGINT)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finlink-config")
def main() -> None:
    """Finlink Config: the service that owns an app's whole API configuration.

    Settings come from the environment, FINLINK_…; the README has the table.
    """
    os.umask(0o077)  # what this makes, the database above all, is nobody else's to read


@main.command()
@click.option("--demo", "with_demo", is_flag=True, help="Make demo data; SQLite on loopback only.")
def serve(*, with_demo: bool) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish."""
    with command_errors.readable():
        settings = config.load()
        log.start(settings.log_level, settings.log_format)
        if with_demo and not settings.on_loopback:
            message = f"--demo serves on loopback only, and FINLINK_LISTEN is {settings.listen}."
            raise click.ClickException(message)
        if with_demo:
            settings = settings.for_demo()
        env = bootstrap.open_env(settings)  # a long migration can be broken off: nothing is lost
        # Waited for and not handled: a handler would set an event, whose lock the waiting
        # main thread may hold at that very moment. Blocked before the first thread starts,
        # so that it is blocked in all of them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        _allow_open_files()
        running = app.start(env, settings)
        if with_demo:
            _print_demo(demo.prepare(env), settings, running.port)
        else:
            click.echo(f"Serving on {_address(settings, running.port)}.", err=True)
        signal.sigwait(_STOPPING)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # a second one ends it at once
        click.echo("Stopping: running calls may finish.", err=True)
        running.stop(settings.drain_seconds)


def _allow_open_files() -> None:
    """Let calls and webhooks have sockets: of old, a process is given 1,024 unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    with command_errors.readable():
        settings = config.load()
        bootstrap.open_env(settings).database.close()
        click.echo(f"{settings.database_path.resolve()} is up to date.", err=True)


@main.group("service-key")
def service_key() -> None:
    """Credentials of the platform's own services."""


@service_key.command("create")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    help="What it may do; repeat it for more than one.",
)
@click.option("--event-prefix", "prefixes", multiple=True, help="For PUBLISHER: connection.")
def service_key_create(name: str, roles: tuple[str, ...], prefixes: tuple[str, ...]) -> None:
    """Make a service key, and print the key alone on standard output."""
    with command_errors.readable():
        env = bootstrap.open_env(config.load())
        wanted = [Role(role.upper()) for role in roles]
        check.service_key_fields(name, prefixes)
        caller = command_line("service-key create")
        created = service_keys.create(env, caller, name, wanted, prefixes, Once("", b""))
        env.database.close()
        click.echo(f"Made {created.row.id}. Keep the key: it is shown this once.", err=True)
        click.echo(created.plaintext)


@main.group("master-key")
def master_key() -> None:
    """The key under which everything secret is sealed."""


@master_key.command("create")
@click.argument("file", type=click.Path(path_type=Path))
def master_key_create(file: Path) -> None:
    """Write a new master key to FILE, which must not exist."""
    with command_errors.readable():
        crypto.create_master_key(file)
        keyring = crypto.load_master_key(file)
        click.echo(
            f"Made master key {keyring.id} in {file}. Keep a copy apart from the database: without"
            " it the database is worthless.",
            err=True,
        )


main.add_command(bank_commands.banks)


@main.command("check")
def check_command() -> None:
    """Check settings, master key, database and TLS files, and change nothing."""
    with command_errors.readable():
        settings = config.load()
    failed = False
    for what, run in check.checks(settings):
        try:
            finding = run()
        except (MasterKeyError, DatabaseError, check.CheckError) as error:
            failed = True
            click.echo(f"✗ {what}: {error}")
        else:
            click.echo(f"✓ {what}: {finding}")
    sys.exit(_FAILED if failed else 0)


def _address(settings: Config, port: int) -> str:
    return f"{settings.listen.rpartition(':')[0]}:{port}"


def _print_demo(data: demo.Demo, settings: Config, port: int) -> None:
    address = _address(settings, port)
    say: Callable[[str], None] = click.echo
    say(f"Finlink Config is serving on {address}; Ctrl-C stops it.")
    say(f"Its data is in {settings.data_dir.resolve()}.")
    say("")
    say("# Paste this into a second shell. These credentials end when the demo starts again.")
    say('export PATH="$PWD/.venv/bin:$PATH"')
    say(f"export TARGET='{address}'")
    for name, value in data.variables.items():
        say(f"export {name}='{value}'")
    say("")
    say("# The whole story, step by step:")
    root = settings.tls_cert.resolve() if settings.tls_cert else None
    say('finlink demo --target "$TARGET"' + (f" --tls-root '{root}'" if root else ""))
    say("")
    say("# Or call by call, as the README goes on to do:")
    trust = f"-cacert '{root}'" if root else "-plaintext"
    say(f'grpcurl {trust} "$TARGET" list')
    sys.stdout.flush()
