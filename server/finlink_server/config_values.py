"""How settings are written: addresses, the database's URL, names in certificates and of others."""

import ipaddress
import re
from typing import Final, NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POSTGRESQL: Final = "postgresql://"
# Of an OpenTelemetry collector.
COLLECTOR: Final = re.compile(r"https?://([0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\])(:\d+)?/?")
# Of RFC 3986 as PostgreSQL has it: user, hosts with ports, a database, and parameters. A
# password with a character that it does not allow would be taken for a part of the host.
_AUTHORITY: Final = re.compile(
    r"([^/?#@:]*(:[^/?#@:]*)?@)?"
    r"(\[[0-9a-fA-F:.]+\]|[^/?#@:,\[\]]*)(:\d+)?(,(\[[0-9a-fA-F:.]+\]|[^/?#@:,\[\]]*)(:\d+)?)*"
    r"/[^/?#@]+(\?[^#]*)?"
)
_NO_AUTHORITY: Final = (
    "must be `postgresql://user@host:port/database`; write `/ @ : ? #` in a user, a password or a"
    " name as %2F %40 %3A %3F %23"
)

ROLES: Final = frozenset({"OPERATOR", "VERIFIER", "LINK", "PUBLISHER"})

# What the command `finlink` reads may stand in a shell that runs this server's commands too.
OF_THE_CLIENT: Final = frozenset(
    {
        "FINLINK_APP_ID",
        "FINLINK_CLIENT_ID",
        "FINLINK_CLIENT_SECRET",
        "FINLINK_EMAIL",
        "FINLINK_PASSWORD",
        "FINLINK_PROFILE",
        "FINLINK_SERVICE_KEY",
        "FINLINK_SIGNING_SECRET",
        "FINLINK_TARGET",
        "FINLINK_TLS_ROOT",
        "FINLINK_TOKEN",
        # Secrets of a request.
        "FINLINK_ACCESS_TOKEN",
        "FINLINK_ACCESS_TOKENS",
        "FINLINK_CURRENT_PASSWORD",
        "FINLINK_LEAKED_SECRET",
        "FINLINK_NEW_PASSWORD",
        "FINLINK_QUERY",
        "FINLINK_RESTORE_TOKEN",
        "FINLINK_SETUP_TOKEN",
        "FINLINK_UPDATE_TOKEN",
    }
)


class Rights(NamedTuple):
    """What a name in a client's certificate stands for: roles, and prefixes of events."""

    roles: tuple[str, ...]
    event_prefixes: tuple[str, ...]


SanRoles = dict[str, Rights]


def database_url_problem(value: str) -> str:
    """What is wrong with a database's URL; empty if it is one. Never the value: it is a secret."""
    if value.startswith(POSTGRESQL):
        return "" if _AUTHORITY.fullmatch(value.removeprefix(POSTGRESQL)) else _NO_AUTHORITY
    path = value.removeprefix("sqlite:///")
    if path == value or path in {"", ":memory:"} or {"?", "#"} & set(path):
        return (
            "must begin with `sqlite:///`, then the path of a file and nothing after it; or be"
            " `postgresql://user@host/database`"
        )
    return ""


def split_san_roles(text: str) -> dict[str, Rights]:
    """Split `name=ROLE,PUBLISHER:prefix.; other=ROLE`."""
    found: dict[str, Rights] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        name, _, rights = entry.rpartition("=")
        words = [word.strip().partition(":") for word in rights.split(",")]
        roles = tuple(role for role, _, _ in words)
        prefixes = tuple(prefix for _, _, prefix in words if prefix)
        named = len(name.split()) == 1
        if not named or not set(roles) <= ROLES or bool(prefixes) != ("PUBLISHER" in roles):
            message = (
                "must be entries such as gateway.internal=VERIFIER,LINK or"
                " work.internal=PUBLISHER:connection., with `;` between them; the roles are"
                f" {', '.join(sorted(ROLES))}, and PUBLISHER names a prefix"
            )
            raise ValueError(message)
        found[name.strip()] = Rights(roles, prefixes)
    return found


def split_listen(listen: str) -> tuple[str, int]:
    """Split `host:port` or `[v6]:port`."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    # Without brackets gRPC would take the whole of `::1:5005` for an address.
    whole = colon and host and bracketed == (":" in host)
    if not (whole and port.isascii() and port.isdigit() and int(port) <= 65_535):  # noqa: PLR2004
        message = "must be an address and a port, such as 127.0.0.1:50051 or [::1]:50051"
        raise ValueError(message)
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            message = f"must begin with an IP address or localhost, not {host}"
            raise ValueError(message) from None
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback
