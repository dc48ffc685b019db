"""From samples to figures: medians, ratios, the straight line through the sizes, and whether the targets are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, mean, median

from benchmarks.scenarios import Sample

COLD_SECONDS = 2.5
COLD_BY_PEER = 1.6
NO_CHANGE_SECONDS = 0.4
PEAK_MB = 400
# How much more a model may cost between the larger sizes than between the smaller ones and still count as linear.
LINEAR_TOLERANCE = 1.25


@dataclass(frozen=True, slots=True)
class Line:
    """The least-squares line through processor seconds by number of models; other work disturbs the clock more.

    Attributes:
        per_model: seconds that a model adds.
        start: seconds without any.
        r_squared: part of the variance that the line explains.
        steps: seconds a model between one size and the next.
        largest_by_next: seconds of the largest size by those of the next smaller one.
        expected_by_line: the same quotient, read from the line.
    """

    per_model: float
    start: float
    r_squared: float
    steps: tuple[float, ...]
    largest_by_next: float
    expected_by_line: float

    @property
    def is_linear(self) -> bool:
        return all(after <= before * LINEAR_TOLERANCE for before, after in pairwise(self.steps))


def seconds(sample: Sample) -> float:
    """Median wall clock."""
    return median(usage.seconds for usage in sample.usages)


def cpu_seconds(sample: Sample) -> float:
    """Median processor time."""
    return median(usage.cpu_seconds for usage in sample.usages)


def peak_mib(sample: Sample) -> float:
    """Largest peak of all runs."""
    return max(usage.peak_mib for usage in sample.usages)


def peak_mb(samples: Iterable[Sample]) -> float:
    """Largest peak of several samples, in megabytes."""
    return max(map(peak_mib, samples)) * 2**20 / 10**6


def ratio(ours: Sample, theirs: Sample) -> float:
    """Median of the quotients of the runs that followed each other."""
    return median(our.seconds / their.seconds for our, their in zip(ours.usages, theirs.usages, strict=True))


def cpu_ratio(ours: Sample, theirs: Sample) -> float:
    """The same of processor time, which other work on the machine disturbs less."""
    return cpu_seconds(ours) / cpu_seconds(theirs) if cpu_seconds(theirs) else 0.0


def fit(sizes: Sequence[int], samples: Sequence[Sample]) -> Line | None:
    """The line through three sizes or more, in ascending order; None for fewer."""
    if len(sizes) < 3:
        return None
    times = [cpu_seconds(sample) for sample in samples]
    per_model, start = linear_regression(sizes, times)
    average = mean(times)
    residual = sum((time - start - per_model * size) ** 2 for size, time in zip(sizes, times, strict=True))
    total = sum((time - average) ** 2 for time in times)
    points = list(zip(sizes, times, strict=True))
    return Line(
        per_model=per_model,
        start=start,
        r_squared=1 - residual / total if total else 1.0,
        steps=tuple((after - before) / (more - less) for (less, before), (more, after) in pairwise(points)),
        largest_by_next=times[-1] / times[-2],
        expected_by_line=(start + per_model * sizes[-1]) / (start + per_model * sizes[-2]),
    )
