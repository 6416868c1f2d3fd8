"""The table, as Markdown; the same as JSON; and a picture of the ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import grpc
from tests.bench.figures import Figure
from tests.bench.load import Load
from tests.bench.rows import BARE, EMPTY

_HEAD = (
    "64 in flight: calls/s",
    "p50 ms",
    "p99 ms",
    "1 in flight: p50 ms",
    "p99 ms",
    "CPU µs",
    "× bare",
    "× empty",
    "target",
    "by CPU",
)


@dataclass
class Line:
    """A row, and what each round measured."""

    name: str
    target: float | None  # of the throughput of `empty`
    things: int = 1  # that one call is about
    many: list[Load] = field(default_factory=list)
    one: list[Load] = field(default_factory=list)
    beside: list[Load] = field(default_factory=list)  # what it is compared with, just before

    def add(self, many: Load, one: Load, beside: Load) -> None:
        """Take in a round: with many calls in flight, and with one."""
        self.many.append(many)
        self.one.append(one)
        self.beside.append(beside)

    @property
    def ratio(self) -> float:
        """Its throughput, compared round by round."""
        pairs = zip(self.many, self.beside, strict=True)
        return statistics.median(mine.rate / its.rate for mine, its in pairs)

    @property
    def cost(self) -> float:
        """The same by what a call takes of the core: what else the machine does counts less."""
        pairs = zip(self.many, self.beside, strict=True)
        return statistics.median(its.cpu / mine.cpu for mine, its in pairs)


def write(lines: Sequence[Line], figures: Sequence[Figure], folder: Path) -> None:
    """Print the table, and leave it in a folder, with the JSON and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{machine()}\n\n{table(lines)}\n\n{list_of(figures)}\n"
    print(text)  # noqa: T201 - what it is for
    (folder / "bench.md").write_text(text)
    content = {
        "machine": machine(),
        "rows": [asdict(line) for line in lines],
        "figures": [asdict(figure) for figure in figures],
    }
    (folder / "bench.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    (folder / "bench.svg").write_text(picture(lines))


def machine() -> str:
    """Where this was measured."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    busy = os.getloadavg()[1]
    return (
        f"{os.cpu_count()} × {models[0] if models else platform.machine()}, Linux"
        f" {platform.release()}, Python {platform.python_version()}, grpcio {grpc.__version__};"
        f" load average {busy:.1f}."
    )


def table(lines: Sequence[Line]) -> str:
    """The rows, each the median of its rounds."""
    empty = next(line for line in lines if line.name == EMPTY)
    rows = [("row", *_HEAD), ("---", *("---:",) * len(_HEAD))]
    rows += [
        (
            line.name,
            _rate(line),
            *(
                f"{_median(loads, percentile):.2f}"
                for loads in (line.many, line.one)
                for percentile in ("p50", "p99")
            ),
            f"{_median(line.many, 'cpu'):.0f}",
            f"{_of_bare(line, empty):.2f}",
            "" if line.name == BARE else f"{1.0 if line is empty else line.ratio:.2f}",
            "" if line.target is None else f"≥ {line.target:.2f}",
            "" if line.name == BARE else f"{line.cost:.2f}",
        )
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def list_of(figures: Sequence[Figure]) -> str:
    """What else was measured."""
    rows = [("what", "measured", "target", ""), ("---", "---:", "---:", "---")]
    rows += [(one.name, one.measured, one.target, "" if one.holds else "missed") for one in figures]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def picture(lines: Sequence[Line]) -> str:
    """Bars: the throughput of each row as a part of `bare`; a stroke where its target is."""
    empty = next(line for line in lines if line.name == EMPTY)
    height, left, width = 26, 260, 480
    parts = []
    for index, line in enumerate(lines):
        y = 10 + index * height
        ratio = _of_bare(line, empty)
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(line.name)}</text>'
            f'<rect x="{left}" y="{y}" width="{min(ratio, 1.1) * width:.0f}" height="18"/>'
            f'<text x="{left + min(ratio, 1.1) * width + 6:.0f}" y="{y + 14}">{ratio:.2f}</text>'
        )
        if line.target is not None:
            at = left + line.target * (1.0 if line is empty else empty.ratio) * width
            parts.append(f'<path d="M{at:.0f} {y - 3}v24"/>')
    size = f'width="{left + width + 110}" height="{20 + len(lines) * height}"'
    style = (
        "text{font:13px sans-serif;fill:#57606a}"
        "rect{fill:#2f81f7}path{stroke:#cf222e;stroke-width:2}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        "<title>Throughput as a part of a bare gRPC handler; red: the target</title>"
        f"<style>{style}</style>{''.join(parts)}</svg>\n"
    )


def _of_bare(line: Line, empty: Line) -> float:
    """The throughput as a part of that of `bare`, with which `empty` alone is compared."""
    if line.name == BARE:
        return 1.0
    return empty.ratio if line is empty else line.ratio * empty.ratio


def _rate(line: Line) -> str:
    rate = statistics.median(load.rate for load in line.many)
    return f"{rate:,.0f}" if line.things == 1 else f"{rate:,.0f} ({rate * line.things:,.0f} tokens)"


def _median(loads: Sequence[Load], name: str) -> float:
    found: float = statistics.median(getattr(load, name) for load in loads)
    return found
