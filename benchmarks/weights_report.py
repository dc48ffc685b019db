"""The figures of weights: rows, targets and everything for a machine to read."""

from __future__ import annotations

from typing import Any

from benchmarks import figures
from benchmarks.scenarios import Sample
from benchmarks.table import Row, as_data, sample_row, verdict
from benchmarks.weights import CP, PLAIN, SHA256, VERIFIED, Weights

PLAIN_BY_CP = 1.5
VERIFIED_BY_CP = 3.0
PEER_BY_PLAIN = 4.0
PEAK_MB = 100


def rows(weights: Weights) -> list[Row]:
    """The rows of the table."""
    samples = weights.samples
    cp, plain, verified = samples[CP], samples[PLAIN], samples[VERIFIED]
    peers = [sample for name, sample in samples.items() if name not in (CP, PLAIN, VERIFIED, SHA256)]
    highest = max(figures.peak_mib(plain), figures.peak_mib(verified)) * 2**20 / 1e6
    return [
        sample_row(f"cp of {weights.nbytes / 1e9:.1f} GB in two .bin files", cp),
        sample_row("LISA, not verified", plain),
        sample_row("LISA, verified, with digests", verified),
        sample_row("SHA-256 alone, one thread", samples[SHA256]),
        *(sample_row(f"{sample.name}: load and save", sample) for sample in peers),
        *((f"{way}: skipped, {why}", "", "", "", "", "", "") for way, why in weights.skipped.items()),
        _quotient("LISA, not verified, by cp", plain, cp, most=PLAIN_BY_CP),
        _quotient("LISA, verified, by cp", verified, cp, most=VERIFIED_BY_CP),
        _quotient("SHA-256 alone by cp", samples[SHA256], cp),
        *(_quotient(f"{sample.name} by LISA, not verified", sample, plain, least=PEER_BY_PLAIN) for sample in peers),
        ("LISA, highest peak, MB", "", "", "", f"{highest:.0f}", f"< {PEAK_MB} MB", verdict(highest < PEAK_MB)),
    ]


def _quotient(name: str, ours: Sample, theirs: Sample, *, most: float | None = None, least: float | None = None) -> Row:
    by_clock, by_processor = figures.ratio(ours, theirs), figures.cpu_ratio(ours, theirs)
    met = (most is None or by_clock <= most) and (least is None or by_clock >= least)
    target = f"≤ {most}x" if most is not None else f"≥ {least}x" if least is not None else ""
    return (name, f"{by_clock:.2f}x", "", f"{by_processor:.2f}x", "", target, verdict(met) if target else "")


def data(weights: Weights) -> dict[str, Any]:
    """Everything, for a machine to read."""
    cp = weights.samples[CP]
    return {
        "bytes": weights.nbytes,
        "skipped": weights.skipped,
        "byCp": {name: round(figures.ratio(sample, cp), 3) for name, sample in weights.samples.items()},
        "scenarios": [as_data(sample) for sample in weights.samples.values()],
    }
