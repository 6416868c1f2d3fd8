"""Every page of the repository: what it points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests import readme
from tests.test_repository import tracked_files

# In a fenced block nothing is a link or a heading.
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PAGES = [*readme.PAGES, "CHANGELOG.md", "generated/REFERENCE.md"]


def text_of(page: Path) -> str:
    return _FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = (re.sub(r"[`*]", "", one) for one in _HEADING.findall(text_of(page)))
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name):
    page = readme.REPOSITORY / name
    broken = []

    for path, anchor in _LINK.findall(text_of(page)):
        target = (page.parent / path).resolve() if path else page
        is_there = target.exists() and (not anchor or anchor in anchors(target))
        broken += [] if is_there else [f"{path}#{anchor}"]

    assert broken == []


def test_every_page_of_the_repository_is_known():
    assert {name for name in tracked_files() if name.endswith(".md")} == set(PAGES)


@pytest.mark.parametrize("name", readme.PAGES)
def test_every_page_can_be_reached_from_the_readme(name):
    linked = {path for path, _ in _LINK.findall(readme.TEXT)}

    assert name in linked | {"README.md"}


@pytest.mark.parametrize("name", readme.PAGES)
def test_every_path_that_a_page_names_exists(name):
    tops = {path.name for path in readme.REPOSITORY.iterdir()} - {".venv", ".finlink"}
    named = {
        one for one in re.findall(r"`([\w./-]+)`", readme.PAGES[name]) if one.split("/")[0] in tops
    }

    assert [one for one in named if not (readme.REPOSITORY / one).exists()] == []


@pytest.mark.parametrize("name", readme.PAGES)
def test_every_file_that_a_page_names_by_its_name_alone_exists(name):
    named = set(re.findall(r"`(\w+\.py)`", readme.PAGES[name])) - set(readme.SAVED_AS)
    folders = [readme.REPOSITORY / one for one in ("server", "clients", "protos", "tests")]

    assert [one for one in named if not any(any(top.rglob(one)) for top in folders)] == []


@pytest.mark.parametrize("name", readme.PAGES)
def test_every_target_of_make_that_a_page_names_exists(name):
    makefile = (readme.REPOSITORY / "Makefile").read_text()

    for target in re.findall(r"\bmake ([a-z]+)\b(?=`|  | *#)", readme.PAGES[name]):
        assert f"\n{target}:" in makefile
