"""Plans as people read them."""

from __future__ import annotations

import pytest
from tests.settings_plans import endpoints, entry, plan, present

from finlink_client.settings_file import diffs, plans


def shown(found: plans.Plan) -> list[str]:
    return [f"{line.sign} {line.text}" for line in diffs.diff(found)]


def test_a_diff_shows_what_goes_in_one_color_and_what_comes_in_the_other():
    there = present(
        link={
            "redirects": [entry("A", "https://a", "rdr_1"), entry("B", "https://b", "rdr_2")],
            "terms_uri": "https://t",
        },
        webhook_endpoints=[{"id": "whe_1", "uri": "https://h", "event_types": ["a.*"]}],
    )
    text = """
link:
  redirects:
    - {display_name: A, uri: https://a2}
    - {display_name: B, uri: https://b}
  terms_uri: ''
webhook_endpoints:
  - {uri: https://h, event_types: [a.*, b.*]}
  - {uri: https://new}
"""

    assert shown(plan(text, there)) == [
        "  link.redirects:",
        "    - id: rdr_1",
        "      display_name: A",
        "-     uri: https://a",
        "+     uri: https://a2",
        "    - id: rdr_2",
        "      display_name: B",
        "      uri: https://b",
        "- link.terms_uri: https://t",
        "+ link.terms_uri: ''",
        "  whe_1 (https://h):",
        "    event_types:",
        "      - a.*",
        "+     - b.*",
        "+ new endpoint:",
        "+   display_name: ''",
        "+   uri: https://new",
        "+   event_types: []",
    ]


def test_of_a_long_list_only_the_neighbourhood_of_a_change_is_shown():
    languages = [f"l{number:02}" for number in range(30)]
    there = present(link={"languages": languages})

    lines = shown(
        plan(f"link: {{languages: [{', '.join(languages[:20] + languages[21:])}]}}", there)
    )

    assert lines[:3] == ["  link.languages:", "    …", "    - l17"]
    assert "-   - l20" in lines
    assert len(lines) == 2 + 3 + 1 + 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("link: {terms_uri: https://a}", "change 1 setting"),
        ("link: {terms_uri: https://a, languages: [es]}", "change 2 settings"),
        (
            "link: {terms_uri: https://a}\nwebhook_endpoints: [{uri: https://n}]",
            "change 1 setting, create 1 endpoint and delete 2 endpoints",
        ),
    ],
)
def test_a_summary_counts_what_would_change(text, said):
    assert diffs.summary(plan(text, endpoints("a", "b"), prune=True)) == f"The file would {said}."
