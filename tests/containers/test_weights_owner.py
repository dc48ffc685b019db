"""The container weights-owner, run in real images with the command, user and capabilities of the compiled task."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project, templates

MODEL_USER = 65534
DEFAULT = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Capabilities that buildah gives a container."""
BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.skipif(
    shutil.which("buildah") is None or not BUSYBOX.is_file() or os.geteuid() != 0,
    reason="needs buildah and busybox-static, as root",
)


@dataclass
class Image:
    """A container of an image that has BusyBox under some names."""

    storage: Path
    container: str = ""
    task: dict[str, Any] = field(default_factory=dict)

    def buildah(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["buildah", "--root", str(self.storage / "root"), "--runroot", str(self.storage / "run"), *arguments]
        environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    def run(self, weights: Path) -> subprocess.CompletedProcess[str]:
        """Run what ECS runs, on a directory in place of the instance's."""
        (mount,) = self.task["MountPoints"]
        capabilities = self.task["LinuxParameters"]["Capabilities"]
        return self.buildah(
            "run",
            # `all` would be dropped after the others were added.
            *(f"--cap-drop=CAP_{name}" for name in DEFAULT.difference(capabilities["Add"])),
            *(f"--cap-add=CAP_{name}" for name in capabilities["Add"]),
            f"--user={self.task['User']}",
            f"--volume={weights}:{mount['ContainerPath']}:rw",
            self.container,
            "--",
            *self.task["EntryPoint"],
            *self.task["Command"],
        )


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The container definition of a model's task."""
    found = templates(Project(tmp_path_factory.mktemp("compiled")).write().compile().files)
    (owner,) = (
        container
        for name, template in found.items()
        if name.startswith("model-")
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
        for container in resource["Properties"]["ContainerDefinitions"]
        if container["Name"] == "weights-owner"
    )
    assert owner["LinuxParameters"]["Capabilities"] == {"Add": ["CHOWN", "DAC_READ_SEARCH"], "Drop": ["ALL"]}
    return owner


@pytest.fixture
def image(task: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., Image]]:
    made: list[Image] = []

    def make(*programs: str) -> Image:
        folder = tmp_path / uuid.uuid4().hex
        (folder / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, folder / "bin" / "busybox")
        for program in programs:
            (folder / "bin" / program).symlink_to("busybox")
        created = Image(tmp_path / "storage", task=task)
        made.append(created)
        started = created.buildah("from", "scratch")
        assert started.returncode == 0, started.stderr
        created.container = started.stdout.strip()
        copied = created.buildah("copy", created.container, str(folder), "/")
        assert copied.returncode == 0, copied.stderr
        created.buildah("config", "--env", "PATH=/bin", created.container)
        return created

    yield make
    for created in made:
        created.buildah("rm", created.container)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The directory on an instance, as an earlier version of LISA left it."""
    folder = tmp_path / "weights"
    (folder / "model" / "nested").mkdir(parents=True)
    for name in ("model/a.safetensors", "model/nested/b.json", "own.txt"):
        (folder / name).write_text("x")
    (folder / "link").symlink_to("/etc/shadow")
    for path in (folder, folder / "model", folder / "model" / "nested"):
        path.chmod(0o700)
    os.chown(folder / "own.txt", MODEL_USER, MODEL_USER)
    return folder


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (folder, *folder.rglob("*"))}


def test_everything_belongs_to_the_user_of_the_model_afterwards(image: Callable[..., Image], weights: Path) -> None:
    before, shadow = (weights / "own.txt").stat(), Path("/etc/shadow").stat()
    ended = image("find", "chown").run(weights)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert owners(weights) == {(MODEL_USER, MODEL_USER)}
    # A verified file is recognized by its change time, and nothing outside is followed.
    assert (weights / "own.txt").stat().st_ctime_ns == before.st_ctime_ns
    assert Path("/etc/shadow").stat().st_uid == shadow.st_uid
    changed = {path: path.lstat().st_ctime_ns for path in weights.rglob("*")}
    assert image("find", "chown").run(weights).returncode == 0
    assert {path: path.lstat().st_ctime_ns for path in weights.rglob("*")} == changed


def test_image_without_find_fails_with_its_name(image: Callable[..., Image], weights: Path) -> None:
    """docs/configure.md has the text; BusyBox runs its own chown, also without that name."""
    ended = image("chown").run(weights)
    assert ended.returncode != 0
    assert 'exec: "find": executable file not found in $PATH' in ended.stderr
    assert owners(weights) != {(MODEL_USER, MODEL_USER)}


def test_container_has_no_other_capabilities(image: Callable[..., Image], weights: Path) -> None:
    made = image("find", "chown", "cat")
    made.task = {**made.task, "EntryPoint": ["cat"], "Command": ["/proc/self/status"]}
    found = dict(line.split(":\t") for line in made.run(weights).stdout.splitlines() if line.startswith("Cap"))
    # CAP_CHOWN is 0, CAP_DAC_READ_SEARCH is 2 (linux/capability.h).
    assert {int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {1 << 0 | 1 << 2}
