"""What every command that calls the service takes and gets: `connected` and `Line`.

A profile is used whole, its target and its credential: what one server may know is not sent to
another because a variable was left in the environment. So a profile that was named counts more
than the environment; and the profile `default` counts where the environment names no credential
and no other server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, update_wrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import click

from finlink_client.command_line import profiles
from finlink_client.command_line.profiles import Profile
from finlink_client.command_line.spans import SPAN

if TYPE_CHECKING:
    from datetime import timedelta

    from finlink_client.client import Finlink
    from finlink_client.command_line.screen import Screen

Answer = TypeVar("Answer")

TARGET: Final = "127.0.0.1:50051"
# Of the environment: each names a credential, and two would be a guess.
_CREDENTIALS: Final = ("SERVICE_KEY", "CLIENT_ID", "EMAIL", "TOKEN")
_NO_APP: Final = (
    "Which app? Say {how}, set FINLINK_APP_ID, or put it into the profile"
    " (`finlink profiles set NAME --app-id ID`)."
)


class Line:
    """A command's line to the service, and the screen that it shows things on."""

    def __init__(
        self, profile: Profile, timeout: timedelta | None, *, as_json: bool, name: str = ""
    ) -> None:
        """Connect with the first call. `name` is that of the profile, if one was asked for."""
        self.profile = profile
        self._name = name
        self._timeout = timeout
        self._as_json = as_json

    @cached_property
    def screen(self) -> Screen:
        """Where things are shown."""
        from finlink_client.command_line.screen import Screen  # noqa: PLC0415 - as late as can be

        return Screen(as_json=self._as_json)

    @cached_property
    def client(self) -> Finlink:
        """The client, with the profile's credential."""
        return open_client(self.profile, self._timeout, self._name)

    @property
    def profile_app_id(self) -> str:
        """The app that is meant where none is named; empty if nothing says so."""
        of_profile = self.profile.app_id or self.profile.client_id
        return os.environ.get("FINLINK_APP_ID", "").strip() or of_profile

    def app_id(self, given: str | None = None, how: str = "--app-id") -> str:
        """Give the app that is meant: the one given, else that of the profile."""
        found = given or self.profile_app_id
        if not found:
            raise click.UsageError(_NO_APP.format(how=how))
        return found

    def reaching(self, call: Callable[[], Answer]) -> Answer:
        """Call, and name the server where nothing answers."""
        try:
            return call()
        except Exception as error:
            if "client" in self.__dict__:
                _name_target(error, self.profile.target or TARGET)
            raise

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()


def profile_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Complete the name of a profile."""
    try:
        return [name for name in profiles.read() if name.startswith(incomplete)]
    except click.ClickException:
        return []


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the connection, and as its first argument a `Line`."""

    def run(
        *,
        target: str | None,
        tls_root: str | None,
        profile: str | None,
        timeout: timedelta | None,
        as_json: bool,
        **rest: Any,  # noqa: ANN401 - the command's own
    ) -> Any:  # noqa: ANN401 - its exit code, if it is not 0
        found = _profile(profile, target, tls_root)
        with Line(found, timeout, as_json=as_json, name=profile or "") as line:
            return line.reaching(lambda: command(line, **rest))

    run = update_wrapper(run, command)
    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def open_client(profile: Profile, timeout: timedelta | None, name: str = "") -> Finlink:
    """Make a client of what a profile holds; `name` is that of one that was asked for."""
    from finlink_client.client import Finlink  # noqa: PLC0415 - imports gRPC
    from finlink_client.transport import Options  # noqa: PLC0415 - the same

    target = profile.target or TARGET
    _check_target(target)
    options: Options = {} if timeout is None else {"timeout": timeout}
    if profile.tls_root:
        options["root_certificates"] = certificates(Path(profile.tls_root))
    try:
        if profile.service_key:
            return Finlink.with_service_key(target, service_key=profile.service_key, **options)
        if profile.client_id:
            secret = profile.client_secret
            return Finlink(target, client_id=profile.client_id, client_secret=secret, **options)
        if profile.account_token:
            return Finlink.with_token(target, token=profile.account_token, **options)
        if profile.email:
            password = os.environ.get("FINLINK_PASSWORD", "")
            if not password:
                raise click.UsageError(
                    f"{profile.email} is not signed in: `{_login(name)}` does that, or set"
                    " FINLINK_PASSWORD."
                )
            email = profile.email
            return Finlink.with_password(target, email=email, password=password, **options)
        return Finlink.anonymous(target, **options)
    except ValueError as error:
        raise click.UsageError(f"The credential: {error}") from None


def _check_target(target: str) -> None:
    """Refuse what gRPC would take for the name of a host, or of one on port 443."""
    is_url = "://" in target and target.partition("://")[0].lower() in {"http", "https"}
    if is_url or ":" not in target:
        raise click.UsageError(f"The target {target} must be HOST:PORT, without https://.")


def _login(name: str) -> str:
    return f"finlink login --profile {name}" if name else "finlink login"


def environment(variables: Mapping[str, str]) -> Profile:
    """Give what environment variables say, as a profile."""

    def value(name: str) -> str:
        return variables.get(f"FINLINK_{name}", "").strip()

    named = [f"FINLINK_{one}" for one in _CREDENTIALS if value(one)]
    if len(named) > 1:
        raise click.UsageError(f"Which credential is meant? Set one of {', '.join(named)}.")
    if value("CLIENT_ID") and not value("CLIENT_SECRET"):
        raise click.UsageError("FINLINK_CLIENT_ID needs FINLINK_CLIENT_SECRET beside it.")
    return Profile(
        target=value("TARGET"),
        tls_root=value("TLS_ROOT"),
        client_id=value("CLIENT_ID"),
        client_secret=value("CLIENT_SECRET") if value("CLIENT_ID") else "",
        email=value("EMAIL"),
        account_token=value("TOKEN"),
        service_key=value("SERVICE_KEY"),
    )


def _profile(name: str | None, target: str | None, tls_root: str | None) -> Profile:
    """Find what a command connects with: see the top of this file."""
    if name:
        found = profiles.find(name)
    else:
        found = environment(os.environ)
        if found.kind == "none":
            default = profiles.read().get(profiles.DEFAULT, Profile())
            if found.target in {"", default.target or TARGET}:
                found = replace(default, tls_root=found.tls_root or default.tls_root)
    return replace(found, target=target or found.target, tls_root=tls_root or found.tls_root)


@contextmanager
def telling_mistakes() -> Iterator[None]:
    """What the client refuses to send was typed wrongly: raises UsageError."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None


def _name_target(error: Exception, target: str) -> None:
    from finlink_client.errors import Unavailable  # noqa: PLC0415 - imports gRPC

    if isinstance(error, Unavailable) and not error.reason:
        error.message = f"No Finlink Config server answers at {target}: {error.message}"


def certificates(file: Path) -> bytes:
    """Read certificate authorities. Raises UsageError."""
    try:
        certificates = file.read_bytes()
    except OSError as error:
        raise click.UsageError(f"The TLS root {file}: {error.strerror}.") from None
    if b"-----BEGIN CERTIFICATE-----" not in certificates:
        # gRPC would only say that a handshake failed.
        raise click.UsageError(f"The TLS root {file} holds no certificate in PEM.")
    return certificates


_OPTIONS: Final = (
    click.option(
        "--profile",
        metavar="NAME",
        envvar="FINLINK_PROFILE",
        shell_complete=profile_names,
        help="Connect as this profile says: see `finlink profiles`.",
    ),
    click.option(
        "--target",
        metavar="HOST:PORT",
        help=f"The server, else FINLINK_TARGET, else {TARGET}. Plaintext on loopback, TLS"
        " elsewhere.",
    ),
    click.option(
        "--tls-root",
        type=click.Path(dir_okay=False),
        help="Certificate authorities to trust (PEM) in place of the system's; TLS on loopback"
        " too. Else FINLINK_TLS_ROOT.",
    ),
    click.option("--timeout", type=SPAN, help="How long a call may take, as 10s or 2m."),
    click.option("--json", "as_json", is_flag=True, help="JSON, for programs."),
)
