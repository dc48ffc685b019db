"""What is measured of weights: converting 2.2 GB, beside `cp` of the files and beside other converters."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.converters import PEERS, WAYS
from benchmarks.process import REPOSITORY, RunError, Usage, environment, measure
from benchmarks.scenarios import Sample, Tell

CP, PLAIN, VERIFIED, SHA256 = "cp", "plain", "verified", "sha256"
_NEEDS = {"transformers": ("torch", "transformers"), "torch": ("torch", "safetensors")}
_BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class Weights:
    """The runs of each way, by name, and why others were not measured.

    Attributes:
        samples: cp, LISA with and without verification, SHA-256 alone, and each converter that is installed.
        skipped: a reason for each that is not.
        nbytes: bytes of the checkpoint's files.
    """

    samples: dict[str, Sample]
    skipped: dict[str, str]
    nbytes: int


def missing(way: str) -> str | None:
    """Why a converter cannot be measured here; None when it can."""
    lacking = [name for name in _NEEDS[way] if find_spec(name) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else None


def convert(runs: int, layers: int, tell: Tell) -> Weights:
    """Convert one checkpoint in every way, in turns, so that load meets all; each finds it in the page cache.

    Raises:
        RunError: PyTorch, which writes the checkpoint, is not installed; or a way does not write the weights.
    """
    if find_spec("torch") is None:
        raise RunError("the part weights needs PyTorch, which writes its checkpoint: `pip install torch`")
    skipped = {way: why for way in PEERS if (why := missing(way))}
    with TemporaryDirectory(prefix="lisa-bench-weights-") as name:
        folder, target = Path(name) / "model", Path(name) / "target"
        folder.mkdir()
        tell("writing a checkpoint")
        measure(_module("llama", str(folder), "--layers", str(layers)), cwd=REPOSITORY, env=_with_benchmarks())
        files = sorted(folder.glob("*.bin"))
        nbytes = sum(file.stat().st_size for file in files)
        commands = {
            CP: ["cp", *map(str, files), str(target)],
            **{way: _module("converters", way, str(folder), str(target)) for way in WAYS if way not in skipped},
        }
        usages: dict[str, list[Usage]] = {way: [] for way in commands}
        for run in range(1, runs + 1):
            for way, command in commands.items():
                tell(f"weights: {way}, {run} of {runs}")
                with _warm(folder, target):
                    usages[way].append(measure(command, cwd=REPOSITORY, env=_with_benchmarks()))
                    if way != SHA256:
                        _require_written(way, folder, target, nbytes)
    return Weights({way: Sample(way, tuple(taken)) for way, taken in usages.items()}, skipped, nbytes)


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"benchmarks.{name}", *arguments]


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
