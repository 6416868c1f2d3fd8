"""How many examples the properties are put to: `HOSTILE_EXAMPLES=5000` for a long run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.hostile.messages import NASTY

some = settings(
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "100")),
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# What protobuf and gRPC can carry: any Unicode but surrogates.
any_text = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(NASTY)
printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))


def edited(text: str) -> st.SearchStrategy[str]:
    """Give a good text with a few of its characters replaced, dropped or doubled."""
    places = st.integers(0, max(0, len(text) - 1))
    edits = st.lists(st.tuples(places, st.text(max_size=2)), min_size=1, max_size=3)

    def apply(changes: list[tuple[int, str]]) -> str:
        letters = list(text)
        for place, by in changes:
            letters[place : place + 1] = by
        return "".join(letters)

    return edits.map(apply)
