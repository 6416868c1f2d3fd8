"""The journal on the command line: `finlink-server audit …`."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from finlink_server import bootstrap, command_errors, config, rules
from finlink_server.domain import audit, audit_rows
from finlink_server.domain.audit import End, Problem, Verdict
from finlink_server.domain.audit_chain import SYSTEM
from finlink_server.domain.journal import Filter
from finlink_server.env import MICROSECONDS, Env
from finlink_server.errors import Refusal
from finlink_server.storage.database import DatabaseError, Lost

_HEAD: Final = re.compile(r"([1-9][0-9]*):([0-9a-f]{64})")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

Heads = dict[str, End]


def _read_time(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Read a time of RFC 3339; a date is its beginning, and without an offset it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("must be a time such as 2026-11-22T10:00:00Z") from error
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _BEGINNING
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def _check_account(_context: click.Context, _parameter: click.Parameter, account: str) -> str:
    problem = rules.identifier("acc")(account) if account else ""
    if problem:
        raise click.BadParameter(problem)
    return account


def _read_head(_context: click.Context, _parameter: click.Parameter, text: str) -> End | None:
    found = _HEAD.fullmatch(text)
    if text and not found:
        raise click.BadParameter("must be a number of rows, `:` and 64 hexadecimal digits")
    return End(int(found[1]), bytes.fromhex(found[2])) if found else None


def _read_heads(_context: click.Context, _parameter: click.Parameter, file: Path | None) -> Heads:
    """Read the heads of an export; its other lines are rows."""
    heads = {}
    # Not by splitlines(): a row's text may hold what that takes for the end of one.
    for line in filter(None, file.read_text("utf-8").split("\n")) if file else []:
        try:
            told = json.loads(line)
            if "head" in told:  # which no row of the journal has, whatever stands in its columns
                end = End(told["row_count"], bytes.fromhex(told["head"]))
                heads[told["account_id"]] = end
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            problem = f"is no file that `audit export` wrote: {audit.shown(line)}"
            raise click.BadParameter(problem) from error
    if file and not heads:
        raise click.BadParameter(f"{file} has no head of a chain in it")
    return heads


_account = click.option(
    "--account", default="", callback=_check_account, metavar="ID", help="This one only: acc_…"
)


@click.group("audit")
def audit_group() -> None:
    """The journal: who did what, and that nobody altered it since."""


@audit_group.command("verify")
@_account
@click.option(
    "--head",
    callback=_read_head,
    default="",
    metavar="ROWS:MAC",
    help="A head that was printed before, of the account or else of the system's chain.",
)
@click.option(
    "--heads",
    callback=_read_heads,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What `audit export` wrote before: its heads are compared.",
)
def verify(account: str, head: End | None, heads: Heads) -> None:
    """Find every row that was altered, removed, added or moved, or cut off at the end.

    Says what is wrong with the first such row of each chain, and exits with 1. Changes
    nothing, and others may serve meanwhile. An old copy of the database that was put back
    is found by a head that was kept elsewhere.
    """
    with command_errors.readable(), _environment() as env:
        kept = heads | ({account: head} if head else {})
        chains = [account] if account else _chains(env, heads)
        rows = count = bad = 0
        end = End(0, b"")
        for verdict in (_verify(env, chain, kept.get(chain)) for chain in chains):
            rows, count = rows + verdict.rows, count + 1
            end = verdict.end if verdict.chain in {SYSTEM, account} else end
            if verdict.problem:
                bad += 1
                click.echo(_line(verdict))
        for moment, facts in audit_rows.chainings(env):
            click.echo(
                f"Rows from before there were chains were chained at {audit.shown(_text(moment))}:"
                f" {audit.shown(facts)}. The chains do not tell what was done to them before.",
                err=True,
            )
    told = f"{rows:,} rows of {count:,} {'chain' if count == 1 else 'chains'}"
    if bad:
        click.echo(f"{told}: {bad:,} are not as they were written.", err=True)
        sys.exit(1)
    whose = "its head" if account else "the head of the system's chain"
    click.echo(f"{told} are as they were written; {whose} is {end.rows}:{end.mac.hex()}.")


@audit_group.command("export")
@_account
@click.option(
    "--since",
    default="",
    callback=_read_time,
    metavar="TIME",
    help="Rows from this time on: 2026-11-22, or 2026-11-22T10:00:00Z.",
)
@click.option("--until", default="", callback=_read_time, metavar="TIME", help="Rows before it.")
def export(account: str, since: int | None, until: int | None) -> None:
    """Print rows as JSON, one a line, the oldest first, and then the head of each chain.

    Keep the heads elsewhere: `audit verify --heads FILE` compares with them later. They are
    of the same moment as the rows, and of the whole chain whatever times are asked for.
    """
    wanted = Filter(account_id=account, start_time=since, end_time=until)
    with command_errors.readable(), _environment() as env, env.database.snapshot():
        for row in audit_rows.export(env, wanted):
            _print({**row, "time": _text(row["time"])})
        now = _text(env.now())
        for chain in [account] if account else audit_rows.chains(env):
            end = audit.end_of(env, chain)
            if end is None:
                problem = f"{_name(chain)} has no head that is whole: run `audit verify`."
                click.echo(problem, err=True)
            else:
                told = {"time": now, "account_id": chain, "row_count": end.rows}
                _print({**told, "head": end.mac})


@contextmanager
def _environment() -> Iterator[Env]:
    """Open the database as it is, and change nothing."""
    settings = config.load()
    path = settings.database_path
    if not settings.on_postgres and not (path.is_file() and path.stat().st_size):
        message = f"There is no database at {path}. Set FINLINK_DATA_DIR or FINLINK_DATABASE_URL."
        raise DatabaseError(message)
    with bootstrap.reading(settings) as env:
        yield env


def _verify(env: Env, chain: str, kept: End | None) -> Verdict:
    """Verify a chain. One that cannot be read keeps nobody from the others."""
    try:
        return audit.verify(env, chain, kept)
    except (DatabaseError, Refusal, Lost):  # so for every chain
        raise
    except Exception as error:  # noqa: BLE001 - whatever somebody wrote there
        sentence = f"{type(error).__name__}: {audit.shown(str(error))}"
        return Verdict(chain, problem=Problem("UNREADABLE", sentence, None))


def _chains(env: Env, heads: Heads) -> Iterator[str]:
    """Every chain there is, and those that there were."""
    seen = set()
    for chain in audit_rows.chains(env):
        if chain in heads:
            seen.add(chain)
        yield chain
    yield from sorted(heads.keys() - seen)


def _line(verdict: Verdict) -> str:
    """What is wrong with a chain, on one line whatever somebody wrote into a row."""
    assert verdict.problem  # noqa: S101 - for the type checker
    kind, sentence, row = verdict.problem.kind, verdict.problem.sentence, verdict.problem.row
    where = ""
    if row:
        said = row.said
        about = [audit.shown(one) for one in (said["id"], _text(said["time"]), said["type"])]
        where = f" seq {row.seq} {' '.join(about)}:"
    more = f" ({verdict.more:,} more problems)" if verdict.more else ""
    return f"{_name(verdict.chain)}: {kind}{where} {sentence}{more}"


def _name(chain: str) -> str:
    return audit.shown(chain) if chain else "system"


def _print(told: dict[str, Any]) -> None:
    line = json.dumps(told, ensure_ascii=False, default=_plain)
    click.echo(line.encode(errors="backslashreplace"))  # as JSON escapes what is no character


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, (bytes, memoryview)) else repr(value)


def _text(micros: object) -> object:
    """A time in RFC 3339; what is none stays as it is."""
    try:
        moment = datetime.fromtimestamp(int(str(micros)) // MICROSECONDS, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(str(micros)) % MICROSECONDS:06}Z"
    except (ValueError, OverflowError, OSError):
        return micros
