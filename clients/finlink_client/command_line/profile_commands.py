"""`finlink profiles …`, `finlink login` and `finlink logout`."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from finlink_client.command_line import profiles
from finlink_client.command_line.connecting import Line, profile_names, telling_mistakes
from finlink_client.command_line.profiles import DEFAULT, Profile
from finlink_client.command_line.screen import Screen
from finlink_client.command_line.secret_input import read_secret

# What one credential leaves of another.
_NO_CREDENTIAL = {
    "client_id": "",
    "client_secret": "",
    "email": "",
    "account_token": "",
    "service_key": "",
}


@click.command("set")
@click.argument("name", shell_complete=profile_names)
@click.option("--target", metavar="HOST:PORT", help="The server; else FINLINK_TARGET.")
@click.option(
    "--tls-root", type=click.Path(dir_okay=False), help="Certificate authorities to trust (PEM)."
)
@click.option("--app-id", help="Which app is meant where a command names none.")
@click.option("--client-id", help="Act as this app's server; takes its client secret.")
@click.option("--email", help="Act as this customer, once signed in with `finlink login`.")
@click.option("--service-key", is_flag=True, help="Act as a service of the platform.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def put(
    name: str,
    target: str | None,
    tls_root: str | None,
    app_id: str | None,
    client_id: str | None,
    email: str | None,
    *,
    service_key: bool,
    as_json: bool,
) -> None:
    """Make a profile, or change what is said of one.

    A client secret is taken from FINLINK_CLIENT_SECRET, a service key from
    FINLINK_SERVICE_KEY, else from a hidden prompt or a pipe; never as an
    argument, which other users of the machine could read. Give the command line
    a client secret of its own: a secret has one session at a time, so one that
    a server uses would lose its session with each command.

    The profile `default` is used where none is named and the environment names
    neither a credential nor another server.
    """
    if len([one for one in (client_id, email, service_key) if one]) > 1:
        raise click.UsageError("A profile has one credential: say one of them.")
    found = profiles.read().get(name, Profile())
    found = replace(
        found,
        target=_first(target, found.target, "TARGET"),
        tls_root=_first(tls_root, found.tls_root, "TLS_ROOT"),
        app_id=found.app_id if app_id is None else app_id,
    )
    if client_id:
        secret = read_secret("FINLINK_CLIENT_SECRET", "client secret")
        found = replace(
            found, **{**_NO_CREDENTIAL, "client_id": client_id, "client_secret": secret}
        )
    if email:
        found = replace(found, **{**_NO_CREDENTIAL, "email": email})
    if service_key:
        key = read_secret("FINLINK_SERVICE_KEY", "service key")
        found = replace(found, **{**_NO_CREDENTIAL, "service_key": key})
    profiles.put(name, found)
    _show(Screen(as_json=as_json), {name: found})


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def show(*, as_json: bool) -> None:
    """List the profiles, without their secrets."""
    _show(Screen(as_json=as_json), profiles.read())


@click.command("remove")
@click.argument("name", shell_complete=profile_names)
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def remove(name: str, *, as_json: bool) -> None:
    """Forget a profile. Its credential stays good: revoke it where it was made.

    Shows the profiles that are left.
    """
    profiles.remove(name)
    _show(Screen(as_json=as_json), profiles.read())


@click.command("login")
@click.option("--email", help="The account's e-mail address; else that of the profile.")
@click.option(
    "--profile",
    "name",
    metavar="NAME",
    envvar="FINLINK_PROFILE",
    default=DEFAULT,
    show_default=True,
    shell_complete=profile_names,
    help="Where to keep the account token; made if there is none of that name.",
)
@click.option(
    "--target",
    metavar="HOST:PORT",
    help="The server; else that of the profile, else FINLINK_TARGET.",
)
@click.option(
    "--tls-root", type=click.Path(dir_okay=False), help="Certificate authorities to trust (PEM)."
)
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def login(
    name: str, email: str | None, target: str | None, tls_root: str | None, *, as_json: bool
) -> None:
    """Sign in as a customer, and keep the account token in a profile.

    It is good for 12 hours. The password is taken from FINLINK_PASSWORD, a
    hidden prompt or a pipe, and not kept.
    """
    found = profiles.read().get(name, Profile())
    address = email or found.email
    if not address:
        raise click.UsageError("Which account? Say --email.")
    found = replace(
        found,
        target=_first(target, found.target, "TARGET"),
        tls_root=_first(tls_root, found.tls_root, "TLS_ROOT"),
        **{**_NO_CREDENTIAL, "email": address},
    )
    with Line(replace(found, email=""), None, as_json=as_json) as line, telling_mistakes():
        answer = line.reaching(
            lambda: line.client.accounts.sign_in(
                email=address, password=read_secret("FINLINK_PASSWORD", "password")
            )
        )
        profiles.put(name, replace(found, account_token=answer.account_token))
        line.screen.show(answer.account)
        line.screen.note(f"Signed in; the account token is kept in the profile {name}.")


@click.command("logout")
@click.option(
    "--profile",
    "name",
    metavar="NAME",
    envvar="FINLINK_PROFILE",
    default=DEFAULT,
    show_default=True,
    shell_complete=profile_names,
    help="Whose account token to end.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def logout(name: str, *, as_json: bool) -> None:
    """End the account token of a profile, and forget it."""
    from finlink_client.errors import Unauthenticated  # noqa: PLC0415 - imports gRPC

    found = profiles.find(name)
    if not found.account_token:
        raise click.UsageError(f"The profile {name} is not signed in.")
    with Line(found, None, as_json=as_json) as line:
        try:
            line.reaching(line.client.accounts.sign_out)
        except Unauthenticated:
            line.screen.note("The account token had ended already.")
    found = replace(found, account_token="")
    profiles.put(name, found)
    _show(Screen(as_json=as_json), {name: found})


def _first(typed: str | None, kept: str, variable: str) -> str:
    """Give what a profile is to hold: what it gets from the environment, it keeps."""
    return kept or os.environ.get(f"FINLINK_{variable}", "") if typed is None else typed


def _show(screen: Screen, found: dict[str, Profile]) -> None:
    screen.rows(
        [
            {
                "name": name,
                "target": one.target,
                "credential": one.kind,
                "of": one.client_id or one.email,
                "signed_in": "yes" if one.account_token else "",
                "app_id": one.app_id,
                "tls_root": one.tls_root,
            }
            for name, one in found.items()
        ]
    )
