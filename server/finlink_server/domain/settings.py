"""An app's settings: one document, a new version with each change."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from finlink_server.domain import (
    banks,
    document,
    idempotency,
    journal,
    paging,
    redirects,
    settings_rules,
    visible,
)
from finlink_server.domain.caller import Caller, CallerKind
from finlink_server.domain.document import Document
from finlink_server.domain.etags import check_etag
from finlink_server.domain.idempotency import Once
from finlink_server.env import Env
from finlink_server.errors import AccountTokenRequired, SettingsVersionNotFound
from finlink_server.storage import rows
from finlink_server.storage.models import App, SettingsVersion


@dataclass(frozen=True)
class Settings:
    """One version of an app's settings."""

    app_id: str
    version: int
    etag: str
    update_time: int | None  # None for one that was only rehearsed
    document: Document


@dataclass(frozen=True)
class Change:
    """A part of the settings that a version changed."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class HistoryEntry:
    """A version's row, with what it changed."""

    row: SettingsVersion
    changes: Sequence[Change]


def make_first(env: Env, caller: Caller, app: App) -> None:
    """Make version 1 for a new app, in the transaction that makes the app."""
    _insert(env, caller, app.id, 1, Document(), comment="")


def get(caller: Caller, app_id: str, version: int) -> Settings:
    """Read a version; 0 means the present one."""
    return of_app(visible.app(caller, app_id).id, version)


def of_app(app_id: str, version: int = 0) -> Settings:
    """Read a version of an app's settings, for whom the app is visible."""
    if version:
        row = rows.find(SettingsVersion, "app_id = ? AND version = ?", app_id, version)
    else:
        row = rows.find(SettingsVersion, "app_id = ? ORDER BY version DESC LIMIT 1", app_id)
    if row is None:
        raise SettingsVersionNotFound(app_id=app_id, version=version)
    return Settings(
        app_id, row.version, row.etag, row.create_time, document.from_json(row.document)
    )


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
    paths = document.expand(mask)
    _refuse_disarming(caller, app_id, paths)
    catalogue = banks.catalogue(env)
    with env.transaction(app_id):
        app = visible.app(caller, app_id, "settings.app_id")
        present = of_app(app.id)
        check_etag(etag, present.etag)
        target = present.document
        for path in paths:
            target = document.take(target, wanted, path)
        changed = document.changed(present.document, target)
        settings_rules.check(catalogue, app.environment, present.document, target, changed)
        if not changed:
            return present
        if validate_only:
            version = present.version + 1
            return Settings(app.id, version, etag="", update_time=None, document=target)
        kept = redirects.keep(env, app.id, target.link.redirects)
        target = replace(target, link=replace(target.link, redirects=kept))
        return _write(env, caller, app, present, target, comment, {})


def rollback(
    env: Env, caller: Caller, app_id: str, version: int, etag: str, comment: str, once: Once
) -> Settings:
    """Make a new version that equals an earlier one."""
    with env.transaction(app_id, once.lock):
        app = visible.app(caller, app_id)
        earlier = idempotency.find(env, caller, once)
        if earlier is not None:
            return of_app(app.id, int(earlier))
        present = of_app(app.id)
        check_etag(etag, present.etag)
        target = of_app(app.id, version).document
        made = present
        if target != present.document:
            facts = {"rolled_back_to": version}
            made = _write(env, caller, app, present, target, comment, facts)
        idempotency.remember(env, caller, once, str(made.version))
        return made


def history(
    env: Env, caller: Caller, app_id: str, size: int, token: str
) -> paging.Page[HistoryEntry]:
    """List the versions with what each changed, newest first."""
    app = visible.app(caller, app_id)
    query = SettingsVersion.select().where(SettingsVersion.app == app.id)
    page: paging.Page[SettingsVersion] = paging.page(
        env,
        caller,
        query,
        SettingsVersion.version,
        size=size,
        token=token,
        filters=app.id,
        newest_first=True,
        # What a version changed is said with its old and its new value.
        weigh=lambda row: 2 * len(row.document),
    )
    if not page.rows:
        return paging.Page([], "")
    oldest = page.rows[-1].version
    before = query.where(SettingsVersion.version == oldest - 1).first()
    documents = [document.from_json(row.document) for row in page.rows]
    documents.append(document.from_json(before.document) if before else documents[-1])
    entries = [
        HistoryEntry(row, _changes(documents[index + 1], documents[index]))
        for index, row in enumerate(page.rows)
    ]
    return paging.Page(entries, page.next_token)


def _refuse_disarming(caller: Caller, app_id: str, paths: Sequence[str]) -> None:
    """Keep session tokens from what could disarm the app, path by path."""
    if caller.kind is not CallerKind.SESSION:
        return
    for path in paths:
        if path in document.DISARMING:
            visible.app(caller, app_id, "settings.app_id")  # another app's looks like none, as ever
            raise AccountTokenRequired(path=path)


def _changes(old: Document, new: Document) -> list[Change]:
    return [
        Change(path, document.read_json(old, path), document.read_json(new, path))
        for path in document.changed(old, new)
    ]


def _write(
    env: Env,
    caller: Caller,
    app: App,
    present: Settings,
    target: Document,
    comment: str,
    facts: Mapping[str, object],
) -> Settings:
    made = _insert(env, caller, app.id, present.version + 1, target, comment)
    journal.write(
        env,
        caller,
        "settings.updated",
        app.id,
        account_id=app.account_id,
        app_id=app.id,
        version=made.version,
        paths=document.changed(present.document, target),
        comment=comment,
        **facts,
    )
    return made


def _insert(
    env: Env, caller: Caller, app_id: str, version: int, content: Document, comment: str
) -> Settings:
    text = document.to_json(content)
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
    return Settings(app_id, version, etag, now, content)
