"""The demo's chapter about versions: who changed what, and the way back."""

from collections.abc import Sequence

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Value

from finlink.config import v1
from finlink_client.demo.cast import Cast, bare, once, shape

LONGEST_VALUE = 30
LANGUAGES = ("en", "fr")


def every_look_is_a_version(cast: Cast) -> None:
    """Nothing is lost: see who changed what, go back, and never overwrite another."""
    cast.stage.chapter("Every look is a version")
    cast.stage.ask(
        cast.customer,
        cast.customer.settings.ListSettingsVersions,
        v1.ListSettingsVersionsRequest(app_id=cast.app.id, page_size=2),
        asked="the last two: who changed what?",
        told=lambda a: "; ".join(f"{v.version} by {_author(v)}, “{v.comment}”" for v in a.versions),
        holds=lambda a: {
            "the newest first": [v.version for v in a.versions]
            == [cast.settings.version, cast.settings.version - 1],
            "by the server, then by the customer": [v.author.kind for v in a.versions]
            == [v1.ACTOR_KIND_SESSION, v1.ACTOR_KIND_ACCOUNT],
            "the server's change": [c.path for c in a.versions[0].changes]
            == ["banks.pinned_bank_ids"],
        },
        rows=lambda a: _changes(a.versions),
    )
    first = cast.first_settings
    back = cast.stage.ask(
        cast.customer,
        cast.customer.settings.RollbackSettings,
        v1.RollbackSettingsRequest(
            app_id=cast.app.id, version=first.version, comment="As before", request_id=once()
        ),
        asked=f"back to version {first.version}",
        told=lambda a: f"version {a.settings.version} says what version {first.version} said",
        holds=lambda a: {
            "a new version": a.settings.version == cast.settings.version + 1,
            "the first look": (a.settings.link, a.settings.banks) == (first.link, first.banks),
        },
    ).settings
    _two_writers(cast, back.etag)


def _two_writers(cast: Cast, etag: str) -> None:
    """Let two people change the version that both have read."""
    cast.settings = cast.stage.ask(
        cast.customer,
        cast.customer.settings.UpdateSettings,
        shape(
            cast.app.id,
            ["link.languages"],
            link=v1.LinkSettings(languages=LANGUAGES[:1]),
            etag=etag,
        ),
        asked=f"language {LANGUAGES[0]}, with the etag {etag}",
        told=lambda a: f"version {a.settings.version}, etag {a.settings.etag}",
        holds=lambda a: {"another etag": a.settings.etag != etag},
    ).settings
    cast.stage.expect_refusal(
        cast.server,
        cast.server.settings.UpdateSettings,
        shape("", ["link.languages"], link=v1.LinkSettings(languages=LANGUAGES[1:]), etag=etag),
        asked=f"language {LANGUAGES[1]}, with the same etag",
        reason="ETAG_MISMATCH",
        says=[cast.settings.etag],
    )


def _changes(versions: Sequence[v1.SettingsVersion]) -> list[dict[str, str]]:
    return [
        {
            "version": str(version.version),
            "path": change.path,
            "was": _short(change.old_value),
            "is": _short(change.new_value),
        }
        for version in versions
        for change in version.changes
    ]


def _author(version: v1.SettingsVersion) -> str:
    return bare(v1.ActorKind.Name(version.author.kind), "ACTOR_KIND_")


def _short(value: Value) -> str:
    """Give a value in a few words; none for what is unset or empty."""
    plain: object = MessageToDict(value)
    if isinstance(plain, dict):
        text = " ".join(str(plain[key]) for key in sorted(plain))
    elif isinstance(plain, list):
        text = " ".join(map(str, plain))
    else:
        text = str(plain or "")
    return f"{text[: LONGEST_VALUE - 1]}…" if len(text) > LONGEST_VALUE else text or "none"
