"""The settings of the server: the only reader of the environment.

A wrong value stops the start, and every wrong setting is named at once.
"""

import difflib
import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from finlink_server.config_values import (
    COLLECTOR,
    OF_THE_CLIENT,
    POSTGRESQL,
    Network,
    SanRoles,
    database_url_problem,
    is_loopback,
    split_listen,
    split_san_roles,
)

PREFIX = "FINLINK_"
_LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class ConfigError(Exception):
    """Settings that the server cannot start with; one line for each."""


class Config(BaseModel):
    """One field for each `FINLINK_…` variable; the description is its documentation."""

    model_config = ConfigDict(frozen=True)

    listen: str = Field("127.0.0.1:50051", description="Address and port to serve gRPC on.")
    data_dir: Path = Field(Path(".finlink"), description="Where the database and the key live.")
    database_url: str = Field(
        "",
        description="The database: SQLite, or `postgresql://user@host/database`. Default:"
        " `sqlite:///<data dir>/finlink.db`.",
    )
    master_key_file: Path = Field(
        Path(), description="The master key. Default: `<data dir>/master.key`."
    )
    workers: int = Field(1, ge=1, le=64, description="Processes that serve, on one port.")
    tls_cert: Path | None = Field(None, description="Certificate chain to serve with, PEM.")
    tls_key: Path | None = Field(None, description="Private key of the certificate, PEM.")
    tls_client_ca: Path | None = Field(
        None,
        description="Authority of clients' certificates, PEM: nobody is let in without one of its."
        " Default: none.",
    )
    tls_san_roles: SanRoles = Field(
        {},
        description="What the names in such a certificate stand for, when a call brings no"
        " credential: `gateway.internal=VERIFIER; spiffe://finlink/work=PUBLISHER:connection.,LINK`."
        " Default: none.",
    )
    plaintext: Literal["loopback", "allow"] = Field(
        "loopback", description="Where to serve without TLS: on `loopback` only, or `allow`."
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Comma-separated CIDR blocks whose `x-forwarded-for` is believed."
    )
    reflection: bool = Field(default=True, description="Whether to serve gRPC reflection.")
    metrics_listen: str = Field(
        "", description="Address and port for Prometheus to collect metrics at. Default: none."
    )
    traces_endpoint: str = Field(
        "",
        description="OpenTelemetry collector (OTLP over gRPC) to send traces to, such as"
        " `http://127.0.0.1:4317`; needs the extra `[otel]`. Default: none.",
    )
    traces_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of calls to trace, of those whose caller says nothing of it; 0 to 1.",
    )
    issuer: str = Field(
        "https://config.finlink.example", description="The `iss` of every token.", max_length=255
    )
    signing_key_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Age in days at which the keys that sign tokens are replaced; 0: never.",
    )
    bcrypt_cost: int = Field(12, ge=10, le=16, description="Cost of password hashes, 10 to 16.")
    webhook_allow_cidrs: tuple[Network, ...] = Field(
        (),
        description="Comma-separated CIDR blocks that webhooks may reach although they are not"
        " public, with plain `http` too.",
    )
    drain_seconds: float = Field(
        20.0, ge=0, le=3600, description="How long running calls may take to finish at a stop."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe log line to write."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`json`, `text`, or `auto`: text on a terminal, else json."
    )
    limit_handler_threads: int = Field(
        16, ge=2, le=256, description="Threads that work on calls without a password."
    )
    limit_hash_queue: int = Field(
        16, ge=1, le=1024, description="Passwords that may wait to be hashed."
    )
    limit_waiting_calls: int = Field(
        1024,
        ge=1,
        le=100_000,
        description="Calls that may wait for a thread of their kind; those beyond are refused with"
        " OVERLOADED.",
    )
    limit_concurrent_calls: int = Field(
        4096, ge=16, le=100_000, description="Calls at work at one time; hard limit."
    )
    limit_streams: int = Field(
        2000,
        ge=16,
        le=100_000,
        description="Open streams of health, of reflection and of each Watch method.",
    )
    limit_connections: int = Field(
        4096,
        ge=16,
        le=60_000,
        description="Connections open at one time; those beyond are closed at once.",
    )
    limit_connection_age: int = Field(
        1800,
        ge=0,
        le=86_400,
        description="Seconds until a connection is to be made anew; 0: never.",
    )
    limit_message_bytes: int = Field(
        4 * 1024 * 1024, ge=65_536, le=64 * 1024 * 1024, description="Largest request, bytes."
    )
    limit_metadata_bytes: int = Field(
        16 * 1024, ge=8192, le=1024 * 1024, description="Largest metadata of a call, bytes."
    )
    limit_sign_in_failures: int = Field(
        100_000,
        ge=100,
        le=10_000_000,
        description="Failed sign-ins remembered, by e-mail and client address.",
    )
    limit_cache_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        le=16 * 1024**3,
        description="Memory for credentials that were looked up before, bytes.",
    )
    limit_database_connections: int = Field(
        12, ge=2, le=1000, description="Connections of each process to PostgreSQL, and two more."
    )
    limit_failed_sign_ins: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Failed sign-ins in ten minutes from a client address, whatever the e-mails.",
    )
    limit_failed_logins: int = Field(
        120,
        ge=1,
        le=100_000,
        description="Failed StartSession calls a minute from a client address.",
    )
    limit_failed_logins_of_secret: int = Field(
        20, ge=1, le=100_000, description="Of these, with one client secret."
    )
    limit_leak_reports: int = Field(
        30, ge=1, le=10_000, description="ReportLeakedSecret calls a minute from a client address."
    )
    limit_leak_reports_of_secret: int = Field(
        10, ge=1, le=10_000, description="Of these, of one client secret."
    )
    limit_webhook_rate: int = Field(
        500, ge=1, le=10_000, description="Webhook attempts a second, for each process."
    )

    @field_validator("trusted_proxies", "webhook_allow_cidrs", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(","))

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        split_listen(value)
        return value

    @field_validator("metrics_listen")
    @classmethod
    def _check_metrics_listen(cls, value: str) -> str:
        if value:
            split_listen(value)
        return value

    @field_validator("traces_endpoint")
    @classmethod
    def _check_traces_endpoint(cls, value: str) -> str:
        if value and not COLLECTOR.fullmatch(value):
            message = "must be the URL of a collector, such as http://127.0.0.1:4317"
            raise ValueError(message)
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        problem = database_url_problem(value) if value else ""
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("tls_san_roles", mode="before")
    @classmethod
    def _split_san_roles(cls, value: object) -> object:
        return split_san_roles(value) if isinstance(value, str) else value

    @field_validator("tls_cert", "tls_key", "tls_client_ca")
    @classmethod
    def _check_file(cls, value: Path | None) -> Path | None:
        if value is not None and not (value.is_file() and os.access(value, os.R_OK)):
            message = f"names {value}, which is no file or cannot be read"
            raise ValueError(message)
        return value

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'finlink.db'}"

    @property
    def on_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.url.startswith(POSTGRESQL)

    @property
    def database_path(self) -> Path:
        """The SQLite database's file."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def key_path(self) -> Path:
        """The master key's file."""
        if self.master_key_file == Path():
            return self.data_dir / "master.key"
        return self.master_key_file

    def for_demo(self) -> "Config":
        """Let webhooks reach this machine, where a demo's receiver runs."""
        if self.webhook_allow_cidrs:
            return self
        return self.model_copy(update={"webhook_allow_cidrs": _LOOPBACK})

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(split_listen(self.listen)[0])


def wants_color() -> bool:
    """Whether a terminal may be written to in colours (no-color.org)."""
    return not os.environ.get("NO_COLOR")


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings, or raise one ConfigError that names all that are wrong."""
    environ = os.environ if environ is None else environ
    known = {PREFIX + name.upper(): name for name in Config.model_fields}
    problems = [*_unknown(environ, known), *_not_together(environ)]
    values = {name: environ[key] for key, name in known.items() if environ.get(key)}
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        problems += [_sentence(item) for item in error.errors()]
    else:
        if not problems:
            return config
    raise ConfigError("\n".join(problems))


def _not_together(environ: Mapping[str, str]) -> Iterator[str]:
    """Find settings that are right by themselves but do not go together."""
    cert, key = environ.get("FINLINK_TLS_CERT"), environ.get("FINLINK_TLS_KEY")
    if bool(cert) != bool(key):
        yield "FINLINK_TLS_CERT and FINLINK_TLS_KEY go together: set both or neither."
    if environ.get("FINLINK_TLS_CLIENT_CA") and not cert:
        yield "FINLINK_TLS_CLIENT_CA needs FINLINK_TLS_CERT and FINLINK_TLS_KEY: set them too."
    if environ.get("FINLINK_TLS_SAN_ROLES") and not environ.get("FINLINK_TLS_CLIENT_CA"):
        yield (
            "FINLINK_TLS_SAN_ROLES needs FINLINK_TLS_CLIENT_CA, without which nobody shows a"
            " certificate: set it too."
        )
    listen = environ.get("FINLINK_LISTEN") or Config.model_fields["listen"].default
    try:
        host, _ = split_listen(listen)
    except ValueError:
        return  # named by the field's own check
    if not cert and environ.get("FINLINK_PLAINTEXT") != "allow" and not is_loopback(host):
        yield (
            f"FINLINK_LISTEN is {listen}, which others can reach, and there is no TLS: set"
            " FINLINK_TLS_CERT and FINLINK_TLS_KEY, listen on 127.0.0.1, or, behind something that"
            " encrypts, set FINLINK_PLAINTEXT=allow."
        )


def _unknown(environ: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    names = [key.removeprefix(PREFIX) for key in known]
    for key in sorted(environ):
        if key.startswith(PREFIX) and key not in known and key not in OF_THE_CLIENT:
            # Without the prefix, which makes every name look like every other.
            close = difflib.get_close_matches(key.removeprefix(PREFIX), names, n=1)
            hint = (
                f"did you mean {PREFIX}{close[0]}?"
                if close
                else "see the README's table of settings."
            )
            yield f"{key} is no setting of this server: {hint}"


# The library's sentences name its own types; these say what to write.
_EXPECTED = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
}


def _sentence(item: Mapping[str, Any]) -> str:
    form = _EXPECTED.get(item["type"])
    message = (
        form.format_map(item.get("ctx", {}))
        if form
        else str(item["msg"]).removeprefix("Value error, ")
    )
    return f"{PREFIX}{str(item['loc'][0]).upper()}: {message}."
