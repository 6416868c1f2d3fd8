"""Settings files, written and read: what is written comes back, and nothing is guessed."""

import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.app_settings import DARK, LIGHT

from finlink.config import v1
from finlink_client.messages import build
from finlink_client.settings_file import fields, reader, writer
from finlink_client.settings_file.problems import SettingsFileError
from finlink_server.domain import document

HEAD = "api_version: finlink.config.v1\n"
FULL = build(
    v1.Settings,
    {
        "app_id": "app_1",
        "link": {
            "force_auth_token": True,
            "redirects": [{"id": "rdr_1", "display_name": "Shop", "uri": "https://shop.example/b"}],
            "languages": ["es", "no", "pt-BR"],
            "default_language": "no",
            "appearance": {"light": LIGHT, "dark": DARK, "logo_uri": "https://shop.example/l.svg"},
            "texts": [{"language": "es", "title": "Elige tu banco: ¡ya!", "button": "yes"}],
            "terms_uri": "https://shop.example/terms?a=b",
            "privacy_uri": "https://shop.example/privacy",
        },
        "banks": {
            "mode": "EXCEPT",
            "bank_ids": ["es-bbva"],
            "pinned_bank_ids": ["no-dnb"],
            "country_codes": ["NO", "ES"],
        },
        "webhook_endpoints": [
            {"id": "whe_1", "uri": "https://shop.example/hook", "event_types": ["secret.*"]},
            {
                "id": "whe_2",
                "uri": "https://shop.example/2",
                "display_name": "2",
                "disabled": True,
                "disabled_reason": "REQUESTED",
            },
        ],
    },
)


def read(text, *, head=HEAD):
    return reader.read((head + text).encode())


def problems_in(content):
    try:
        reader.read(content)
    except SettingsFileError as refused:
        return refused.problems
    return None


# --------------------------------------------------------------------------- what it knows


def test_a_file_can_say_everything_that_an_update_can():
    assert fields.PATHS == document.PATHS


def test_a_file_can_say_of_an_endpoint_all_that_an_update_can():
    message = v1.Endpoint.DESCRIPTOR.fields_by_name

    assert set(fields.ENDPOINT_FIELDS) <= set(message)
    # What UpdateEndpoint's mask may name, and what names the endpoint.
    assert set(fields.ENDPOINT_FIELDS) == {"id", "uri", "event_types", "display_name", "disabled"}


# ------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("with_ids", [True, False])
def test_what_is_written_is_read_back(with_ids):
    found = reader.read(writer.write(writer.content(FULL, with_ids=with_ids)).encode())

    values = fields.values_of(FULL)
    values["link.redirects"][0]["id"] = "rdr_1" if with_ids else ""
    assert found.values == values
    assert found.app_id == "app_1"
    assert found.endpoints == [
        fields.endpoint_values(one) | ({} if with_ids else {"id": ""})
        for one in FULL.webhook_endpoints
    ]


def test_json_is_read_as_well():
    content = writer.content(FULL)

    as_json = reader.read(json.dumps(content).encode())

    as_yaml = reader.read(writer.write(content).encode())
    assert (as_json.values, as_json.endpoints) == (as_yaml.values, as_yaml.endpoints)


def test_no_secret_and_nothing_that_only_the_server_says_is_written():
    told = v1.Settings.FromString(FULL.SerializeToString())
    told.etag, told.version = "0123456789abcdef", 77
    told.webhook_endpoints[0].etag = "fedcba9876543210"
    told.webhook_endpoints[0].signing_secrets.add(hint="aB3x")
    told.banks.missing_bank_ids.append("es-gone")

    written = writer.write(writer.content(told, with_ids=True))

    assert [one for one in ("0123456", "77", "fedcba", "aB3x", "gone") if one in written] == []


@pytest.mark.parametrize("reason", ["GONE", "FAILING"])
def test_that_the_server_disabled_an_endpoint_is_no_wish(reason):
    endpoint = {"uri": "https://a.example", "disabled": True, "disabled_reason": reason}
    told = build(v1.Settings, {"webhook_endpoints": [endpoint]})

    [entry] = writer.content(told)["webhook_endpoints"]

    assert "disabled" not in entry


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20
) | st.sampled_from(["no", "NO", "y", "~", "null", "1e3", "0o17", "1:30", "=", "<<", "#x", "- a"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.lists(WORDS, max_size=8), word=WORDS, title=WORDS, flag=st.booleans())
def test_text_of_any_kind_comes_back_as_it_was(words, word, title, flag):
    told = build(
        v1.Settings,
        {
            "link": {
                "force_auth_token": flag,
                "languages": words,
                "terms_uri": word,
                "texts": [{"language": "es", "title": title}],
            },
            "banks": {"mode": "ONLY"},
            "webhook_endpoints": [{"uri": f"https://{word}", "event_types": words}],
        },
    )

    written = writer.write(writer.content(told))

    found = reader.read(written.encode())
    assert found.values == fields.values_of(told)
    assert found.endpoints == [fields.endpoint_values(told.webhook_endpoints[0])]
    # Other parsers, which know nothing of fields, read the same.
    parsed = yaml.safe_load(written)
    assert (parsed["link"]["languages"], parsed["link"]["terms_uri"]) == (words, word)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="[]{}:-&*!|>'\"#%@ \n\tab", max_size=60))
def test_whatever_a_file_holds_it_is_read_or_refused_with_a_place(content):
    text = content if isinstance(content, bytes) else (HEAD + content).encode()

    found = problems_in(text)

    assert found is None or found
    assert all(problem.place >= (1, 1) for problem in found or ())


# ----------------------------------------------------------------------- what is understood


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("[NO, no, yes, ON, off, y]", ["NO", "no", "yes", "ON", "off", "y"]),
        ("[1, 1e3, 0x10, 12:30, 2026-01-01]", ["1", "1e3", "0x10", "12:30", "2026-01-01"]),
        ("['~', \"null\", '']", ["~", "null", ""]),
        ("[]", []),
    ],
)
def test_what_is_meant_as_text_is_text(written, meant):
    assert read(f"link: {{languages: {written}}}").values == {"link.languages": meant}


def test_what_a_file_leaves_out_is_not_mentioned():
    found = read("link:\n  appearance:\n    dark: null\n")

    assert found.values == {"link.appearance.dark": None}
    assert found.endpoints is None


def test_an_entry_that_is_written_once_can_be_used_twice():
    found = read(f"link:\n  appearance:\n    light: &one {json.dumps(LIGHT)}\n    dark: *one\n")

    assert found.values["link.appearance.dark"] == found.values["link.appearance.light"] == LIGHT


def test_an_endpoint_that_says_little_wants_everything_and_is_left_enabled_or_not():
    found = read("webhook_endpoints: [{uri: https://a.example}]")

    assert found.endpoints == [
        {"id": "", "display_name": "", "uri": "https://a.example", "event_types": []}
    ]


def test_a_mark_of_utf_8_at_the_start_is_none_of_the_text():
    assert reader.read(b"\xef\xbb\xbf" + HEAD.encode()).values == {}


@pytest.mark.parametrize("word", ["y", "N", "1e3", "0o17", "1_000", ".5", "+1", "no", "null", "~"])
def test_a_word_that_some_parser_takes_for_something_else_is_quoted(word):
    assert writer.dump({"a": word}) == f"a: '{word}'\n"
