"""Shows webhooks as they arrive: to a person with colours, to a program as JSON lines."""

import json
import unicodedata
from datetime import datetime
from typing import Any, Final, TextIO

from rich.console import Console
from rich.text import Text

from finlink_client.webhook_receiver import Arrival

MAX_LINES: Final = 30
MAX_LINE: Final = 200  # characters
MAX_CLAIM: Final = 100  # characters of what a request that does not verify says of itself

# Control, format (bidirectional and zero-width among them), surrogate, private and
# unassigned characters, line and paragraph separators: some would steer the terminal.
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INDENT: Final = " " * 11  # under the mark's text, beside the time


class WebhookScreen:
    """For people: a block for each webhook, coloured on a terminal, plain in a pipe."""

    def __init__(self, out: TextIO) -> None:
        """Show on `out`."""
        self._console = Console(file=out, highlight=False)
        unicode = self._console.encoding.startswith("utf")
        self._verified, self._not_verified = ("✓", "✗") if unicode else ("+", "!")

    def show(self, arrival: Arrival, earlier: int) -> None:
        """Show a webhook; `earlier` is how often this event came before."""
        event = arrival.event
        if event:
            style, mark, told = "green", self._verified, [arrival.type, arrival.id]
        else:
            style, mark = "red", self._not_verified
            told = ["not verified:", *(_cut(one, MAX_CLAIM) for one in (arrival.type, arrival.id))]
        head = Text(f"{arrival.time.astimezone():%H:%M:%S} ", style="dim")
        head.append(f"{mark} ", style=f"bold {style}")
        head.append("  ".join(harmless(one) for one in told if one), style="bold")
        head.append(f"  answered {arrival.status}", style="dim")
        if earlier:
            head.append(f"  repeat: came {earlier} time{'s' * (earlier > 1)} before", "yellow")
        self._print(head)
        if event:
            times = f"{event.app_id}  at {event.time.isoformat()}"
            self._print(Text(f"{_INDENT}{harmless(times)}", style="dim"))
            self._body(_pretty(event.data))
        else:
            self._print(Text(f"{_INDENT}{arrival.problem}", style=style))
            self._body(arrival.body.decode(errors="replace"))

    def _body(self, text: str) -> None:
        lines = text.split("\n")
        for line in lines[:MAX_LINES]:
            self._print(Text(f"{_INDENT}{harmless(_cut(line, MAX_LINE))}"))
        if len(lines) > MAX_LINES:
            more = f"{_INDENT}… {len(lines) - MAX_LINES} more lines; --json shows them"
            self._print(Text(more, style="dim"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


class WebhookJsonLines:
    """For programs: one JSON object a webhook, in ASCII, and nothing else."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out

    def show(self, arrival: Arrival, earlier: int) -> None:
        """Write a webhook; `body` is an object once it is verified, else text."""
        event = arrival.event
        told: dict[str, Any] = {
            "received_time": _timestamp(arrival.time),
            "id": arrival.id,
            "type": arrival.type,
            "verified": event is not None,
            "problem": arrival.problem,
            "attempt_time": _timestamp(event.attempt_time) if event else None,
            "repeat": earlier > 0,
            "status": arrival.status,
            "body": arrival.body.decode(errors="replace"),
        }
        print(_json(told, arrival.body if event else b""), file=self._out, flush=True)


def harmless(text: str) -> str:
    """Write as escapes what would steer a terminal, or be invisible on it."""
    return "".join(
        f"\\u{ord(one):04x}" if unicodedata.category(one) in _STEERING else one for one in text
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _json(told: dict[str, Any], body: bytes) -> str:
    try:
        return json.dumps(told | {"body": json.loads(body)} if body else told)
    except RecursionError:  # nested so deep that it stays text
        return json.dumps(told)


def _pretty(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data, indent=2, ensure_ascii=False)
    except RecursionError:
        return json.dumps(data, ensure_ascii=False)


def _timestamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
