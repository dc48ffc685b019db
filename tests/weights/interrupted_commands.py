"""Commands of `lisa weights` on small projects, and what there is before each of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from tests.compiler.conftest import configuration

from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.model_directory import lock_directory, read_directory
from weights.carried import cache, oci_layout, tar
from weights.faults import Commands, Content, Outcome, content
from weights.model_files import checkpoint, sharded, single, write
from weights.project import MODEL

BUCKET = "models"
LOCK = lock_file.LOCK_FILE

CHECKPOINT = {
    "config.json": b"{}",
    "modules.json": b'[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]',
    "pytorch_model.bin": checkpoint(b"abcd"),
    "2_Dense/config.json": b"{}",
    "2_Dense/pytorch_model.bin": checkpoint(b"efgh"),
}
"""Two checkpoints, which are converted together."""


@dataclass(frozen=True)
class Case:
    """A command.

    Attributes:
        arguments: of `lisa weights`, for a project.
        prepare: fills the project.
    """

    arguments: Callable[[Path], list[str]]
    prepare: Callable[[Path], object] = lambda _: None

    def fresh(self, root: Path) -> Path:
        """A project as it is before the command."""
        root.mkdir()
        settings = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels=BUCKET)})
        (root / "config.yaml").write_text(settings, encoding="utf-8")
        self.prepare(root)
        return root

    def run(self, lisa: Commands, root: Path, **fault: object) -> Outcome:
        """Run the command."""
        return lisa.start(root, "weights", *self.arguments(root), **fault).wait()  # type: ignore[arg-type]

    def undisturbed(self, lisa: Commands, root: Path) -> tuple[Content, dict[int, str]]:
        """What the command makes of a project, and one operation of each kind, by its number."""
        self.fresh(root)
        done = self.run(lisa, root)
        assert done.status == 0, done.output
        found = content(root)
        shutil.rmtree(root)
        kinds = {re.sub(r"[0-9a-f]{8,}|\d+", "", line): number for number, line in enumerate(done.operations, 1)}
        return found, {number: done.operations[number - 1] for number in sorted(kinds.values())}


def local(files: dict[str, bytes], model: str = MODEL) -> Callable[[Path], Path]:
    return lambda root: write(root / "models" / model, files)


def converting(model: str = MODEL) -> Callable[[Path], list[str]]:
    return lambda root: ["convert", str(root / "models" / model), "--max-shard-size", "2"]


def on_project(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda root: [*arguments, "--project", str(root)]


def importing(name: str, *options: str, model: str = MODEL) -> Callable[[Path], list[str]]:
    return lambda root: ["import", str(root / name), "--as", model, *options, "--project", str(root)]


def carried(files: dict[str, bytes], name: str = "carried") -> Callable[[Path], Path]:
    return lambda root: write(root / name, files)


def _replaced(root: Path) -> None:
    local(single(b"old" * 100))(root)
    carried(sharded())(root)


ON_DISK = {
    "convert": Case(converting(), local(CHECKPOINT)),
    "fetch": Case(on_project("fetch", MODEL)),
    "import of a directory": Case(importing("carried"), carried(sharded())),
    "import of a checkpoint": Case(importing("carried"), carried(CHECKPOINT)),
    "import of a cache": Case(importing("models--org--cached-model"), lambda root: cache(root, sharded())),
    "import of a tar": Case(importing("m.tar"), lambda root: tar(root / "m.tar", single())),
    "import of an OCI layout": Case(importing("layout"), lambda root: oci_layout(root / "layout", single())),
    "import that replaces": Case(importing("carried", "--replace"), _replaced),
}
"""Commands that need no bucket."""


def lock_of(directory: Path) -> LockedModel:
    return replace(lock_directory(read_directory(directory)), converter=0).with_prefix(MODEL)


def write_lock(root: Path, directory: Path) -> None:
    lock_file.save(root / LOCK, WeightsLock({MODEL: lock_of(directory)}))


def _locked(root: Path) -> None:
    write_lock(root, local(sharded())(root))


def _in_bucket_alone(root: Path) -> None:
    directory = carried(sharded())(root)
    write_lock(root, directory)


def with_bucket(endpoint_url: str) -> dict[str, Case]:
    """Commands on the bucket."""
    endpoint = ("--endpoint-url", endpoint_url)
    return {
        "stage": Case(on_project("stage", "--yes", *endpoint), local(CHECKPOINT)),
        "stage from the Hub": Case(on_project("stage", "--yes", *endpoint)),
        "upload": Case(on_project("upload", *endpoint), _locked),
        "download": Case(on_project("download", *endpoint), _in_bucket_alone),
        "adopt": Case(on_project("adopt", *endpoint), carried(sharded())),
    }
