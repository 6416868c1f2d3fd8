"""What the server does by itself, which tests of what a call does must not take for the call's."""

from __future__ import annotations

from typing import Any

from tests.gates import until


def wait_until_idle(server: Any) -> None:
    """Go on when there is nothing to do until something is committed or the clock is moved."""
    dispatcher = server.app.dispatcher

    def is_idle() -> bool:
        # Read before what it vouches for, as the dispatcher itself does.
        version, now = server.env.feed.look().version, server.env.now()
        has_kept_house = now - dispatcher._housekeeping_time < 60_000_000
        at_work = dispatcher._at_work or dispatcher._results
        return (
            has_kept_house
            and version == dispatcher._seen
            and now < dispatcher._next_time
            and not at_work
        )

    until(is_idle)
