"""The figures of weights: rows, targets and everything for a machine to read."""

from __future__ import annotations

from typing import Any

from benchmarks import figures
from benchmarks.scenarios import Sample
from benchmarks.table import Row, as_data, sample_row, verdict
from benchmarks.weights import CP, PLAIN, SHA256, VERIFIED, Weights
from benchmarks.weights_job import DEFAULT, S5CMD, SYNC, UNVERIFIED

PLAIN_BY_CP = 1.5
VERIFIED_BY_CP = 2.2
TRANSFORMERS_BY_VERIFIED = 4.0
TORCH_MMAP_BY_VERIFIED = 2.5
JOB_BY_PEER = 0.8
PEAK_MB = 100

_LEAST = {"transformers": TRANSFORMERS_BY_VERIFIED, "torch-mmap": TORCH_MMAP_BY_VERIFIED}
_PEERS = {
    "transformers": "transformers: load and save",
    "torch": "torch: load and save",
    "torch-mmap": "torch: load with mmap and save",
}
_JOBS = {
    DEFAULT: "job, LISA (default): convert, lock, upload, verify",
    UNVERIFIED: "job, LISA, conversion not verified",
    S5CMD: "job, torch with mmap and s5cmd",
    SYNC: "job, torch with mmap and an upload as of aws s3 sync",
}


def rows(weights: Weights) -> list[Row]:
    """The rows of the table; beside every other program there is the default and the fastest way of LISA."""
    samples = weights.samples
    cp, plain, verified = samples[CP], samples[PLAIN], samples[VERIFIED]
    peers = {name: sample for name, sample in samples.items() if name in _PEERS}
    highest = max(figures.peak_mib(plain), figures.peak_mib(verified)) * 2**20 / 1e6
    return [
        sample_row(f"cp of {weights.nbytes / 1e9:.1f} GB in two .bin files", cp),
        sample_row("LISA (default): verified, with digests", verified),
        sample_row("LISA, not verified", plain),
        sample_row("SHA-256 alone, one thread", samples[SHA256]),
        *(sample_row(_PEERS[name], sample) for name, sample in peers.items()),
        *((f"{way}: skipped, {why}", "", "", "", "", "", "") for way, why in weights.skipped.items()),
        _quotient("LISA (default) by cp", verified, cp, most=VERIFIED_BY_CP),
        _quotient("LISA, not verified, by cp", plain, cp, most=PLAIN_BY_CP),
        _quotient("SHA-256 alone by cp", samples[SHA256], cp),
        *(
            row
            for name, sample in peers.items()
            for row in (
                _quotient(f"{name} by LISA (default)", sample, verified, least=_LEAST.get(name)),
                _quotient(f"{name} by LISA, not verified", sample, plain),
            )
        ),
        ("LISA, highest peak, MB", "", "", "", f"{highest:.0f}", f"< {PEAK_MB} MB", verdict(highest < PEAK_MB)),
        *_job_rows(weights.jobs),
    ]


def _job_rows(jobs: dict[str, Sample]) -> list[Row]:
    if not jobs:
        return []
    return [
        *(sample_row(_JOBS[name], sample) for name, sample in jobs.items()),
        *(
            row
            for name in (S5CMD, SYNC)
            for row in (
                _quotient(f"job, LISA (default) by {name[5:]}", jobs[DEFAULT], jobs[name], most=JOB_BY_PEER),
                _quotient(f"job, LISA, not verified, by {name[5:]}", jobs[UNVERIFIED], jobs[name]),
            )
        ),
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
        "scenarios": [as_data(sample) for sample in (*weights.samples.values(), *weights.jobs.values())],
    }
