"""Redirects: the named URIs to which Link returns."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rfc3986 import exceptions, uri_reference, validators

from finlink_server.env import Env
from finlink_server.errors import FieldInvalid, RedirectLimitReached, Violation
from finlink_server.storage import models

MOST = 5
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")  # RFC 3986 §2.1; the validator lets it pass


@dataclass(frozen=True)
class Redirect:
    """A named URI; the id is empty until the server gives one."""

    id: str
    display_name: str
    uri: str


def check(wanted: Sequence[Redirect], present: Sequence[Redirect], environment: str) -> None:
    """Refuse redirects that break a rule, naming each."""
    if len(wanted) > MOST:
        raise RedirectLimitReached(limit=MOST)
    known = {entry.id for entry in present}
    seen: set[str] = set()
    violations: list[Violation] = []
    for index, entry in enumerate(wanted):
        place = f"settings.link.redirects[{index}]"
        if entry.id and entry.id not in known:
            expected = "must be an id that the app's redirects have now, or empty for a new entry"
            violations.append(Violation(f"{place}.id", expected))
        if entry.id and entry.id in seen:
            violations.append(Violation(f"{place}.id", "must not stand twice"))
        seen.add(entry.id)
        problem = uri_problem(entry.uri, environment)
        if problem:
            violations.append(Violation(f"{place}.uri", problem))
    if violations:
        raise FieldInvalid(violations=tuple(violations))


def keep(env: Env, app_id: str, wanted: Sequence[Redirect]) -> tuple[Redirect, ...]:
    """Give new entries their ids, and note whose they are."""
    kept = []
    for given in wanted:
        entry = given
        if not given.id:
            entry = replace(given, id=env.new_id("rdr"))
            models.Redirect.create(id=entry.id, app=app_id)
        kept.append(entry)
    return tuple(kept)


def uri_problem(uri: str, environment: str) -> str:
    """Say what is wrong with a redirect URI; empty if nothing is (RFC 3986, RFC 9700 §2.1)."""
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return "must be printable ASCII without spaces; write a host in its Punycode form"
    try:
        reference = uri_reference(uri)
        validators.Validator().require_presence_of("scheme", "host").check_validity_of(
            "scheme", "host", "port", "path", "query", "fragment", "userinfo"
        ).validate(reference)
        authority = reference.authority_info()
    except (exceptions.RFC3986Exception, ValueError):
        return "must be an absolute URI, such as https://example.com/callback"
    host = str(authority["host"]).lower()
    scheme = str(reference.scheme).lower()
    local = scheme == "http" and host in _LOCAL
    rules = (
        ("@" not in str(reference.authority), "must not hold a user name or password"),
        (reference.fragment is None, "must not have a fragment (`#…`)"),
        ("*" not in uri, "must not have a wildcard (`*`)"),
        (
            not local or environment == "SANDBOX",
            "must begin with `https`: `http` on localhost is for SANDBOX apps only",
        ),
        (
            local or scheme == "https",
            "must begin with `https`, or for a SANDBOX app with `http` on localhost",
        ),
        (_is_host(host), "must name a host, such as example.com"),
        (str(authority["port"]).strip("0") != "", "must not name port 0"),
        (not _BROKEN_ESCAPE.search(uri), "must have two hexadecimal digits after each `%`"),
    )
    return next((problem for holds, problem in rules if not holds), "")


def _is_host(host: str) -> bool:
    """Whether a host is a name as in the DNS (RFC 1123 §2.1) or an IP address."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(  # noqa: PLR2004 - RFC 1035 §2.3.4
        1 <= len(label) <= 63  # noqa: PLR2004
        and label.replace("-", "").isalnum()
        and not label.startswith("-")
        and not label.endswith("-")
        for label in labels
    )
