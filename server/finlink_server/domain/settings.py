"""An app's settings: one document, a new version with each change."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from finlink_server.domain import journal, redirects, visible
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.domain.etags import check_etag
from finlink_server.domain.redirects import Redirect
from finlink_server.env import Env
from finlink_server.errors import AccountTokenRequired, FieldInvalid, SettingsVersionNotFound
from finlink_server.storage.models import App, SettingsVersion


@dataclass(frozen=True)
class LinkSettings:
    """How Link behaves for an app."""

    force_auth_token: bool = False
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class Document:
    """The settings of an app."""

    link: LinkSettings = field(default_factory=LinkSettings)


@dataclass(frozen=True)
class Settings:
    """One version of an app's settings."""

    app_id: str
    version: int
    etag: str
    update_time: int
    document: Document


@dataclass(frozen=True)
class Path:
    """A part of the document that an update mask can name.

    `disarms`: whoever changes it can disarm the app, so it needs an account token.
    """

    read: Callable[[Document], Any]
    write: Callable[[Document, Document], Document]
    disarms: bool


def _of_link(name: str) -> Path:
    return Path(
        read=lambda document: getattr(document.link, name),
        write=lambda document, wanted: replace(
            document, link=replace(document.link, **{name: getattr(wanted.link, name)})
        ),
        disarms=name in {"force_auth_token", "redirects"},
    )


# Every path that ends at a value; a shorter one stands for all that begin with it.
PATHS = {f"link.{name}": _of_link(name) for name in ("force_auth_token", "redirects")}

_documents = TypeAdapter(Document)


def make_first(env: Env, caller: Caller, app: App) -> None:
    """Make version 1 for a new app, in the transaction that makes the app."""
    _insert(env, caller, app.id, 1, Document(), comment="")


def get(caller: Caller, app_id: str, version: int) -> Settings:
    """Read a version; 0 means the present one."""
    app = visible.app(caller, app_id)
    return of_app(app.id, version)


def of_app(app_id: str, version: int = 0) -> Settings:
    """Read a version of an app's settings, for whom the app is visible."""
    query = SettingsVersion.select().where(SettingsVersion.app == app_id)
    if version:
        query = query.where(SettingsVersion.version == version)
    row = query.order_by(SettingsVersion.version.desc()).first()
    if row is None:
        raise SettingsVersionNotFound(app_id=app_id, version=version)
    document = _documents.validate_json(row.document)
    return Settings(app_id, row.version, row.etag, row.create_time, document)


def update(
    env: Env,
    caller: Caller,
    app_id: str,
    wanted: Document,
    mask: Sequence[str],
    etag: str,
    comment: str,
    *,
    validate_only: bool,
) -> Settings:
    """Take the masked parts of a document over as a new version, all or nothing."""
    paths = expand(mask)
    for path in paths:
        if PATHS[path].disarms and caller.kind is CallerKind.SESSION:
            visible.app(caller, app_id, "settings.app_id")
            raise AccountTokenRequired(path=path)
    with env.transaction(app_id):
        app = visible.app(caller, app_id, "settings.app_id")
        present = of_app(app.id)
        check_etag(etag, present.etag)
        document = present.document
        for path in paths:
            document = PATHS[path].write(document, wanted)
        redirects.check(document.link.redirects, present.document.link.redirects, app.environment)
        if validate_only:
            return replace(present, document=document)
        document = replace(
            document,
            link=replace(
                document.link, redirects=redirects.keep(env, app.id, document.link.redirects)
            ),
        )
        changed = [path for path in PATHS if _differs(path, present.document, document)]
        if not changed:
            return present
        version = present.version + 1
        made = _insert(env, caller, app.id, version, document, comment)
        journal.write(
            env,
            caller,
            "settings.updated",
            app.id,
            account_id=app.account_id,
            app_id=app.id,
            version=version,
            paths=changed,
            comment=comment,
        )
        return made


def expand(mask: Sequence[str]) -> list[str]:
    """The paths that a mask names, each once, `*` and parents taken apart."""
    if not mask:
        raise FieldInvalid.of("update_mask", f"must name what to change: {_choices()}")
    expanded: dict[str, None] = {}
    for path in mask:
        hits = [leaf for leaf in PATHS if path in {"*", leaf} or leaf.startswith(path + ".")]
        if not hits:
            raise FieldInvalid.of("update_mask", f"has no path `{path[:100]}`; use {_choices()}")
        expanded.update(dict.fromkeys(hits))
    return list(expanded)


def _choices() -> str:
    return ", ".join(f"`{path}`" for path in ("*", "link", *PATHS))


def _differs(path: str, old: Document, new: Document) -> bool:
    read = PATHS[path].read
    return bool(read(old) != read(new))


def _insert(
    env: Env, caller: Caller, app_id: str, version: int, document: Document, comment: str
) -> Settings:
    text = _documents.dump_json(document).decode()
    etag = sha256(json.dumps([app_id, version, text]).encode()).hexdigest()[:16]
    now = env.now()
    SettingsVersion.create(
        app=app_id,
        version=version,
        document=text,
        etag=etag,
        author_kind=caller.kind.name,
        author_id=caller.id,
        comment=comment,
        create_time=now,
    )
    return Settings(app_id, version, etag, now, document)
