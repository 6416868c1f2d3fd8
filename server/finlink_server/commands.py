"""The command line of the server: `finlink-server …`."""

import os
import sys

import click

from finlink_server import (
    audit_commands,
    bank_commands,
    bootstrap,
    check,
    command_errors,
    config,
    copy_commands,
    log,
    master_key_commands,
    serving,
)
from finlink_server.bootstrap import command_line
from finlink_server.crypto import MasterKeyError
from finlink_server.domain import service_keys
from finlink_server.domain.caller import Role
from finlink_server.domain.idempotency import Once
from finlink_server.storage.database import DatabaseError

_FAILED = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finlink-config")
def main() -> None:
    """Finlink Config: the service that owns an app's whole API configuration.

    Settings come from the environment, FINLINK_…; the README has the table.
    """
    log.start("info", "auto")  # to standard error: what a command answers stands alone
    os.umask(0o077)  # what this makes, the database above all, is nobody else's to read


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    with command_errors.readable():
        settings = config.load()
        env = bootstrap.open_env(settings, migrates=True, is_command=True)
        env.end()
        where = env.database.name if settings.on_postgres else settings.database_path.resolve()
        click.echo(f"{where} is up to date.", err=True)


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
        env = bootstrap.open_env(config.load(), is_command=True)
        wanted = [Role(role.upper()) for role in roles]
        check.service_key_fields(name, prefixes)
        caller = command_line("service-key create")
        created = service_keys.create(env, caller, name, wanted, prefixes, Once("", b""))
        env.end()
        click.echo(f"Made {created.row.id}. Keep the key: it is shown this once.", err=True)
        click.echo(created.plaintext)


main.add_command(serving.serve)
main.add_command(serving.worker)
main.add_command(audit_commands.audit_group)
main.add_command(bank_commands.banks)
main.add_command(copy_commands.copy)
main.add_command(copy_commands.backup)
main.add_command(master_key_commands.master_key)


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
