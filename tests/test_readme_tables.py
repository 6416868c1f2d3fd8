"""The tables and numbers of the README and its pages: what they say is what the server does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields

import click
import pytest
from tests import readme

from finlink.config import v1
from finlink_server import access, commands, credentials, errors
from finlink_server.domain import document, link_decision, link_query
from finlink_server.domain.caller import Role
from finlink_server.domain.link_parameters import Parameters

FORMATS = [
    credentials.CLIENT_SECRET_LIVE,
    credentials.CLIENT_SECRET_TEST,
    credentials.SERVICE_KEY,
    credentials.SETUP_TOKEN,
]


def test_the_checksum_goes_as_shown():
    [block] = readme.blocks(readme.section("Credentials"), "python")
    defined: dict[str, object] = {}
    exec(block.text, defined)  # noqa: S102 - it is ours
    is_genuine = defined["is_genuine"]
    assert callable(is_genuine)

    for one in FORMATS:
        plain = one.new().text
        assert is_genuine(plain)
        assert not is_genuine(plain[:-1] + ("a" if plain[-1] != "a" else "b"))


def test_the_expressions_match_each_credential():
    published = [readme.names(cell)[0] for _, cell in readme.table("Credentials", "what")]

    for one in FORMATS:
        plain = one.new().text
        assert [bool(re.fullmatch(each, plain)) for each in published].count(True) == 1


def test_the_table_of_credentials_is_the_servers():
    methods = {name: who for service in access.TABLE.values() for name, who in service.items()}
    said = {
        credential: {name for name in re.findall(r"\w+", may_call) if name in methods}
        for credential, _, _, may_call in readme.table("Credentials", "credential")
    }

    assert said.pop("auth token of Link") == {"OpenLink", "ExplainLink"}
    assert said == {
        "none": {name for name, who in methods.items() if who.open},
        "account token": {name for name, who in methods.items() if who.account},
        "session token": {name for name, who in methods.items() if who.scope == "any"},
        **{
            f"… with scope `{scope}`": {name for name, who in methods.items() if who.scope == scope}
            for scope in ("read", "write", "delete")
        },
        **{
            f"service key, role {role.value}": {
                n for n, who in methods.items() if role in who.roles
            }
            for role in Role
            if any(role in who.roles for who in methods.values())
        },
    }


def test_the_table_of_errors_is_the_servers():
    raised: dict[errors.Code, list[str]] = {}
    for reason, outcome in errors.REASONS.items():
        raised.setdefault(outcome.code, []).append(f"`{reason}`")

    assert readme.table("Errors", "code") == [
        [f"`{code.name}`", str(64 + code.value), ", ".join(raised[code])]
        for code in errors.Code
        if code in raised
    ]


def test_the_table_of_errors_has_every_published_reason():
    published = {name.removeprefix("ERROR_REASON_") for name in v1.ErrorReason.keys()}  # noqa: SIM118
    said = {name for _, _, cell in readme.table("Errors", "code") for name in readme.names(cell)}

    assert said == published - {"UNSPECIFIED"}


def test_the_table_of_server_settings_is_the_servers():
    said = ["| " + " | ".join(row) + " |" for row in readme.table("Server settings", "variable")]

    assert said == ["| " + " | ".join(row) + " |" for row in readme.settings_rows()]


def test_the_table_of_commands_is_the_servers():
    said = "".join(cells[0] for cells in readme.table("Commands", "command"))

    assert set(re.findall(r"finlink-server((?: [a-z][a-z-]*)+)", said)) == set(
        lines_of(commands.main)
    )


def test_the_table_of_app_settings_is_the_servers():
    said = [(path, who) for path, _, who in readme.table("App settings", "path")]

    assert said == [
        (
            f"`{path}`",
            "account token" if path in document.DISARMING else "account token, scope `write`",
        )
        for path in document.PATHS
    ]


def test_the_table_of_link_parameters_is_the_servers():
    names = {field: name for name, field in link_query.NAMES.items()}
    said = [(field, name) for field, name, _ in readme.table("Link", "parameter")]

    assert said == [
        (f"`{one.name}`", f"`{names[one.name]}`" if one.name in names else "")
        for one in fields(Parameters)
    ]


@pytest.mark.parametrize(
    ("begins", "checks"),
    [("- with a token: ", link_decision._BY_TOKEN), ("- without: ", link_decision._BY_URL)],
    ids=["with a token", "without"],
)
def test_the_checks_of_a_link_are_named_in_their_order(begins, checks):
    [line] = [one for one in readme.section("Link").splitlines() if one.startswith(begins)]

    assert readme.names(line) == [check.__name__.strip("_") for check in checks]


def test_the_counts_of_banks_are_the_catalogues():
    counts = json.loads((readme.REPOSITORY / "tests/golden/banks_per_country.json").read_text())
    records, banks = (sum(each) for each in zip(*counts.values(), strict=True))

    countries = ", ".join(f"{code} {count}" for code, (_, count) in counts.items())

    said = readme.section("Banks")
    assert f"from the {len(counts)} national registries" in said
    assert (
        f"{records:,} records, less three without a name, are {banks:,} banks: {countries}." in said
    )


def lines_of(command: click.Command) -> Iterator[str]:
    """Say how each command of a group is called that people may call."""
    if not isinstance(command, click.Group):
        yield ""
    else:
        for name, each in command.commands.items():
            if each.hidden:
                continue
            yield from (f" {name}{rest}" for rest in lines_of(each))
