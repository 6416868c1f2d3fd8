"""The catalogue on the command line: `finlink-server banks …`."""

from pathlib import Path

import click

from finlink_server import bootstrap, command_errors, config
from finlink_server.domain import bank_import
from finlink_server.domain.bank_import import Count


@click.group("banks")
def banks() -> None:
    """The catalogue of banks."""


@banks.command("import")
@click.option(
    "--country",
    "countries",
    multiple=True,
    metavar="CC",
    help="This country's registry only, such as ES; repeat it for more than one.",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def import_command(countries: tuple[str, ...], file: Path | None) -> None:
    """Bring the catalogue to what the registries say, or apply the operator's FILE.

    The registries come with the installed version of the package schwifty. FILE is JSON
    and says what no registry does: products, maturity, logo, corrections of names, banks
    that no registry has. Importing twice changes nothing more.
    """
    if file and countries:
        message = "--country is for the registries; a FILE names the country of each bank."
        raise click.UsageError(message)
    with command_errors.readable():
        env = bootstrap.open_env(config.load(), is_command=True)
        caller = bootstrap.command_line("banks import")
        if file:
            counts = bank_import.import_file(env, caller, file)
        else:
            wanted = [country.upper() for country in countries]
            counts = bank_import.import_registry(env, caller, wanted)
        env.end()
    _print(counts, "records" if file is None else "")


def _print(counts: list[Count], records: str) -> None:
    """Print a line for each country, and the sums."""
    every = Count(
        "all",
        records=sum(count.records for count in counts),
        banks=sum(count.banks for count in counts),
        added=sum(count.added for count in counts),
        changed=sum(count.changed for count in counts),
        removed=sum(count.removed for count in counts),
    )
    _line("", records, "banks", "added", "changed", "removed")
    for count in [*counts, every] if len(counts) > 1 else counts:
        _line(
            count.country_code,
            count.records if records else "",
            count.banks,
            count.added,
            count.changed,
            count.removed,
        )


def _line(name: str, *cells: object) -> None:
    click.echo(f"{name:<4}" + "".join(f"{cell:>9}" for cell in cells), err=True)
