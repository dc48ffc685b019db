"""The figures of the compiler: rows, targets and everything for a machine to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import figures
from benchmarks.figures import Line
from benchmarks.large import Case
from benchmarks.scenarios import Sample
from benchmarks.table import Row, as_data, sample_row, verdict


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured.

    Attributes:
        runs: how often each scenario ran, the sizes apart.
        cold, peer, no_change, one_model: the scenarios.
        sizes: numbers of models.
        growth: a sample of each.
        large: large projects, each with its target.
    """

    runs: int
    cold: Sample
    peer: Sample
    no_change: Sample
    one_model: Sample
    sizes: tuple[int, ...]
    growth: tuple[Sample, ...]
    large: tuple[Case, ...]

    @property
    def line(self) -> Line | None:
        return figures.fit(self.sizes, self.growth)


def rows(results: Results) -> list[Row]:
    """The rows of the table."""
    by_peer = figures.ratio(results.cold, results.peer)
    cpu_by_peer = figures.cpu_ratio(results.cold, results.peer)
    starts_node = bool(results.no_change.facts["node"])
    quiet = figures.seconds(results.no_change) <= figures.NO_CHANGE_SECONDS
    table = [
        sample_row(f"cold compile, {results.cold.facts['resources']} resources", results.cold, figures.COLD_SECONDS),
        sample_row("bare CDK app, the same resources", results.peer),
        (
            "cold compile by bare app",
            f"{by_peer:.2f}x",
            "",
            f"{cpu_by_peer:.2f}x",
            "",
            f"≤ {figures.COLD_BY_PEER}x",
            verdict(by_peer <= figures.COLD_BY_PEER),
        ),
        (
            *sample_row("no change", results.no_change)[:-2],
            f"≤ {figures.NO_CHANGE_SECONDS} s, no Node",
            "starts Node" if starts_node else verdict(quiet),
        ),
        sample_row(f"one model changed, {_changed(results.one_model)}", results.one_model),
        *(sample_row(f"{sample.name}, {sample.facts['resources']} resources", sample) for sample in results.growth),
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
                verdict(line.is_linear),
            )
        )
        large, next_size = results.sizes[-1], results.sizes[-2]
        name = f"{large} by {next_size} models (line: {line.expected_by_line:.2f}x; R² {line.r_squared:.4f})"
        table.append((name, f"{line.largest_by_next:.2f}x", "", "", "", "", ""))
    table += [sample_row(case.name, case.sample, case.seconds) for case in results.large]
    compiled = [results.cold, results.one_model, *results.growth, *(case.sample for case in results.large)]
    peak = figures.peak_mb(compiled)
    limit = figures.PEAK_MB
    return [*table, ("highest peak of all, MB", "", "", "", f"{peak:.0f}", f"≤ {limit} MB", verdict(peak <= limit))]


def _changed(sample: Sample) -> str:
    changed = sample.facts["changed"]
    return f"{len(changed) if isinstance(changed, list) else 0} of {sample.facts['files']} files"


def note(results: Results) -> str:
    """How often each was run."""
    return f"medians of {results.runs} runs ({len(results.growth[0].usages)} of each size)"


def data(results: Results) -> dict[str, Any]:
    """Everything, for a machine to read."""
    samples = (results.cold, results.peer, results.no_change, results.one_model, *results.growth)
    samples += tuple(case.sample for case in results.large)
    line = results.line
    return {
        "coldByPeer": round(figures.ratio(results.cold, results.peer), 3),
        "coldByPeerCpu": round(figures.cpu_ratio(results.cold, results.peer), 3),
        "line": asdict(line) | {"isLinear": line.is_linear} if line else None,
        "scenarios": [as_data(sample) for sample in samples],
    }
