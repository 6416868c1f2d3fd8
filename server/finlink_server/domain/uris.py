"""URIs that customers give, and where they may lead."""

import ipaddress
import re
from typing import Final

import idna
from rfc3986 import URIReference, exceptions, uri_reference, validators

_CHARACTERS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")  # RFC 3986 §2
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")  # RFC 3986 §2.1
_LONGEST_HOST: Final = 253  # RFC 1035 §2.3.4
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


def redirect_problem(uri: str, environment: str) -> str:
    """Say what is wrong with a redirect URI; empty if nothing is (RFC 3986, RFC 9700 §2.1)."""
    reference, problem = _parse(uri)
    if reference is None or problem:
        return problem
    local = _scheme(reference) == "http" and _host(reference) in _LOCAL
    if local:
        return (
            ""
            if environment == "SANDBOX"
            else "must begin with `https`: `http` on localhost is for SANDBOX apps only"
        )
    if _scheme(reference) != "https":
        return "must begin with `https`, or for a SANDBOX app with `http` on localhost"
    return ""


def https_problem(uri: str) -> str:
    """Say what is wrong with an https URI; empty if nothing is."""
    reference, problem = _parse(uri)
    if reference is None or problem:
        return problem
    return "" if _scheme(reference) == "https" else "must begin with `https`"


def webhook_problem(uri: str) -> str:
    """Say what is wrong with a webhook's URI; empty if nothing is, wherever it leads."""
    reference, problem = _parse(uri)
    if reference is None or problem:
        return problem
    return "" if _scheme(reference) in {"https", "http"} else "must begin with `https`"


def host_of(uri: str) -> tuple[str, bool]:
    """The host of a URI without a problem, and whether it is reached without TLS."""
    reference = uri_reference(uri)
    return _host(reference), _scheme(reference) == "http"


def _parse(uri: str) -> tuple[URIReference | None, str]:
    if not _CHARACTERS.fullmatch(uri):
        return None, (
            "must hold the characters of a URI only (ASCII, no spaces or quotes): write others"
            " percent-encoded, and a host in its Punycode form"
        )
    try:
        reference = uri_reference(uri)
        validators.Validator().require_presence_of("scheme", "host").check_validity_of(
            "scheme", "host", "port", "path", "query", "fragment", "userinfo"
        ).validate(reference)
        reference.authority_info()
    except (exceptions.RFC3986Exception, ValueError):
        return None, "must be an absolute URI, such as https://example.com/callback"
    rules = (
        ("@" not in str(reference.authority), "must not hold a user name or password"),
        (reference.fragment is None, "must not have a fragment (`#…`)"),
        ("*" not in uri, "must not have a wildcard (`*`)"),
        (_is_host(_host(reference)), "must name a host, such as example.com"),
        (str(reference.authority_info()["port"]).strip("0") != "", "must not name port 0"),
        (not _BROKEN_ESCAPE.search(uri), "must have two hexadecimal digits after each `%`"),
    )
    return reference, next((problem for holds, problem in rules if not holds), "")


def _scheme(reference: URIReference) -> str:
    return str(reference.scheme).lower()


def _host(reference: URIReference) -> str:
    return str(reference.authority_info()["host"]).lower()


def _is_host(host: str) -> bool:
    """Whether a host is a name as in the DNS (RFC 1123 §2.1, RFC 5891) or an IP address."""
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
            return "%" not in host  # a zone means something on one machine only
        labels = host.removesuffix(".").split(".")
        if labels[-1].isdigit() or labels[-1].startswith("0x"):
            ipaddress.IPv4Address(host)  # browsers read any such host as one
            return True
        idna.decode(host)
    except ValueError:  # idna's errors are ValueErrors too
        return False
    return len(host) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, labels))
