"""The settings document of an app, and the paths by which its parts are named."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from typing import Any

from pydantic import TypeAdapter

from finlink_server.domain.redirects import Redirect
from finlink_server.errors import FieldInvalid


@dataclass(frozen=True)
class ThemeColors:
    """Colours of one theme, as `#rrggbb`."""

    primary: str
    background: str
    text: str


@dataclass(frozen=True)
class Appearance:
    """How the widget looks; a theme without colours has the widget's own."""

    light: ThemeColors | None = None
    dark: ThemeColors | None = None
    logo_uri: str = ""


@dataclass(frozen=True)
class LinkTexts:
    """The widget's texts in one language; an empty one is the widget's own."""

    language: str
    title: str = ""
    description: str = ""
    button: str = ""
    success: str = ""


@dataclass(frozen=True)
class LinkSettings:
    """How Link behaves for an app."""

    force_auth_token: bool = False
    redirects: tuple[Redirect, ...] = ()
    languages: tuple[str, ...] = ()
    default_language: str = ""
    appearance: Appearance = field(default_factory=Appearance)
    texts: tuple[LinkTexts, ...] = ()
    terms_uri: str = ""
    privacy_uri: str = ""


@dataclass(frozen=True)
class BankSettings:
    """Which banks an app's widget shows; `mode` is the name of a BankListMode."""

    mode: str = "ALL"
    bank_ids: tuple[str, ...] = ()
    pinned_bank_ids: tuple[str, ...] = ()
    country_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """The settings of an app."""

    link: LinkSettings = field(default_factory=LinkSettings)
    banks: BankSettings = field(default_factory=BankSettings)


# Every path that ends at a value; a shorter one stands for all that begin with it.
PATHS = (
    "link.force_auth_token",
    "link.redirects",
    "link.languages",
    "link.default_language",
    "link.appearance.light",
    "link.appearance.dark",
    "link.appearance.logo_uri",
    "link.texts",
    "link.terms_uri",
    "link.privacy_uri",
    "banks.mode",
    "banks.bank_ids",
    "banks.pinned_bank_ids",
    "banks.country_codes",
)
# Whoever changes these can disarm the app, so they need an account token.
DISARMING = frozenset(
    {"link.force_auth_token", "link.redirects", "link.terms_uri", "link.privacy_uri"}
)

_documents = TypeAdapter(Document)
_values: TypeAdapter[Any] = TypeAdapter(Any)


def to_json(document: Document) -> str:
    """The document as it is stored."""
    return _documents.dump_json(document).decode()


@lru_cache(maxsize=256)
def from_json(text: str) -> Document:
    """Read a stored document; parts that it does not know have their defaults."""
    return _documents.validate_json(text)


def expand(mask: Sequence[str]) -> list[str]:
    """The paths that an update mask names, each once, `*` and parents taken apart."""
    expanded: dict[str, None] = {}
    for path in mask:
        hits = [leaf for leaf in PATHS if path in {"*", leaf} or leaf.startswith(path + ".")]
        if not hits:
            raise FieldInvalid.of("update_mask", f"has no path `{path[:100]}`")
        expanded.update(dict.fromkeys(hits))
    return list(expanded)


def read(document: Document, path: str) -> Any:  # noqa: ANN401 - whatever stands there
    """The value at a path."""
    return reduce(getattr, path.split("."), document)


def read_json(document: Document, path: str) -> Any:  # noqa: ANN401
    """The value at a path, of what JSON holds."""
    return _values.dump_python(read(document, path), mode="json")


def take(document: Document, wanted: Document, path: str) -> Document:
    """The document with the value at a path taken from another."""
    taken: Document = _replace(document, path.split("."), read(wanted, path))
    return taken


def changed(old: Document, new: Document) -> list[str]:
    """The paths at which two documents differ."""
    return [path for path in PATHS if read(old, path) != read(new, path)]


def _replace(owner: Any, names: Sequence[str], value: Any) -> Any:  # noqa: ANN401
    name, *rest = names
    return replace(owner, **{name: _replace(getattr(owner, name), rest, value) if rest else value})
