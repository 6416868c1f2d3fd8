"""Colours of the widget: whether what stands on them can be read."""

from collections.abc import Iterator
from typing import Final

from finlink_server.domain.document import ThemeColors
from finlink_server.errors import Violation

NEEDED: Final = 4.5  # WCAG 2.2, success criterion 1.4.3, level AA


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    # Here and not above: it takes a tenth of the time in which a process starts.
    from coloraide import Color  # noqa: PLC0415

    return Color(one).contrast(other, method="wcag21")


def violations(colors: ThemeColors | None, place: str) -> Iterator[Violation]:
    """Find what does not stand out from the background."""
    if colors is None:
        return
    for name in ("text", "primary"):
        ratio = contrast(getattr(colors, name), colors.background)
        if ratio < NEEDED:
            yield Violation(
                f"{place}.{name}",
                # Cut, not rounded: 4.499 must not read as the 4.50 that would do.
                f"has a contrast of {int(ratio * 100) / 100:.2f}:1 to the background; at least"
                f" {NEEDED}:1 is needed",
            )
