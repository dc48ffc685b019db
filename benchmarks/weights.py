"""What is measured of weights: converting 2.2 GB beside `cp` of the files and other converters, and complete jobs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import weights_job
from benchmarks.converters import PEERS, WAYS
from benchmarks.process import REPOSITORY, RunError, Usage, environment, measure
from benchmarks.pytorch import missing, python
from benchmarks.scenarios import Sample, Tell

CP, PLAIN, VERIFIED, SHA256 = "cp", "plain", "verified", "sha256"
_BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class Weights:
    """The runs of each way, by name, and why others were not measured.

    Attributes:
        samples: cp, LISA with and without verification, SHA-256 alone, and each converter that is installed.
        skipped: a reason for each that is not.
        nbytes: bytes of the checkpoint's files.
        jobs: the runs of each complete job, by name.
    """

    samples: dict[str, Sample]
    skipped: dict[str, str]
    nbytes: int
    jobs: dict[str, Sample] = field(default_factory=dict)


def run(runs: int, layers: int, tell: Tell) -> Weights:
    """Convert one checkpoint in every way, then bring it into a bucket in every way.

    Raises:
        RunError: PyTorch, which writes the checkpoint, is not installed; or a way does not write the weights.
    """
    if missing("torch"):
        raise RunError("the part weights needs PyTorch, which writes its checkpoint: `make weights-parts`")
    with TemporaryDirectory(prefix="lisa-bench-weights-") as name:
        folder = Path(name) / "model"
        folder.mkdir()
        tell("writing a checkpoint")
        written = [python(), "-P", "-m", "benchmarks.llama", str(folder), "--layers", str(layers)]
        measure(written, cwd=REPOSITORY, env=_with_benchmarks())
        found = _convert(runs, folder, Path(name) / "target", tell)
        if why := weights_job.why_skipped():
            return replace(found, skipped={**found.skipped, "jobs": why})
        return replace(found, jobs=weights_job.jobs(runs, folder, tell))


def _convert(runs: int, folder: Path, target: Path, tell: Tell) -> Weights:
    """Convert in turns, so that load meets all; each finds the checkpoint in the page cache."""
    skipped = {way: why for way in PEERS if (why := missing(way))}
    files = sorted(folder.glob("*.bin"))
    nbytes = sum(file.stat().st_size for file in files)
    commands = {
        CP: ["cp", *map(str, files), str(target)],
        **{way: _converter(way, str(folder), str(target)) for way in WAYS if way not in skipped},
    }
    usages: dict[str, list[Usage]] = {way: [] for way in commands}
    for number in range(1, runs + 1):
        for way, command in commands.items():
            tell(f"weights: {way}, {number} of {runs}")
            with _warm(folder, target):
                usages[way].append(measure(command, cwd=REPOSITORY, env=_with_benchmarks()))
                if way != SHA256:
                    _require_written(way, folder, target, nbytes)
    return Weights({way: Sample(way, tuple(taken)) for way, taken in usages.items()}, skipped, nbytes)


def _converter(way: str, *arguments: str) -> list[str]:
    interpreter = python() if way in PEERS else sys.executable
    return [interpreter, "-P", "-m", "benchmarks.converters", way, *arguments]


def _with_benchmarks() -> dict[str, str]:
    settings = environment(HF_HUB_OFFLINE="1")
    return settings | {"PYTHONPATH": os.pathsep.join((settings["PYTHONPATH"], str(REPOSITORY)))}


@contextmanager
def _warm(folder: Path, target: Path) -> Iterator[None]:
    """An empty target, an idle disk and the checkpoint in the page cache; afterwards, what was written is removed."""
    target.mkdir()
    os.sync()
    for path in folder.glob("*.bin"):
        with path.open("rb", buffering=0) as file:
            while file.read(_BLOCK):
                pass
    try:
        yield
    finally:
        shutil.rmtree(target)
        for path in folder.glob("*.safetensors*"):
            path.unlink()


def _require_written(way: str, folder: Path, target: Path, nbytes: int) -> None:
    found: Sequence[Path] = [*folder.glob("*.safetensors"), *target.glob("*.safetensors"), *target.glob("*.bin")]
    written = sum(path.stat().st_size for path in found)
    if abs(written - nbytes) > nbytes // 100:
        raise RunError(f"{way} wrote {written} bytes of {nbytes}")
