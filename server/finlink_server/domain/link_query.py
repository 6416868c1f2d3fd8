"""The query of a Link URL: written by an end user's browser, so all of it is hostile."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from finlink_server import ids, text
from finlink_server.domain import banks, languages, link_parameters
from finlink_server.domain.link_parameters import Parameters
from finlink_server.errors import LinkParameterInvalid

# A rule: the value → what was expected, or "".
Rule = Callable[[str], str]

AUTH_TOKEN: Final = "authToken"  # noqa: S105 - the parameter's name
# URL name → field of LinkParameters.
NAMES: Final = {
    "id": "redirect_id",
    "entity": "bank_id",
    "product": "product",
    "subproduct": "subproduct",
    "external_id": "external_id",
    "theme": "theme",
    "language": "language",
    "country_codes": "country_codes",
    "update_token": "update_token",
    "restore_token": "restore_token",
}
_FIELDS: Final = {field: name for name, field in NAMES.items()}
_MOST_IGNORED: Final = 50
_LONGEST_NAME: Final = 100
_COUNTRIES: Final = re.compile(r"[A-Z]{2}(,[A-Z]{2})*")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Query:
    """The raw pairs of a query, in order; a name is decoded where that is possible."""

    pairs: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Keep what the URL holds out of logs and tracebacks."""
        return f"<Query of {len(self.pairs)} parameters>"

    @property
    def has_token(self) -> bool:
        """Whether the URL has an auth token, good or bad, even an empty one."""
        return any(name == AUTH_TOKEN for name, _ in self.pairs)

    def token(self) -> str:
        """Give the auth token, as text."""
        return self._values({AUTH_TOKEN})[AUTH_TOKEN]

    def values(self) -> Mapping[str, str]:
        """Give the known parameters, decoded, each at most once."""
        return self._values(NAMES)

    def redirect_id(self) -> str:
        """What the URL calls its redirect, if nothing else in it can be read."""
        return next((_decode(raw) or "" for name, raw in self.pairs if name == "id"), "")

    def ignored(self, *, with_token: bool) -> list[str]:
        """Names of what does not count, in order, each once."""
        names: dict[str, None] = {}
        for name, _ in self.pairs:
            counts = name == AUTH_TOKEN if with_token else name in NAMES
            if name and not counts:
                names[name[:_LONGEST_NAME]] = None
        return list(names)[:_MOST_IGNORED]

    def _values(self, wanted: Mapping[str, str] | set[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, raw in self.pairs:
            if name not in wanted:
                continue
            if name in values:
                raise LinkParameterInvalid(parameter=name, expected="must not stand twice")
            value = _decode(raw)
            if value is None:
                expected = "must be UTF-8 text, percent-encoded"
                raise LinkParameterInvalid(parameter=name, expected=expected)
            values[name] = value
        return values


def parse(query: str) -> Query:
    """Take a query apart without believing any of it (WHATWG URL, urlencoded parsing)."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            decoded = _decode(name)
            readable = decoded is not None and not text.problem(decoded)
            pairs.append((decoded if readable and decoded else name, value))
    return Query(tuple(pairs))


def parameters_of(values: Mapping[str, str]) -> Parameters:
    """Turn the URL's values into parameters, or refuse the first that breaks its rule."""
    fields: dict[str, str | tuple[str, ...]] = {}
    for name, value in values.items():
        if not value:
            continue  # an empty value is an absent one
        expected = _RULES[name](value)
        if expected:
            raise LinkParameterInvalid(parameter=name, expected=expected)
        fields[NAMES[name]] = tuple(value.split(",")) if name == "country_codes" else value
    return Parameters(**fields)  # type: ignore[arg-type] # NAMES holds only its fields


def url_name(field: str) -> str:
    """The URL's name of a field of LinkParameters."""
    return _FIELDS.get(field, field)


def _matching(pattern: re.Pattern[str], expected: str) -> Rule:
    return lambda value: "" if pattern.fullmatch(value) else expected


def _one_of(words: Sequence[str]) -> Rule:
    expected = f"must be one of {', '.join(words)}"
    return lambda value: "" if value in words else expected


def _external_id(value: str) -> str:
    if len(value) > link_parameters.LONGEST_EXTERNAL_ID:
        return f"must have at most {link_parameters.LONGEST_EXTERNAL_ID} characters"
    return text.problem(value)


def _connection_token(value: str) -> str:
    return text.token_problem(value, link_parameters.LONGEST_CONNECTION_TOKEN)


def _countries(value: str) -> str:
    if not _COUNTRIES.fullmatch(value):
        return "must be ISO 3166-1 alpha-2 codes in capitals with commas between, such as ES,PT"
    if value.count(",") < link_parameters.MOST_COUNTRIES:
        return ""
    return f"must name at most {link_parameters.MOST_COUNTRIES} countries"


# What a value must be by itself, so that nothing else is looked up or shown. Whether values
# go together, and which languages and countries there are, is the affair of
# link_parameters, which sees tokens' parameters too.
_RULES: Final[Mapping[str, Rule]] = {
    "id": _matching(
        ids.pattern("rdr"), "must be a redirect's id: `rdr_` and 26 letters and digits"
    ),
    "entity": lambda value: "" if banks.is_id(value) else banks.ID_EXPECTED,
    "product": _one_of(link_parameters.PRODUCTS),
    "subproduct": _one_of(link_parameters.SUBPRODUCTS),
    "external_id": _external_id,
    "theme": _one_of(link_parameters.THEMES),
    "language": _matching(
        re.compile(rf"(?=.{{1,{languages.LONGEST}}}$)[A-Za-z0-9]{{1,8}}(-[A-Za-z0-9]{{1,8}})*"),
        languages.TAG_EXPECTED,
    ),
    "country_codes": _countries,
    "update_token": _connection_token,
    "restore_token": _connection_token,
}


def _decode(raw: str) -> str | None:
    if _ESCAPE.search(raw):
        return None
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode()
    except UnicodeDecodeError:
        return None
