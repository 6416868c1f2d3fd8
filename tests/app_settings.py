"""An app's settings as a customer reads and changes them, and values for every path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grpc import StatusCode
from tests.errors import refused

from finlink.config import v1

LIGHT = {"primary": "#0b5fff", "background": "#ffffff", "text": "#111111"}
DARK = {"primary": "#8ab4ff", "background": "#101418", "text": "#f5f5f5"}
# For every path a value that a new app does not have. Each is good with and without
# each of the others.
VALUES: dict[str, Any] = {
    "link.force_auth_token": True,
    "link.redirects": [{"display_name": "Shop", "uri": "https://shop.example/back"}],
    "link.languages": ["es", "pt-BR"],
    "link.default_language": "pt-BR",
    "link.appearance.light": LIGHT,
    "link.appearance.dark": DARK,
    "link.appearance.logo_uri": "https://shop.example/logo.svg",
    "link.texts": [{"language": "es", "title": "Elige tu banco"}],
    "link.terms_uri": "https://shop.example/terms",
    "link.privacy_uri": "https://shop.example/privacy",
    "banks.mode": v1.BANK_LIST_MODE_EXCEPT,
    "banks.bank_ids": ["es-bbva"],
    "banks.pinned_bank_ids": ["fr-societe-generale"],
    "banks.country_codes": ["ES", "FR"],
}


def document(values: Mapping[str, Any]) -> v1.Settings:
    """Settings that say this at these paths, and nothing elsewhere."""
    settings = v1.Settings()
    for path, value in values.items():
        nested = value
        for name in reversed(path.split(".")):
            nested = {name: nested}
        settings.MergeFrom(v1.Settings(**nested))
    return settings


def read(caller: Any, app: v1.App, version: int = 0) -> v1.Settings:
    """Read a version; 0 is the present one."""
    settings: v1.Settings = caller.settings.GetSettings(app_id=app.id, version=version).settings
    return settings


def versions_of(caller: Any, app: v1.App, **fields: Any) -> list[v1.SettingsVersion]:
    """List the versions, newest first."""
    return list(caller.settings.ListSettingsVersions(app_id=app.id, **fields).versions)


def change(
    caller: Any,
    app: v1.App,
    values: Mapping[str, Any],
    *mask: str,
    etag: str = "",
    **fields: Any,
) -> v1.Settings:
    """Change the paths that have values, or those that a mask names."""
    wanted = document(values)
    wanted.app_id, wanted.etag = app.id, etag
    answer = caller.settings.UpdateSettings(
        settings=wanted, update_mask={"paths": mask or values}, **fields
    )
    settings: v1.Settings = answer.settings
    return settings


def refusal_of(caller: Any, app: v1.App, values: Mapping[str, Any]) -> dict[str, str]:
    """Make a change that must be refused and write nothing: field → what was expected."""
    before = read(caller, app)
    with refused(StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") as refusal:
        change(caller, app, values)
    assert read(caller, app) == before
    return refusal.fields


def leaf(settings: v1.Settings, path: str) -> Any:
    """What stands at a path: a list for a repeated field, None for an unset message."""
    *owners, name = path.split(".")
    message: Any = settings
    for owner in owners:
        message = getattr(message, owner)
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        return list(getattr(message, name))
    if field.message_type is not None and not message.HasField(name):
        return None
    return getattr(message, name)


def leaves(settings: v1.Settings) -> dict[str, Any]:
    """What stands at every path."""
    return {path: leaf(settings, path) for path in VALUES}


def differing(one: v1.Settings, other: v1.Settings) -> set[str]:
    """The paths at which two versions differ."""
    before, after = leaves(one), leaves(other)
    return {path for path in VALUES if before[path] != after[path]}
