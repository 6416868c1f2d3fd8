"""What a settings document may say. Only what a change changes is looked at.

So a customer can change a colour while a bank of the list has left the catalogue,
and a rule that became stricter does not stop every other change.
"""

from collections.abc import Iterator, Sequence

from finlink_server.domain import bank_list, colors, languages, redirects, uris
from finlink_server.domain.banks import Catalogue
from finlink_server.domain.document import BankSettings, Document
from finlink_server.errors import FieldInvalid, Violation


def check(
    catalogue: Catalogue,
    environment: str,
    present: Document,
    wanted: Document,
    changed: Sequence[str],
) -> None:
    """Refuse a document that breaks a rule where it differs from the present one."""
    paths = set(changed)
    link = wanted.link
    found: list[Violation] = []
    if "link.redirects" in paths:
        found += redirects.violations(link.redirects, present.link.redirects, environment)
    if paths & {"link.languages", "link.default_language"}:
        found += _languages(link.languages, link.default_language)
    if "link.texts" in paths:
        found += _text_languages([one.language for one in link.texts])
    for theme in ("light", "dark"):
        if f"link.appearance.{theme}" in paths:
            place = f"settings.link.appearance.{theme}"
            found += colors.violations(getattr(link.appearance, theme), place)
    for path, uri in (
        ("link.appearance.logo_uri", link.appearance.logo_uri),
        ("link.terms_uri", link.terms_uri),
        ("link.privacy_uri", link.privacy_uri),
    ):
        if path in paths and uri and (problem := uris.https_problem(uri)):
            found.append(Violation(f"settings.{path}", problem))
    if any(path.startswith("banks.") for path in paths):
        found += _banks(catalogue, present.banks, wanted.banks)
    if found:
        raise FieldInvalid(violations=tuple(found))


def _languages(offered: Sequence[str], default: str) -> Iterator[Violation]:
    for index, tag in enumerate(offered):
        if not languages.is_language(tag):
            yield Violation(f"settings.link.languages[{index}]", languages.TAG_EXPECTED)
    folded = [tag.casefold() for tag in offered]
    if len(set(folded)) < len(folded):
        yield Violation("settings.link.languages", "must not name a language twice")
    place = "settings.link.default_language"
    if default and not languages.is_language(default):
        yield Violation(place, languages.TAG_EXPECTED)
    elif default and offered and default.casefold() not in folded:
        yield Violation(place, "must be one of languages")


def _text_languages(tags: Sequence[str]) -> Iterator[Violation]:
    for index, tag in enumerate(tags):
        place = f"settings.link.texts[{index}].language"
        if not languages.is_language(tag):
            yield Violation(place, languages.TAG_EXPECTED)
        elif tag.casefold() in {earlier.casefold() for earlier in tags[:index]}:
            yield Violation(place, "must not stand twice")


def _banks(
    catalogue: Catalogue, present: BankSettings, wanted: BankSettings
) -> Iterator[Violation]:
    kept = {*present.bank_ids, *present.pinned_bank_ids}
    found = False
    for name in ("bank_ids", "pinned_bank_ids"):
        for index, bank_id in enumerate(getattr(wanted, name)):
            if not bank_list.is_known(catalogue, bank_id) and bank_id not in kept:
                found = True
                place = f"settings.banks.{name}[{index}]"
                yield Violation(place, f"{bank_id} is not in the catalogue; see ListBanks")
    if not found:
        yield from _list(catalogue, wanted)


def _list(catalogue: Catalogue, wanted: BankSettings) -> Iterator[Violation]:
    view = bank_list.View(wanted)
    if not bank_list.shown(catalogue, view).banks:
        yield Violation("settings.banks", "would leave the widget without any bank to show")
        return
    for index, bank_id in enumerate(wanted.pinned_bank_ids):
        why = bank_list.visibility(catalogue, view, bank_id)
        if why not in {bank_list.Visibility.SHOWN, bank_list.Visibility.LEFT_CATALOGUE}:
            place = f"settings.banks.pinned_bank_ids[{index}]"
            yield Violation(place, f"{bank_id} {why.value}, so it cannot be pinned")
