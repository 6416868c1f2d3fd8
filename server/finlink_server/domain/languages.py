"""Languages and countries: which tags and codes there are."""

import functools
import re
from collections.abc import Sequence
from typing import Final

import pycountry

LONGEST: Final = 35  # characters; RFC 5646 §4.4.1
TAG_EXPECTED: Final = "must be a BCP 47 tag, such as es or pt-BR"
COUNTRY_EXPECTED: Final = "must be an ISO 3166-1 alpha-2 code in capitals, such as ES"
_SUBTAGS: Final = re.compile("[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@functools.lru_cache(maxsize=1024)
def is_language(tag: str) -> bool:
    """Whether a tag is well-formed and its parts are registered (BCP 47, RFC 5646)."""
    # Here and not above: its tables take a tenth of the time in which a process starts.
    import langcodes  # noqa: PLC0415

    # The library also takes what CLDR writes: `es_ES`, and `root` for no language.
    return (
        len(tag) <= LONGEST
        and _SUBTAGS.fullmatch(tag) is not None
        and tag.casefold() != "root"
        and langcodes.tag_is_valid(tag)
    )


def is_country(code: str) -> bool:
    """Whether a code is an ISO 3166-1 alpha-2 code, in capitals."""
    return code in _countries()


def choose(wanted: str, offered: Sequence[str], default: str) -> str:
    """The language in which to speak: the one wanted if it is offered, else the default.

    Nothing offered means that everything is; empty means that nobody has said anything.
    """
    if wanted and not offered:
        return wanted
    return lookup(wanted, offered) or default or (offered[0] if offered else "")


def lookup(wanted: str, offered: Sequence[str]) -> str:
    """The tag offered that is nearest to the one wanted; empty if none is near.

    As in RFC 4647 §3.4: `pt-BR` finds `pt` if only that is offered, and `pt` never `pt-BR`.
    """
    folded = {tag.casefold(): tag for tag in offered}
    candidate = wanted.casefold()
    while candidate and candidate not in folded:
        candidate = candidate.rpartition("-")[0]
    return folded.get(candidate, "")


@functools.cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)
