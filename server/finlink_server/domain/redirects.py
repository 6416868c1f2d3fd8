"""Redirects: the named URIs to which Link returns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from finlink_server.domain import uris
from finlink_server.env import Env
from finlink_server.errors import RedirectLimitReached, Violation
from finlink_server.storage import models

MOST = 5


@dataclass(frozen=True)
class Redirect:
    """A named URI; the id is empty until the server gives one."""

    id: str
    display_name: str
    uri: str


def violations(
    wanted: Sequence[Redirect], present: Sequence[Redirect], environment: str
) -> Iterator[Violation]:
    """Find what breaks a rule in redirects that are to replace the present ones."""
    if len(wanted) > MOST:
        raise RedirectLimitReached(limit=MOST)
    known = {entry.id for entry in present}
    seen: set[str] = set()
    for index, entry in enumerate(wanted):
        place = f"settings.link.redirects[{index}]"
        if entry.id and entry.id not in known:
            expected = "must be an id that the app's redirects have now, or empty for a new entry"
            yield Violation(f"{place}.id", expected)
        if entry.id and entry.id in seen:
            yield Violation(f"{place}.id", "must not stand twice")
        seen.add(entry.id)
        problem = uris.redirect_problem(entry.uri, environment)
        if problem:
            yield Violation(f"{place}.uri", problem)


def keep(env: Env, app_id: str, wanted: Sequence[Redirect]) -> tuple[Redirect, ...]:
    """Give new entries their ids, and note whose they are."""
    kept = []
    for given in wanted:
        entry = given
        if not given.id:
            entry = replace(given, id=env.new_id("rdr"))
            models.Redirect.create(id=entry.id, app=app_id)
        kept.append(entry)
    return tuple(kept)
