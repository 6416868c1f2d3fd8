"""Settings and banks, between the domain's words and the protos' messages."""

from collections.abc import Iterable

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from finlink.config import v1
from finlink_server.domain.banks import Bank
from finlink_server.domain.document import (
    Appearance,
    BankSettings,
    Document,
    LinkSettings,
    LinkTexts,
    ThemeColors,
)
from finlink_server.domain.redirects import Redirect
from finlink_server.domain.settings import HistoryEntry, Settings
from finlink_server.env import Env
from finlink_server.services import convert_webhook
from finlink_server.services.convert import enum, time, word
from finlink_server.storage.webhook_models import Endpoint

_MOST_BICS = 10


def document(settings: v1.Settings) -> Document:
    """Unpack the document of settings."""
    link, banks = settings.link, settings.banks
    return Document(
        LinkSettings(
            force_auth_token=link.force_auth_token,
            redirects=tuple(Redirect(one.id, one.display_name, one.uri) for one in link.redirects),
            languages=tuple(link.languages),
            default_language=link.default_language,
            appearance=Appearance(
                light=_colors(link.appearance, "light"),
                dark=_colors(link.appearance, "dark"),
                logo_uri=link.appearance.logo_uri,
            ),
            texts=tuple(
                LinkTexts(one.language, one.title, one.description, one.button, one.success)
                for one in link.texts
            ),
            terms_uri=link.terms_uri,
            privacy_uri=link.privacy_uri,
        ),
        BankSettings(
            mode=word(v1.BankListMode, "BANK_LIST_MODE", banks.mode) or "ALL",
            bank_ids=tuple(banks.bank_ids),
            pinned_bank_ids=tuple(banks.pinned_bank_ids),
            country_codes=tuple(banks.country_codes),
        ),
    )


def settings(
    env: Env,
    version: Settings,
    missing_bank_ids: Iterable[str],
    endpoints: Iterable[Endpoint],
) -> v1.Settings:
    """Pack a version of an app's settings, with its webhook endpoints of today."""
    link, banks = version.document.link, version.document.banks
    return v1.Settings(
        app_id=version.app_id,
        version=version.version,
        etag=version.etag,
        update_time=time(version.update_time),
        link=v1.LinkSettings(
            force_auth_token=link.force_auth_token,
            redirects=[
                v1.Redirect(id=one.id, display_name=one.display_name, uri=one.uri)
                for one in link.redirects
            ],
            languages=link.languages,
            default_language=link.default_language,
            appearance=appearance(link.appearance) if link.appearance != Appearance() else None,
            texts=[texts(one) for one in link.texts],
            terms_uri=link.terms_uri,
            privacy_uri=link.privacy_uri,
        ),
        banks=v1.BankSettings(
            mode=enum(v1.BankListMode, "BANK_LIST_MODE", banks.mode),
            bank_ids=banks.bank_ids,
            pinned_bank_ids=banks.pinned_bank_ids,
            country_codes=banks.country_codes,
            missing_bank_ids=missing_bank_ids,
        ),
        webhook_endpoints=[convert_webhook.endpoint(env, one) for one in endpoints],
    )


def appearance(of: Appearance) -> v1.Appearance:
    """Pack how the widget looks."""
    packed = v1.Appearance(logo_uri=of.logo_uri)
    for theme in ("light", "dark"):
        colors: ThemeColors | None = getattr(of, theme)
        if colors is not None:
            getattr(packed, theme).MergeFrom(
                v1.ThemeColors(
                    primary=colors.primary, background=colors.background, text=colors.text
                )
            )
    return packed


def texts(of: LinkTexts) -> v1.LinkTexts:
    """Pack the widget's texts in one language."""
    return v1.LinkTexts(
        language=of.language,
        title=of.title,
        description=of.description,
        button=of.button,
        success=of.success,
    )


def settings_version(entry: HistoryEntry) -> v1.SettingsVersion:
    """Pack a version with what it changed."""
    row = entry.row
    return v1.SettingsVersion(
        version=row.version,
        author=v1.Actor(kind=enum(v1.ActorKind, "ACTOR_KIND", row.author_kind), id=row.author_id),
        create_time=time(row.create_time),
        comment=row.comment,
        changes=[
            v1.SettingsChange(
                path=change.path,
                old_value=ParseDict(change.old, Value()),
                new_value=ParseDict(change.new, Value()),
            )
            for change in entry.changes
        ],
    )


def bank(of: Bank) -> v1.Bank:
    """Pack a bank."""
    return v1.Bank(
        id=of.id,
        display_name=of.display_name,
        short_name=of.short_name,
        country_code=of.country_code,
        # The catalogue knows every branch's; people and widgets know the house by these.
        bics=list(dict.fromkeys(bic[:8] for bic in of.bics))[:_MOST_BICS],
        products=sorted(enum(v1.Product, "PRODUCT", product) for product in of.products),
        maturity=enum(v1.BankMaturity, "BANK_MATURITY", of.maturity),
        status=enum(v1.BankStatus, "BANK_STATUS", of.status),
        logo_uri=of.logo_uri,
        source=enum(v1.BankSource, "BANK_SOURCE", of.source),
        left_catalogue=not of.in_catalogue,
    )


def app_banks(banks: Iterable[Bank], pinned: frozenset[str]) -> list[v1.AppBank]:
    """Pack banks as a widget shows them."""
    return [v1.AppBank(bank=bank(one), pinned=one.id in pinned) for one in banks]


def _colors(of: v1.Appearance, theme: str) -> ThemeColors | None:
    if not of.HasField("light" if theme == "light" else "dark"):
        return None
    colors: v1.ThemeColors = getattr(of, theme)
    return ThemeColors(colors.primary, colors.background, colors.text)
