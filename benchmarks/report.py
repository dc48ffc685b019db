"""The figures as a table on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import figures
from benchmarks.figures import Line
from benchmarks.scenarios import Sample

_HEADINGS = ("", "seconds", "fastest", "CPU s", "peak MiB", "target", "")


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured.

    Attributes:
        machine: where.
        runs: how often each scenario ran, the sizes apart.
        cold, peer, no_change, one_model: the scenarios.
        sizes: numbers of models.
        growth: a sample of each.
    """

    machine: dict[str, str]
    runs: int
    cold: Sample
    peer: Sample
    no_change: Sample
    one_model: Sample
    sizes: tuple[int, ...]
    growth: tuple[Sample, ...]

    @property
    def line(self) -> Line | None:
        return figures.fit(self.sizes, self.growth)


def rows(results: Results) -> list[tuple[str, ...]]:
    """The rows of the table."""
    by_peer = figures.ratio(results.cold, results.peer)
    cpu_by_peer = figures.cpu_ratio(results.cold, results.peer)
    starts_node = bool(results.no_change.facts["node"])
    quiet = figures.seconds(results.no_change) <= figures.NO_CHANGE_SECONDS
    table = [
        _row(f"cold compile, {results.cold.facts['resources']} resources", results.cold, figures.COLD_SECONDS),
        _row("bare CDK app, the same resources", results.peer),
        (
            "cold compile by bare app",
            f"{by_peer:.2f}x",
            "",
            f"{cpu_by_peer:.2f}x",
            "",
            f"≤ {figures.COLD_BY_PEER}x",
            _verdict(by_peer <= figures.COLD_BY_PEER),
        ),
        (
            *_row("no change", results.no_change)[:-2],
            f"≤ {figures.NO_CHANGE_SECONDS} s, no Node",
            "starts Node" if starts_node else _verdict(quiet),
        ),
        _row(f"one model changed, {_changed(results.one_model)}", results.one_model),
        *(_row(f"{sample.name}, {sample.facts['resources']} resources", sample) for sample in results.growth),
    ]
    if line := results.line:
        steps = ", ".join(f"{step:.3f}" for step in line.steps)
        table.append(
            (
                f"each model adds, CPU s (steps {steps})",
                f"{line.per_model:.3f}",
                "",
                "",
                "",
                "linear",
                _verdict(line.is_linear),
            )
        )
        large, next_size = results.sizes[-1], results.sizes[-2]
        name = f"{large} by {next_size} models (line: {line.expected_by_line:.2f}x; R² {line.r_squared:.4f})"
        table.append((name, f"{line.largest_by_next:.2f}x", "", "", "", "", ""))
    return table


def _row(name: str, sample: Sample, target: float | None = None) -> tuple[str, ...]:
    seconds = figures.seconds(sample)
    return (
        name,
        f"{seconds:.2f}",
        f"{min(usage.seconds for usage in sample.usages):.2f}",
        f"{figures.cpu_seconds(sample):.2f}",
        f"{figures.peak_mib(sample):.0f}",
        f"≤ {target} s" if target else "",
        _verdict(seconds <= target) if target else "",
    )


def _changed(sample: Sample) -> str:
    changed = sample.facts["changed"]
    return f"{len(changed) if isinstance(changed, list) else 0} of {sample.facts['files']} files"


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


def heading(results: Results) -> str:
    """The machine, in a line."""
    machine = results.machine
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory']}, load {machine['load']} at the start, "
        f"ten million additions in {machine['additions']} s; "
        f"Python {machine['python']}, Node {machine['node']}, aws-cdk-lib {machine['aws-cdk-lib']}; "
        f"medians of {results.runs} runs ({len(results.growth[0].usages)} of each size)"
    )


def show(results: Results) -> None:
    """Print the table."""
    table = Table(*_HEADINGS, box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for row in rows(results):
        style = {"missed": "red", "starts Node": "red", "met": "green"}.get(row[-1])
        table.add_row(*row[:-1], f"[{style}]{row[-1]}[/]" if style else row[-1])
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(heading(results), style="dim")


def markdown(results: Results) -> str:
    """The table for docs/benchmarks.md."""
    lines = [f"| {' | '.join(_HEADINGS)} |", "|---|---:|---:|---:|---:|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(results)]
    return "\n".join([*lines, "", f"{heading(results)}.", ""])


def data(results: Results) -> dict[str, Any]:
    """Everything, for a machine to read."""
    samples = (results.cold, results.peer, results.no_change, results.one_model, *results.growth)
    line = results.line
    return {
        "machine": results.machine,
        "coldByPeer": round(figures.ratio(results.cold, results.peer), 3),
        "coldByPeerCpu": round(figures.cpu_ratio(results.cold, results.peer), 3),
        "line": asdict(line) | {"isLinear": line.is_linear} if line else None,
        "scenarios": [
            {
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
            for sample in samples
        ],
    }
