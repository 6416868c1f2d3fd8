"""Times and lengths of time, as they are typed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_LONGEST: Final = 10_000 * 365 * 86_400  # seconds: more than any rule allows


class Span(click.ParamType[timedelta]):
    """A length of time: 10m, 1h30m, 0s."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        text = str(value)
        parts = _PART.findall(text)
        seconds = sum(
            float(number) * (0.001 if unit == "ms" else _UNITS[unit]) for number, unit in parts
        )
        if "".join(map("".join, parts)) != text or not text or seconds > _LONGEST:
            self.fail("must be a length of time, as 30s, 10m, 1h30m or 7d.", param, ctx)
        return timedelta(seconds=seconds)


class Moment(click.ParamType[datetime]):
    """A time: RFC 3339, with its zone."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            found = datetime.min  # noqa: DTZ901 - refused below, for its zone
        if found.tzinfo is None:
            self.fail(
                "must be a time with its zone, as 2030-01-31T12:00:00Z.",
                param,
                ctx,
            )
        return found


SPAN: Final = Span()
MOMENT: Final = Moment()
