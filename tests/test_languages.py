"""What Link says: the languages that it offers, and the customer's texts in them."""

import pytest
from tests.app_settings import change, refusal_of

from finlink_server.domain import languages

pytestmark = pytest.mark.either("refused before any database is asked")

# fmt: off
THIRTY_ONE = [
    "es", "ca", "gl", "eu", "pt", "fr", "it", "de", "nl", "en", "ga", "cy", "da", "sv", "nb", "fi",
    "et", "lv", "lt", "pl", "cs", "sk", "sl", "hr", "sr", "hu", "ro", "bg", "el", "tr", "uk",
]
HIDDEN = [
    "\x00", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\xad", "\u061c", "\u200b", "\u200c",
    "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2060", "\u2066",
    "\u2069", "\ufeff", "\u115f", "\u3164", "\ue000", "\uffff", "\U000e0041",
]
LANGUAGES = [
    "es", "ES", "pt-BR", "es-419", "zh-Hant-TW", "sr-latn-RS", "de-1996", "ast", "i-klingon",
    "de-DE-u-co-phonebk", "en-x-shop",
]
# fmt: on
NO_LANGUAGE = [
    "",
    "e",
    "xx",
    "english",
    "espa\u00f1ol",
    "123",
    "*",
    "es-*",
    "es_ES",
    "es-",
    "-es",
    "es--ES",
    "es-ES-ES",
    "es-ESP-MAD",
    "es-ES-",
    "es ES",
    "es\n",
    "es\x00",
    "es\u200b",
    "\u0435s",  # a Cyrillic letter
    "root",
    "C",
    "POSIX",
    "zh-Hans-Hant",
    "de-DE-u",
    "en-a-bbb-a-ccc",
    "es;q=0.9",
    "es,fr",
    "<b>",
    "../es",
    "x" * 36,
    "en-x-" + "a-" * 20,
]
each_non_language = pytest.mark.parametrize("tag", NO_LANGUAGE, ids=ascii)


def texts(*tags, **fields):
    return {"link.texts": [{"language": tag, **fields} for tag in tags]}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_is_any_registered_tag_kept_as_it_is_written(account, app, tag):
    changed = change(account, app, {"link.languages": [tag], "link.default_language": tag})

    assert list(changed.link.languages) == [tag]
    assert changed.link.default_language == tag


@each_non_language
def test_a_language_that_is_none_is_refused_by_its_place(account, app, tag):
    fields = refusal_of(account, app, {"link.languages": ["es", tag]})

    assert list(fields) == ["settings.link.languages[1]"]


@each_non_language
def test_texts_in_no_language_are_refused_by_their_place(account, app, tag):
    assert list(refusal_of(account, app, texts("es", tag))) == ["settings.link.texts[1].language"]


@pytest.mark.parametrize("tag", NO_LANGUAGE[1:], ids=ascii)
def test_a_default_language_that_is_none_is_refused(account, app, tag):
    fields = refusal_of(account, app, {"link.default_language": tag})

    assert list(fields) == ["settings.link.default_language"]


@pytest.mark.parametrize("pair", [("es", "es"), ("es", "ES"), ("pt-BR", "PT-br")])
def test_no_language_stands_twice_blind_to_case(account, app, pair):
    assert list(refusal_of(account, app, {"link.languages": ["ca", *pair]})) == [
        "settings.link.languages"
    ]
    assert list(refusal_of(account, app, texts("ca", *pair))) == ["settings.link.texts[2].language"]


def test_thirty_languages_are_the_most(account, app):
    thirty = THIRTY_ONE[:30]

    changed = change(account, app, {"link.languages": thirty, **texts(*thirty)})

    assert list(changed.link.languages) == thirty
    assert [one.language for one in changed.link.texts] == thirty
    assert list(refusal_of(account, app, {"link.languages": THIRTY_ONE})) == [
        "settings.link.languages"
    ]
    assert list(refusal_of(account, app, texts(*THIRTY_ONE))) == ["settings.link.texts"]


@pytest.mark.parametrize(
    ("offered", "default"), [(["es", "ca"], "ca"), (["es"], "ES"), (["es"], ""), ([], "fr")]
)
def test_a_default_language_is_one_of_the_languages_or_any_where_there_are_none(
    account, app, offered, default
):
    values = {"link.languages": offered, "link.default_language": default}

    assert change(account, app, values).link.default_language == default


@pytest.mark.parametrize(("offered", "default"), [(["es"], "ca"), (["pt-BR"], "pt")])
def test_a_default_language_that_is_not_offered_is_refused_whichever_of_both_changes(
    account, app, offered, default
):
    both = {"link.languages": offered, "link.default_language": default}
    assert list(refusal_of(account, app, both)) == ["settings.link.default_language"]

    change(account, app, {"link.default_language": default})
    assert list(refusal_of(account, app, {"link.languages": offered})) == [
        "settings.link.default_language"
    ]


LIMITS = {"title": 60, "description": 200, "button": 30, "success": 200}


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\u9280", "\U0001f3e6"])
@pytest.mark.parametrize("field", LIMITS)
def test_a_text_has_its_limit_in_characters_of_any_script(account, app, field, letter):
    longest = letter * LIMITS[field]

    changed = change(account, app, texts("es", **{field: longest}))

    assert getattr(changed.link.texts[0], field) == longest
    fields = refusal_of(account, app, texts("ca", "es", **{field: longest + letter}))
    assert list(fields) == [f"settings.link.texts[{index}].{field}" for index in (0, 1)]
    assert f"{LIMITS[field]}" in fields[f"settings.link.texts[0].{field}"]


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
def test_a_text_holds_nothing_hidden(account, app, hidden):
    wrong = dict.fromkeys(LIMITS, f"Elige{hidden}banco")

    fields = refusal_of(account, app, texts("es", **wrong))

    assert list(fields) == [f"settings.link.texts[0].{field}" for field in LIMITS]
    assert all(f"U+{ord(hidden):04X}" in expected for expected in fields.values())


@pytest.mark.parametrize(
    ("wanted", "offered", "default", "spoken"),
    [
        ("", [], "", ""),
        ("", [], "fr", "fr"),
        ("es", [], "", "es"),
        ("es", [], "fr", "es"),
        ("", ["es", "fr"], "", "es"),
        ("", ["es", "fr"], "fr", "fr"),
        ("fr", ["es", "fr"], "es", "fr"),
        ("FR", ["es", "fr"], "es", "fr"),
        ("pt-br", ["pt", "pt-BR"], "", "pt-BR"),
        ("pt-BR", ["es", "pt"], "es", "pt"),
        ("pt", ["es", "pt-BR"], "es", "es"),
        ("pt-PT", ["es", "pt-BR"], "", "es"),
        ("zh-Hant-TW", ["zh", "zh-Hant"], "zh", "zh-Hant"),
        ("zh-Hant-CN-x-private1-private2", ["es", "zh-Hant"], "es", "zh-Hant"),
        ("ast", ["es", "as"], "es", "es"),
        ("de", ["es", "fr"], "fr", "fr"),
        ("de", ["es", "fr"], "", "es"),
    ],
)
def test_link_speaks_the_language_asked_for_or_else_the_default(wanted, offered, default, spoken):
    assert languages.choose(wanted, offered, default) == spoken


@pytest.mark.parametrize(
    ("asked", "spoken", "text"),
    [
        ("es", "es", "es"),
        ("ES", "es", "es"),
        ("es-MX", "es", "es"),
        ("pt", "pt", ""),
        ("fr", "pt", ""),
        ("", "pt", ""),
    ],
)
def test_a_link_says_the_texts_of_its_language_or_none(
    account, app, redirect_id, link_front_end, asked, spoken, text
):
    offered = {"link.languages": ["es", "pt", "ca"], "link.default_language": "pt"}
    change(account, app, {**offered, **texts("ca", "es", title="Hola")})

    query = f"id={redirect_id}&product=TRANSACTIONS&language={asked}"
    link = link_front_end.links.OpenLink(query=query).link

    assert link.language == spoken
    assert link.texts.language == text
    assert link.HasField("texts") == bool(text)
