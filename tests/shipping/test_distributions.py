"""The sdist and the wheel hold what is tracked below an allowlist, and no other file of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from locks import ROOT

from lisa_compiler.output.tree import files_below
from lisa_schema.version import VERSION

LEGAL = ("LICENSE", "NOTICE")
PACKAGES = {
    "compiler/lisa_compiler": "lisa_compiler",
    "schema/lisa_schema": "lisa_schema",
    "weights/lisa_weights": "lisa_weights",
}
BUNDLED = (
    "requirements/starter.txt",
    "runtime/gateway",
    "runtime/instructor",
    "runtime/lambdas",
    "runtime/oidc",
    "runtime/tools",
    "runtime/web/dist",
    "sdk/lisapy",
    "templates",
)
PROGRAM = "import sys; from hatchling import build; build.build_sdist(sys.argv[1]); build.build_wheel(sys.argv[1])"


def tracked(*paths: str) -> set[str]:
    command = ["git", "ls-files", "-z", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {path for path in listed.split("\0") if path and (ROOT / path).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-P", "-c", PROGRAM, folder], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.mark.xdist_group("distributions")
def test_sdist_holds_the_sources_of_the_wheel_alone(built: Path) -> None:
    with tarfile.open(built / f"lisa_gitops-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    by_hatchling = {".gitignore", "LICENSE", "NOTICE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert names == tracked(*PACKAGES, *BUNDLED) | {"CHANGELOG.md"} | by_hatchling


@pytest.mark.xdist_group("distributions")
def test_wheel_holds_the_packages_and_what_they_render_alone(built: Path) -> None:
    with zipfile.ZipFile(built / f"lisa_gitops-{VERSION}-py3-none-any.whl") as archive:
        names = {name for name in archive.namelist() if not name.startswith(f"lisa_gitops-{VERSION}.dist-info/")}
        for name in LEGAL:
            assert f"lisa_gitops-{VERSION}.dist-info/licenses/{name}" in archive.namelist()
    packages = {path.partition("/")[2] for path in tracked(*PACKAGES)}
    assert names == packages | {f"lisa_compiler/_bundled/{path}" for path in tracked(*BUNDLED)}


@pytest.mark.xdist_group("distributions")
def test_unpacked_wheel_compiles_the_example_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(built / f"lisa_gitops-{VERSION}-py3-none-any.whl") as archive:
        archive.extractall(tmp_path / "installed")
    project = tmp_path / "project"
    for path in tracked("config.yaml", "environments", "policy", "artifacts"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, project / path)
    (tmp_path / "home").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    for name, variables in (("wheel", {"PYTHONPATH": str(tmp_path / "installed")}), ("checkout", {})):
        located = "import lisa_compiler; print(lisa_compiler.__file__)"
        options = ["compile", "--all", "--no-cache", "--output", str(tmp_path / name)]
        for command in (["-c", located], ["-m", "lisa_compiler", *options]):
            done = subprocess.run(
                [sys.executable, "-P", *command],
                cwd=project,
                env=environment | variables,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            if command[0] == "-c":
                assert Path(done.stdout).is_relative_to(tmp_path / "installed") is (name == "wheel")
    wheel, checkout = (dict(files_below(tmp_path / name)) for name in ("wheel", "checkout"))
    names = {name for name in checkout if not name.startswith(".lisa/")}
    assert {name.partition("/")[0] for name in names} == {"airgap", "dev", "prod"}
    assert names == {name for name in wheel if not name.startswith(".lisa/")}
    assert [name for name in sorted(names) if wheel[name].read_bytes() != checkout[name].read_bytes()] == []


def test_stray_file_is_in_neither(tmp_path: Path) -> None:
    """A package that a fetch left in the root was in the sdist."""
    copy = tmp_path / "copy"
    for path in tracked(*PACKAGES, *BUNDLED, "pyproject.toml", "README.md", *LEGAL, "CHANGELOG.md", ".gitignore"):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes((ROOT / path).read_bytes())
    for stray in ("BusyBox-1.0.3.tar.gz", "models/weights.bin", "certs/server.key", "runtime/web/node_modules/x.js"):
        (copy / stray).parent.mkdir(parents=True, exist_ok=True)
        (copy / stray).write_bytes(b"stray")
    subprocess.run([sys.executable, "-P", "-c", PROGRAM, tmp_path], cwd=copy, check=True, capture_output=True)
    with tarfile.open(tmp_path / f"lisa_gitops-{VERSION}.tar.gz") as archive:
        names = {Path(name).name for name in archive.getnames()}
    with zipfile.ZipFile(tmp_path / f"lisa_gitops-{VERSION}-py3-none-any.whl") as archive:
        names |= {Path(name).name for name in archive.namelist()}
    assert names & {"BusyBox-1.0.3.tar.gz", "weights.bin", "server.key", "x.js"} == set()
