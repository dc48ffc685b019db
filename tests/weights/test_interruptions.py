"""Every step of `lisa weights`, killed or refused by the disk in its middle; then the same command again.

The processes are real, and so are SeaweedFS and s5cmd; only the Hub is a small one on this machine. Each command is first
run undisturbed; then once for each of its operations on files and connections, which is not carried out.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.compiler.conftest import configuration

from lisa_weights.lock import lock_file
from lisa_weights.model_directory import lock_directory, read_directory
from weights import seaweedfs
from weights.carried import cache, oci_layout, tar
from weights.faults import KILLED, Commands, Content, commands, content
from weights.model_files import checkpoint, sharded, single, write
from weights.project import MODEL
from weights.test_hub import Hub

if TYPE_CHECKING:
    from lisa_weights.store.bucket import Bucket

BUCKET = "models"
LOCK = lock_file.LOCK_FILE

CHECKPOINT = {
    "config.json": b"{}",
    "modules.json": b'[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]',
    "pytorch_model.bin": checkpoint(b"abcd"),
    "2_Dense/config.json": b"{}",
    "2_Dense/pytorch_model.bin": checkpoint(b"efgh"),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with a checkpoint of one model."""
    files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd" * 500)}
    with Hub(files, model=MODEL) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def lisa(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Commands]:
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", **seaweedfs.OWNER}
    with commands(tmp_path_factory.mktemp("reports"), environment) as running:
        case = ON_DISK["import of a checkpoint"]
        root = fresh(tmp_path_factory.mktemp("warm"), "project", case)
        running.warm("weights", *case.arguments(root))
        yield running


@dataclass(frozen=True)
class Case:
    """A command, and what there is before it.

    Attributes:
        prepare: fills a project.
        arguments: of `lisa weights`, by the project.
    """

    prepare: Callable[[Path], object]
    arguments: Callable[[Path], list[str]]


def project(root: Path) -> Path:
    root.mkdir(exist_ok=True)
    settings = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels=BUCKET)})
    (root / "config.yaml").write_text(settings, encoding="utf-8")
    return root


def local(files: dict[str, bytes]) -> Callable[[Path], object]:
    return lambda root: write(root / "models" / MODEL, files)


def on_project(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda root: [*arguments, "--project", str(root)]


def importing(name: str, *options: str) -> Callable[[Path], list[str]]:
    return lambda root: ["import", str(root / name), "--as", MODEL, *options, "--project", str(root)]


def replaced(root: Path) -> None:
    local(single(b"old" * 100))(root)
    write(root / "carried", sharded())


ON_DISK = {
    "convert": Case(local(CHECKPOINT), lambda root: ["convert", str(root / "models" / MODEL), "--max-shard-size", "2"]),
    "fetch": Case(lambda _: None, on_project("fetch", MODEL)),
    "import of a directory": Case(lambda root: write(root / "carried", sharded()), importing("carried")),
    "import of a checkpoint": Case(lambda root: write(root / "carried", CHECKPOINT), importing("carried")),
    "import of a cache": Case(lambda root: cache(root, sharded()), importing("models--org--cached-model")),
    "import of a tar": Case(lambda root: tar(root / "m.tar", sharded()), importing("m.tar")),
    "import of an OCI layout": Case(lambda root: oci_layout(root / "layout", sharded()), importing("layout")),
    "import that replaces": Case(replaced, importing("carried", "--replace")),
}
"""Commands that need no bucket."""


def fresh(parent: Path, name: object, case: Case) -> Path:
    root = project(parent / str(name))
    case.prepare(root)
    return root


def expected(lisa: Commands, tmp_path: Path, case: Case) -> tuple[Content, list[int]]:
    """What an undisturbed command makes of a project, and the numbers of its operations that differ in kind."""
    root = fresh(tmp_path, "undisturbed", case)
    done = lisa.run(root, "weights", *case.arguments(root))
    assert done.status == 0, done.output
    found = content(root)
    shutil.rmtree(root)
    kinds = {re.sub(r"[0-9a-f]{8,}|\d+", "", line): number for number, line in enumerate(done.operations, 1)}
    return found, sorted(kinds.values())


def require_intact(root: Path, before: bytes | None, after: bytes | None) -> None:
    """The lock file is the one before the command or the one after it."""
    path = root / LOCK
    assert (path.read_bytes() if path.exists() else None) in (before, after)


@pytest.mark.parametrize("name", ON_DISK)
def test_kill_at_each_operation(lisa: Commands, tmp_path: Path, name: str) -> None:
    case = ON_DISK[name]
    undisturbed, numbers = expected(lisa, tmp_path, case)
    for number in numbers:
        root = fresh(tmp_path, number, case)
        killed = lisa.run(root, "weights", *case.arguments(root), at=number)
        where = f"killed at {killed.operations[-1]}"
        assert killed.status == KILLED, where
        require_intact(root, None, undisturbed.get(LOCK))
        again = lisa.run(root, "weights", *case.arguments(root))
        assert again.status == 0, f"{where}: {again.output}"
        assert content(root) == undisturbed, where
        shutil.rmtree(root)
