"""What is wrong with a settings file, and where: all of it at once."""

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A line and a column, from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """What is wrong at a place, and what to do."""

    place: Place
    path: str  # such as `link.redirects[0].uri`; empty where YAML itself is broken
    sentence: str

    def __str__(self) -> str:
        """Say it as compilers do, so that editors find the place."""
        return f"{self.place.line}:{self.place.column}: " + ": ".join(filter(None, self[1:]))


class SettingsFileError(Exception):
    """A file that says nothing that could be applied: nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep them in the order of the file."""
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))
