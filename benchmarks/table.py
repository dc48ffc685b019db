"""Rows of figures as a table on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import figures
from benchmarks.scenarios import Sample

Row = tuple[str, ...]

_HEADINGS = ("", "seconds", "fastest", "CPU s", "peak MiB", "target", "")


def sample_row(name: str, sample: Sample, target: float | None = None) -> Row:
    """A scenario's figures; `target` in seconds."""
    seconds = figures.seconds(sample)
    return (
        name,
        f"{seconds:.2f}",
        f"{min(usage.seconds for usage in sample.usages):.2f}",
        f"{figures.cpu_seconds(sample):.2f}",
        f"{figures.peak_mib(sample):.0f}",
        f"≤ {target} s" if target else "",
        verdict(seconds <= target) if target else "",
    )


def verdict(met: bool) -> str:
    """The word for it."""
    return "met" if met else "missed"


def show(rows: Sequence[Row], note: str) -> None:
    """Print the table."""
    table = Table(*_HEADINGS, box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for row in rows:
        style = {"missed": "red", "starts Node": "red", "met": "green"}.get(row[-1])
        table.add_row(*row[:-1], f"[{style}]{row[-1]}[/]" if style else row[-1])
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(note, style="dim")


def markdown(rows: Sequence[Row], note: str) -> str:
    """The table for docs/benchmarks.md."""
    lines = [f"| {' | '.join(_HEADINGS)} |", "|---|---:|---:|---:|---:|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", f"{note}.", ""])


def as_data(sample: Sample) -> dict[str, Any]:
    """A scenario with all its runs."""
    return {
        "name": sample.name,
        "medianSeconds": round(figures.seconds(sample), 3),
        "peakMiB": round(figures.peak_mib(sample), 1),
        "facts": sample.facts,
        "runs": [
            {
                "seconds": round(usage.seconds, 3),
                "cpuSeconds": round(usage.cpu_seconds, 2),
                "peakMiB": round(usage.peak_mib, 1),
                "programs": sorted(usage.programs),
            }
            for usage in sample.usages
        ],
    }
