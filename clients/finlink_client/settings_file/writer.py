"""Writes an app's settings and endpoints as YAML: everything that a file can say, no secret."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from finlink.config import v1
from finlink_client.settings_file import fields

_HEAD: Final = """\
# Settings and webhook endpoints of an app. What is not in this file stays as it is.
#   finlink settings plan FILE     shows what it would change
#   finlink settings apply FILE    changes it
"""
_WIDTH: Final = 100


def content(settings: v1.Settings, *, with_ids: bool = False) -> dict[str, Any]:
    """Give what a file for an app says. Without ids it fits another app as well."""
    values = fields.values_of(settings)
    if not with_ids:
        values["link.redirects"] = [_without_id(one) for one in values["link.redirects"]]
    values["link.texts"] = [_said(one) for one in values["link.texts"]]
    return {
        "api_version": fields.API_VERSION,
        "app_id": settings.app_id,
        **fields.settings_of(values),
        "webhook_endpoints": [
            _endpoint(one, with_ids=with_ids) for one in settings.webhook_endpoints
        ],
    }


def write(content: Mapping[str, Any]) -> str:
    """Write it as a file for people."""
    return _HEAD + dump(content)


def dump(content: object, *, dumper: type[yaml.SafeDumper] | None = None) -> str:
    """Write plain values as YAML, so that every parser reads the same ones."""
    text: str = yaml.dump(
        content, Dumper=dumper or _Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH
    )
    return text


class LineDumper(yaml.SafeDumper):
    """Writes a line for each value, and quotes what other parsers could take for a number."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - as it is called
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


class _Dumper(LineDumper):
    """Writes short lists of short words on one line."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if re.fullmatch(r"[yYnN]|[-+.]?[0-9].*|0o.*", text):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, "'")
    return yaml.SafeDumper.represent_str(dumper, text)


def _listed(dumper: yaml.SafeDumper, values: Sequence[Any]) -> yaml.SequenceNode:
    flat = all(isinstance(one, str) for one in values) and sum(map(len, values)) < _WIDTH // 2
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


LineDumper.add_representer(str, _quoted)
_Dumper.add_representer(list, _listed)


def _endpoint(endpoint: v1.Endpoint, *, with_ids: bool) -> dict[str, Any]:
    entry = fields.endpoint_values(endpoint)
    if endpoint.disabled and endpoint.disabled_reason != v1.DISABLED_REASON_REQUESTED:
        del entry["disabled"]  # the server found it dead, which nobody wishes for
    return entry if with_ids else _without_id(entry)


def _without_id(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "id"}


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty: the widget has texts of its own."""
    return {name: value for name, value in entry.items() if value != ""}
