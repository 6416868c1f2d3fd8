"""How Link looks: colours that can be read, a logo and legal pages that are where they say."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.app_settings import DARK, LIGHT, change, leaf, read, refusal_of

from finlink_server.domain import colors as contrast
from finlink_server.domain.document import ThemeColors

pytestmark = pytest.mark.either("refused before any database is asked")

NAMES = ["primary", "background", "text"]
URI_PATHS = ["link.appearance.logo_uri", "link.terms_uri", "link.privacy_uri"]
each_theme = pytest.mark.parametrize("path", ["link.appearance.light", "link.appearance.dark"])
each_uri = pytest.mark.parametrize("path", URI_PATHS)


@each_theme
@pytest.mark.parametrize(
    "color",
    [
        "",
        "#",
        "0b5fff",
        "#fff",
        "#ffff",
        "#fffff",
        "#fffffff",
        "#ffffff80",
        "##fffff",
        "#gggggg",
        "#ffffff ",
        " #ffffff",
        "#ffffff\n",
        "#fff\x00fff",
        "white",
        "transparent",
        "currentcolor",
        "rgb(0, 0, 0)",
        "hsl(0 0% 0%)",
        "color(display-p3 1 1 1)",
        "var(--x)",
        "url(javascript:alert(1))",
        "#ffffff;}body{display:none",
        "#\u0661\u0661\u0661\u0661\u0661\u0661",
        "\uff03ffffff",
        "#fffff\uff46",
        "f" * 10_000,
    ],
    ids=lambda color: repr(color[:30]),
)
def test_a_color_is_six_hexadecimal_digits(account, app, path, color):
    fields = refusal_of(account, app, {path: dict.fromkeys(NAMES, color)})

    assert list(fields) == [f"settings.{path}.{name}" for name in NAMES]
    assert all("#1a2b3c" in expected for expected in fields.values())


@each_theme
def test_a_theme_has_all_its_colors_or_is_the_widgets_own(account, app, path):
    fields = refusal_of(account, app, {path: {"text": "#000000"}})
    assert list(fields) == [f"settings.{path}.primary", f"settings.{path}.background"]

    change(account, app, {path: LIGHT})
    assert leaf(change(account, app, {}, path), path) is None


def theme_with(name, color, background):
    """A theme whose text and primary colour are good, but for one colour to try."""
    return {"primary": "#000000", "text": "#000000", "background": background, name: color}


@each_theme
@pytest.mark.parametrize("name", ["primary", "text"])
@pytest.mark.parametrize(
    ("color", "background"),
    [("#767676", "#ffffff"), ("#FFFFFF", "#767676"), ("#0000ff", "#ffffff")],
)
def test_a_color_that_just_stands_out_is_kept_as_it_is_written(
    account, app, path, name, color, background
):
    colors = theme_with(name, color, background)

    kept = leaf(change(account, app, {path: colors}), path)

    assert {one: getattr(kept, one) for one in NAMES} == colors


@each_theme
@pytest.mark.parametrize("name", ["primary", "text"])
@pytest.mark.parametrize(
    ("color", "background", "measured"),
    [
        ("#777777", "#ffffff", "4.47"),
        ("#ffffff", "#777777", "4.47"),
        ("#ff0000", "#ffffff", "3.99"),  # 3.998, and still not 4
        ("#ffff00", "#ffffff", "1.07"),
        ("#cccccc", "#CCCCCC", "1.00"),
    ],
)
def test_a_color_that_does_not_stand_out_is_refused_with_the_ratios_measured_and_needed(
    account, app, path, name, color, background, measured
):
    fields = refusal_of(account, app, {path: theme_with(name, color, background)})

    assert list(fields) == [f"settings.{path}.{name}"]
    said = fields[f"settings.{path}.{name}"]
    assert f"{measured}:1" in said
    assert "4.5:1" in said


def test_every_faint_color_of_both_themes_is_named_at_once(account, app):
    faint = {"primary": "#eeeeee", "text": "#dddddd", "background": "#ffffff"}

    fields = refusal_of(
        account, app, {"link.appearance.light": faint, "link.appearance.dark": faint}
    )

    assert set(fields) == {
        f"settings.link.appearance.{theme}.{name}"
        for theme in ("light", "dark")
        for name in ("text", "primary")
    }


def luminance(color):
    """Relative luminance as WCAG 2.2 writes it down."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


COLORS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(COLORS, COLORS)
@example("#767676", "#ffffff")
@example("#777777", "#ffffff")
@settings(deadline=None, max_examples=200)
def test_contrast_is_what_wcag_says_whichever_color_is_behind(one, other):
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    ratio = (lighter + 0.05) / (darker + 0.05)

    for color, background in ((one, other), (other, one)):
        found = list(contrast.violations(ThemeColors(color, background, color), "x"))

        # The library's shares of red, green and blue have more digits than WCAG's.
        assert contrast.contrast(color, background) == pytest.approx(ratio, rel=3e-4)
        if abs(ratio - 4.5) > 0.002:
            named = [violation.field for violation in found]
            assert named == ["x.text", "x.primary"] * (ratio < 4.5)
        assert not any("4.50:1" in violation.expected for violation in found)


@each_uri
@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example/terms",
        "https://shop.example:8443/a.svg?v=2",
        "https://xn--mnchen-3ya.example/agb",
        "HTTPS://SHOP.example",
        "https://shop.example/" + "x" * 2027,
    ],
    ids=lambda uri: uri[:40],
)
def test_a_logo_and_legal_pages_are_https_uris(account, app, path, uri):
    assert leaf(change(account, app, {path: uri}), path) == uri


@each_uri
@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/",
        "http://localhost/",
        "http://127.0.0.1/",
        "http://localhost.evil.com/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,hello",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://shop.example/1",
        "//shop.example/",
        "/terms",
        "shop.example/terms",
        "https:shop.example",
        "https://",
        "https:///terms",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example@evil.com/",
        "https://shop.example\\@evil.com/",
        "https://shop.example%40evil.com/",
        "https://shop.example/#fragment",
        "https://*.shop.example/",
        "https://m\u00fcnchen.example/",
        "https://\u0440aypal.example/",  # a Cyrillic letter
        "https://shop\u3002example/",  # a full stop of another script
        "https://shop.example/\u202efdp",
        "https://shop.example/\x00",
        "https://shop.example/a b",
        "https://shop.example/\r\nSet-Cookie: a",
        " https://shop.example/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example/%zz",
        "https://shop.example/" + "x" * 2028,
    ],
    ids=lambda uri: ascii(uri[:40]),
)
def test_a_uri_that_is_not_what_it_looks_like_is_refused(account, app, path, uri):
    assert list(refusal_of(account, app, {path: uri})) == [f"settings.{path}"]


def test_every_wrong_uri_is_named_at_once(account, app):
    fields = refusal_of(account, app, dict.fromkeys(URI_PATHS, "http://shop.example/"))

    assert set(fields) == {f"settings.{path}" for path in URI_PATHS}


def test_a_link_has_the_look_of_its_opening(account, app, redirect_id, link_front_end):
    query = f"id={redirect_id}&product=TRANSACTIONS"
    logo = "https://shop.example/logo.svg"
    look = {"link.appearance.light": LIGHT, "link.appearance.dark": DARK}

    change(account, app, {**look, "link.appearance.logo_uri": logo})
    opened = link_front_end.links.OpenLink(query=query).link
    change(account, app, {}, "link.appearance")

    assert opened.appearance == read(account, app, 3).link.appearance
    assert opened.appearance.logo_uri == logo
    assert link_front_end.links.GetLink(link_id=opened.id).link.appearance == opened.appearance
