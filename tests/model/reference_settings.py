"""Settings: one document for each app, and a new version with each change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format, struct_pb2
from tests.model import reference_banks as banks
from tests.model import reference_endpoints as endpoints
from tests.model.reference import Record, World, check_etag, refuse, refuse_fields

MOST_REDIRECTS = 5
# Path → what it is in a new app.
NEW: Record = {
    "link.force_auth_token": False,
    "link.redirects": [],
    "link.languages": [],
    "link.default_language": "",
    "link.appearance.light": None,
    "link.appearance.dark": None,
    "link.appearance.logo_uri": "",
    "link.texts": [],
    "link.terms_uri": "",
    "link.privacy_uri": "",
    "banks.mode": "ALL",
    "banks.bank_ids": [],
    "banks.pinned_bank_ids": [],
    "banks.country_codes": [],
}
# What could disarm the app needs an account token.
DISARMING = {"link.force_auth_token", "link.redirects", "link.terms_uri", "link.privacy_uri"}
# Of a light theme; whatever has too little contrast is refused.
READABLE = {"primary": "#0b3d91", "background": "#ffffff", "text": "#111111"}


def make_first(world: World, caller: Record, app: Record) -> None:
    """Make version 1 of a new app's settings."""
    _insert(world, caller, app, dict(NEW), None, "")


def present(world: World, app: Record) -> Record:
    """The settings of an app as they are."""
    return world.versions[app["id"]][-1]


def get(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Give the settings as they are, or as they were."""
    app = world.app(caller, asked.app_id)
    return {"settings": view(world, app, _version(world, app, asked.version), said.settings)}


def update(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Take over what the mask names, as a new version, all or nothing."""
    named = asked.update_mask.paths
    paths = [
        path for name in named for path in NEW if name in {"*", path} or path.startswith(name + ".")
    ]
    app = world.app(caller, asked.settings.app_id)
    for path in paths:
        if caller["kind"] == "SESSION" and path in DISARMING:
            refuse("ACCOUNT_TOKEN_REQUIRED", path=path)
    now = present(world, app)
    check_etag(asked.settings.etag, now["etag"])
    wanted = _document(asked.settings)
    target = {**now["document"], **{path: wanted[path] for path in paths}}
    changed = _changed(now["document"], target)
    _refuse_wrong(world, app, now["document"], target, set(changed))
    if not changed:
        return {"settings": view(world, app, now, said.settings)}
    if asked.validate_only:
        rehearsed = {"version": now["version"] + 1, "document": target}
        return {"settings": view(world, app, rehearsed, said.settings)}
    target["link.redirects"] = _keep(world, app, target["link.redirects"], said)
    made = _insert(world, caller, app, target, said.settings, asked.comment)
    _write(world, caller, app, made, changed, comment=asked.comment)
    return {"settings": view(world, app, made, said.settings)}


def rollback(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """Make a new version that equals an earlier one."""
    app = world.app(caller, asked.app_id)
    earlier = world.earlier(caller, asked)
    if earlier:
        made = world.versions[app["id"]][int(earlier) - 1]
        return {"settings": view(world, app, made, said.settings)}
    now = made = present(world, app)
    check_etag(asked.etag, now["etag"])
    target = _version(world, app, asked.version)["document"]
    changed = _changed(now["document"], target)
    if changed:
        made = _insert(world, caller, app, target, said.settings, asked.comment)
        facts = {"comment": asked.comment, "rolled_back_to": asked.version}
        _write(world, caller, app, made, changed, **facts)
    world.remember(caller, asked, str(made["version"]))
    return {"settings": view(world, app, made, said.settings)}


def history(world: World, caller: Record, asked: Any, said: Any) -> Record:
    """List the versions with what each changed, newest first."""
    app = world.app(caller, asked.app_id)
    rows = world.versions[app["id"]]
    shown = []
    for row, before in zip(reversed(rows), [*reversed(rows[:-1]), None], strict=True):
        changed = _changed(before["document"], row["document"]) if before else []
        changes = [
            {
                "path": path,
                "old_value": _value(before["document"][path]),
                "new_value": _value(row["document"][path]),
            }
            for path in changed
            if before
        ]
        shown.append({**row, "create_time": row["update_time"], "changes": changes})
    return {"versions": shown, "next_page_token": said.next_page_token}


def view(world: World, app: Record, version: Record, said: Any) -> Record:
    """A version as it is told, with the webhook endpoints of now."""
    if version.get("etag") == "" and said.version == version["version"]:
        version["etag"] = world.new_etag(said.etag)  # the first is made with the app, unseen
    shown: Record = {"link": {"appearance": {}}, "banks": {}}
    for path, value in version["document"].items():
        *parents, name = path.split(".")
        place = shown
        for parent in parents:
            place = place[parent]
        place[name] = value
    if not any(shown["link"]["appearance"].values()):
        shown["link"]["appearance"] = None
    document = version["document"]
    named = dict.fromkeys([*document["banks.bank_ids"], *document["banks.pinned_bank_ids"]])
    shown["banks"]["missing_bank_ids"] = [one for one in named if one not in world.banks]
    return {
        **shown,
        "app_id": app["id"],
        "version": version["version"],
        "etag": version.get("etag"),
        "update_time": version.get("update_time"),
        "webhook_endpoints": [
            endpoints.view(world, one) for one in endpoints.of_app(world, app["id"])
        ],
    }


def _document(settings: Any) -> Record:
    """What a request says at each path."""
    link, listed = settings.link, settings.banks
    look = link.appearance
    return {
        "link.force_auth_token": link.force_auth_token,
        "link.redirects": [_fields(one, "id display_name uri") for one in link.redirects],
        "link.languages": list(link.languages),
        "link.default_language": link.default_language,
        "link.appearance.light": _colors(look.light) if look.HasField("light") else None,
        "link.appearance.dark": _colors(look.dark) if look.HasField("dark") else None,
        "link.appearance.logo_uri": look.logo_uri,
        "link.texts": [
            _fields(one, "language title description button success") for one in link.texts
        ],
        "link.terms_uri": link.terms_uri,
        "link.privacy_uri": link.privacy_uri,
        "banks.mode": ("ALL", "ALL", "ONLY", "EXCEPT")[listed.mode],
        "banks.bank_ids": list(listed.bank_ids),
        "banks.pinned_bank_ids": list(listed.pinned_bank_ids),
        "banks.country_codes": list(listed.country_codes),
    }


def _refuse_wrong(
    world: World, app: Record, now: Record, target: Record, changed: set[str]
) -> None:
    """Refuse a document that breaks a rule where it differs from the present one."""
    wrong: list[str] = []
    if "link.redirects" in changed:
        if len(target["link.redirects"]) > MOST_REDIRECTS:
            refuse("REDIRECT_LIMIT_REACHED", limit=MOST_REDIRECTS)
        wrong += _wrong_redirects(app, now["link.redirects"], target["link.redirects"])
    if changed & {"link.languages", "link.default_language"}:
        offered, default = target["link.languages"], target["link.default_language"]
        if default and offered and default not in offered:
            wrong.append("link.default_language")
    for theme in ("light", "dark"):
        colors = target[f"link.appearance.{theme}"]
        if f"link.appearance.{theme}" in changed and colors not in (None, READABLE):
            wrong.append(f"link.appearance.{theme}.text")
    if any(path.startswith("banks.") for path in changed):
        wrong += banks.wrong_fields(world, now, target)
    if wrong:
        refuse_fields(*[f"settings.{path}" for path in wrong])


def _wrong_redirects(app: Record, now: list[Record], wanted: list[Record]) -> Iterator[str]:
    known = {one["id"] for one in now}
    for index, one in enumerate(wanted):
        earlier = {other["id"] for other in wanted[:index]}
        if one["id"] and (one["id"] not in known or one["id"] in earlier):
            yield f"link.redirects[{index}].id"
        if app["environment"] == "LIVE" and one["uri"].startswith("http:"):
            yield f"link.redirects[{index}].uri"


def _keep(world: World, app: Record, wanted: list[Record], said: Any) -> list[Record]:
    """Learn the ids of new redirects; those that were there keep theirs."""
    kept = []
    for one, other in zip(wanted, said.settings.link.redirects, strict=True):
        redirect_id = one["id"]
        if not redirect_id:
            redirect_id = world.take(other.id, "rdr")
            world.redirect_apps[redirect_id] = app["id"]
        kept.append({**one, "id": redirect_id})
    return kept


def _insert(
    world: World, caller: Record, app: Record, document: Record, said: Any, comment: str
) -> Record:
    versions = world.versions.setdefault(app["id"], [])
    version = {
        "version": len(versions) + 1,
        "etag": world.new_etag(said.etag) if said else "",
        "update_time": world.moment(),
        "document": document,
        "author": {"kind": caller["kind"], "id": caller["id"]},
        "comment": comment,
    }
    versions.append(version)
    return version


def _write(
    world: World, caller: Record, app: Record, made: Record, changed: list[str], **facts: Any
) -> None:
    version = {"version": made["version"], "paths": changed}
    world.write(caller, "settings.updated", app["id"], of=app, **version, **facts)


def _version(world: World, app: Record, number: int) -> Record:
    versions = world.versions[app["id"]]
    if number > len(versions):
        refuse("SETTINGS_VERSION_NOT_FOUND", version=number)
    return versions[number - 1] if number else versions[-1]


def _changed(old: Record, new: Record) -> list[str]:
    return [path for path in NEW if old[path] != new[path]]


def _value(value: Any) -> Any:
    return json_format.ParseDict(value, struct_pb2.Value())


def _colors(colors: Any) -> Record:
    return _fields(colors, "primary background text")


def _fields(of: Any, names: str) -> Record:
    return {name: getattr(of, name) for name in names.split()}
