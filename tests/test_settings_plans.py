"""What a settings file would change: which entry is which, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.settings_plans import NEW_APP, endpoints, entry, plan, present

from finlink.config import v1
from finlink_client.messages import build
from finlink_client.settings_file import diffs, fields, plans, reader, writer
from finlink_client.settings_file.pairs import pair
from finlink_client.settings_file.plans import Action
from finlink_client.settings_file.problems import SettingsFileError


def ids(wanted: list[dict[str, Any]], there: list[dict[str, Any]]) -> list[str]:
    return [same["id"] if same else "" for same in pair(wanted, there)]


# ----------------------------------------------------------------------- which is which


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param([entry("A", "a"), entry("B", "b")], ["1", "2"], id="as they are"),
        pytest.param([entry("B", "b"), entry("A", "a")], ["2", "1"], id="in another order"),
        pytest.param([entry("A", "a2"), entry("B", "b")], ["1", "2"], id="moved"),
        pytest.param([entry("A2", "a"), entry("B", "b")], ["1", "2"], id="another name"),
        pytest.param([entry("A2", "a2"), entry("B", "b")], ["", "2"], id="both: a new one"),
        pytest.param([entry("A2", "a2", "1"), entry("B", "b")], ["1", "2"], id="both, by its id"),
        pytest.param([entry("B", "a"), entry("A", "b")], ["1", "2"], id="names exchanged"),
        pytest.param([entry("B", "b", "1")], ["1"], id="what the id says counts"),
        pytest.param([entry("", "a"), entry("", "c")], ["1", ""], id="no name is no sameness"),
        pytest.param([entry("A", "a"), entry("A", "c")], ["1", ""], id="each is one at most"),
        pytest.param([entry("A", "c"), entry("A", "a")], ["", "1"], id="the more alike first"),
    ],
)
def test_an_entry_is_the_one_that_is_most_like_it(wanted, expected):
    assert ids(wanted, [entry("A", "a", "1"), entry("B", "b", "2")]) == expected


def test_of_two_endpoints_at_one_uri_the_one_with_the_same_types_is_meant():
    there = [entry("", "a", "1", event_types=["x.*"]), entry("", "a", "2", event_types=["y.*"])]

    assert ids([entry("", "a", event_types=["y.*"])], there) == ["2"]


LETTERS = st.sampled_from("abc")
ENTRIES = st.lists(st.builds(entry, LETTERS, LETTERS), max_size=5)


@settings(deadline=None)
@given(wanted=ENTRIES, there=ENTRIES)
def test_no_two_entries_are_the_same_one(wanted, there):
    there = [one | {"id": str(index)} for index, one in enumerate(there)]

    found = [one for one in ids(wanted, there) if one]

    assert len(found) == len(set(found))
    untouched = [one for one in there if {**one, "id": ""} in wanted]
    assert len(found) >= min(len(untouched), len(wanted), 1)


@pytest.mark.parametrize("kind", ["link.redirects", "webhook_endpoints"])
def test_an_id_that_the_app_does_not_have_is_refused_with_its_line(kind):
    listed = "\n- {id: xyz_1, uri: https://a, display_name: A}\n- {id: xyz_1, uri: https://b}\n"
    text = f"link:\n redirects:{listed}" if kind == "link.redirects" else f"{kind}:{listed}"

    with pytest.raises(SettingsFileError) as refused:
        plan(text.replace("\n-", "\n -"), present())

    line = 4 if kind == "link.redirects" else 3
    assert f"{line}:9: {kind}[0].id: the app has no xyz_1" in str(refused.value)


def test_an_id_that_stands_twice_is_refused():
    there = present(link={"redirects": [entry("A", "https://a", "rdr_1")]})
    listed = "[{id: rdr_1, uri: https://a}, {id: rdr_1, uri: https://b}]"

    with pytest.raises(SettingsFileError, match=r"redirects\[1\].id: stands twice"):
        plan(f"link: {{redirects: {listed}}}", there)


# ------------------------------------------------------------------------ what changes


def test_what_the_file_does_not_mention_stays_and_is_told():
    there = present(link={"force_auth_token": True, "terms_uri": "https://a"})

    found = plan("link: {languages: []}", there)

    assert not found.changes_anything
    assert "link.force_auth_token" in found.unmentioned
    assert found.unmentioned[-2:] == ("banks", "webhook_endpoints")
    assert diffs.summary(found) == "The file would change nothing."
    assert diffs.remarks(found)[-1].startswith(
        "Not in the file, and left as it is: link.force_auth"
    )


def test_what_is_written_empty_is_emptied():
    there = present(link={"terms_uri": "https://a", "appearance": {"dark": {"text": "#ffffff"}}})

    found = plan("link: {terms_uri: '', appearance: {dark: null}}", there)

    assert {change.path: change.new for change in found.settings} == {
        "link.terms_uri": "",
        "link.appearance.dark": None,
    }


def test_a_redirect_that_goes_is_named():
    there = present(link={"redirects": [entry("A", "https://a", "rdr_1")]})

    assert plan("link: {redirects: []}", there).lost_redirects == ["rdr_1"]
    assert (
        plan("link: {redirects: [{display_name: A, uri: https://b}]}", there).lost_redirects == []
    )


@pytest.mark.parametrize(("prune", "action"), [(False, Action.KEEP), (True, Action.DELETE)])
def test_an_endpoint_that_is_not_in_the_file_goes_only_when_asked(prune, action):
    found = plan("webhook_endpoints: [{uri: https://a.example}]", endpoints("a", "b"), prune=prune)

    [change] = found.endpoints
    assert (change.action, change.id) == (action, "whe_b")
    assert found.changes_anything == prune


def test_a_file_without_a_list_of_endpoints_deletes_none():
    found = plan("link: {}", endpoints("a", "b"), prune=True)

    assert not found.changes_anything


def test_an_endpoint_is_left_disabled_unless_the_file_says_otherwise():
    there = endpoints("a")
    there.webhook_endpoints[0].disabled = True

    assert not plan("webhook_endpoints: [{uri: https://a.example}]", there).changes_anything
    found = plan("webhook_endpoints: [{uri: https://a.example, disabled: false}]", there)
    assert found.endpoints[0].changes == (plans.Change("disabled", old=True, new=False),)
    assert found.endpoints[0].etag == "e-a"


def test_more_endpoints_than_an_app_may_have_are_refused_before_anything_changes():
    there = endpoints(*(f"n{number}" for number in range(9)))
    listed = ", ".join(f"{{uri: https://new{number}.example}}" for number in range(2))

    with pytest.raises(SettingsFileError, match=r"webhook_endpoints\[1\]: would be one too many"):
        plan(f"webhook_endpoints: [{listed}]", there)

    assert len(plan(f"webhook_endpoints: [{listed}]", there, prune=True).endpoints) == 11


URIS = st.sampled_from([f"https://{name}.example" for name in "abcd"])
NAMES = st.sampled_from(["", "one", "two"])
MANY_ENDPOINTS = st.lists(
    st.builds(
        entry, NAMES, URIS, event_types=st.lists(st.sampled_from(["a.*", "b.c"]), max_size=2)
    ),
    max_size=5,
    unique_by=lambda one: (one["uri"], one["display_name"]),
)
MANY_REDIRECTS = st.lists(st.builds(entry, NAMES, URIS), max_size=4)
LANGUAGES = st.lists(st.sampled_from(["es", "no", "fr"]), max_size=3, unique=True)


def states(prefix: str) -> st.SearchStrategy[v1.Settings]:
    def build_one(redirects: Any, languages: Any, hooks: Any, flag: bool) -> v1.Settings:  # noqa: FBT001
        def numbered(kind: str, entries: Any) -> list[Any]:
            return [one | {"id": f"{kind}_{prefix}{n}"} for n, one in enumerate(entries)]

        return present(
            link={
                "force_auth_token": flag,
                "redirects": numbered("rdr", redirects),
                "languages": languages,
            },
            webhook_endpoints=numbered("whe", hooks),
        )

    return st.builds(build_one, MANY_REDIRECTS, LANGUAGES, MANY_ENDPOINTS, st.booleans())


def carried_out(found: plans.Plan, there: v1.Settings) -> v1.Settings:
    """What the service would have after a plan."""
    after = fields.settings_of(
        fields.values_of(there) | {change.path: change.new for change in found.settings}
    )
    hooks = {one.id: fields.endpoint_values(one) for one in there.webhook_endpoints}
    for number, change in enumerate(found.endpoints):
        if change.action is Action.DELETE:
            del hooks[change.id]
        elif change.action is not Action.KEEP:
            new_id = change.id or f"whe_new{number}"
            hooks[new_id] = {**change.entry, "id": new_id}
    return build(v1.Settings, NEW_APP | after | {"webhook_endpoints": [*hooks.values()]})


@settings(deadline=None)
@given(there=states("t"), wanted=states("w"))
def test_a_file_that_was_carried_out_changes_nothing_and_is_what_an_export_gives(there, wanted):
    file = reader.read(writer.write(writer.content(wanted)).encode())

    after = carried_out(plans.make(file, there, prune=True), there)

    assert not plans.make(file, after, prune=True).changes_anything
    exported, meant = writer.content(after), writer.content(wanted)
    hooks, meant_hooks = exported.pop("webhook_endpoints"), meant.pop("webhook_endpoints")
    assert exported == meant
    assert sorted(map(str, hooks)) == sorted(map(str, meant_hooks))  # the oldest first
