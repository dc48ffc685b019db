"""The pins of a configuration's repository: move them to another version of LISA, with all that it requires.

The wheel of a version has the lock of its dependencies and of the cdk CLI. So nothing is resolved: what was tested with
that version is what the repository gets, by hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lisa_compiler.starter.repository import LISA_REQUIREMENT, VENDOR
from lisa_schema.atomic_file import replace_file
from lisa_schema.errors import LisaError

REQUIREMENTS: Final = "requirements.txt"
_WHEEL: Final = re.compile(r"lisa_gitops-(?P<version>[^-]+)-.*\.whl")
_LOCK: Final = "lisa_compiler/_bundled/requirements/starter.txt"
_CDK: Final = {
    name: f"lisa_compiler/_bundled/templates/starter/{name}" for name in ("package.json", "package-lock.json")
}
_SCHEMAS: Final = {"schema/config.schema.json": "config", "schema/overlay.schema.json": "overlay"}


class UpgradeError(LisaError):
    """The repository cannot be upgraded; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version of LISA.

    Attributes:
        wheel: its wheel.
        version: its version.
        digest: SHA-256 of the wheel.
        lock: requirements that it locks, by hash.
        cdk: package.json and package-lock.json of the cdk CLI, by name.
    """

    wheel: Path
    version: str
    digest: str
    lock: str
    cdk: dict[str, str]


def read_release(wheel: Path) -> Release:
    """Read a wheel of LISA.

    Raises:
        UpgradeError: it is not one, or it is damaged.
    """
    named = _WHEEL.fullmatch(wheel.name)
    if named is None:
        raise UpgradeError(f"{wheel.name} is not a wheel of LISA: its name is lisa_gitops-<version>-py3-none-any.whl.")
    try:
        content = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            lock = archive.read(_LOCK).decode()
            cdk = {name: archive.read(place).decode() for name, place in _CDK.items()}
    except OSError as error:
        raise UpgradeError(f"{wheel} cannot be read: {error.strerror}.") from error
    except (KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UpgradeError(f"{wheel.name} does not have the locks of a wheel of LISA ({error}).") from error
    return Release(
        wheel=wheel, version=named["version"], digest=hashlib.sha256(content).hexdigest(), lock=lock, cdk=cdk
    )


def download(version: str | None, index: str | None, folder: Path) -> Path:
    """Get the wheel of a version from the package index, with pip.

    Args:
        version: the version; None for the newest that pip finds.
        index: address of the index; None for pip's own configuration.
        folder: where to put it.

    Raises:
        UpgradeError: pip does not find it.
    """
    if index is not None and (urlsplit(index).username or urlsplit(index).password):
        raise UpgradeError("--index must not have a user or password. Set PIP_INDEX_URL, or use a netrc file.")
    options = ["--index-url", index] if index else []
    name = "lisa-gitops" if version is None else f"lisa-gitops=={version}"
    _pip(
        [sys.executable, "-m", "pip"],
        ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *options, name],
    )
    found = sorted(folder.glob("lisa_gitops-*.whl"))
    if len(found) != 1:
        raise UpgradeError(f"pip downloaded {len(found)} wheels of LISA for {name}. Name a version with --to.")
    return found[0]


def pin(root: Path, release: Release, index: str | None) -> tuple[str, ...]:
    """Write the pins of a release into a repository; the paths that were written.

    Args:
        root: directory of config.yaml, with the files of `lisa init`.
        release: the version.
        index: address of the package index, if the repository names one.

    Raises:
        UpgradeError: the repository has no pins, or a file cannot be written.
    """
    if not (root / REQUIREMENTS).is_file() or not (root / LISA_REQUIREMENT).is_file():
        raise UpgradeError(
            f"{root} has no {REQUIREMENTS} and {LISA_REQUIREMENT}: only repositories of `lisa init` are upgraded."
        )
    is_vendored = f"--find-links {VENDOR}" in (root / LISA_REQUIREMENT).read_text(encoding="utf-8")
    requirement = f"lisa-gitops=={release.version} --hash=sha256:{release.digest}\n"
    head = f"--no-index\n--find-links {VENDOR}\n" if is_vendored else f"--index-url {index}\n" if index else ""
    where = f"{VENDOR}/{release.wheel.name} in the repository" if is_vendored else "the package index"
    locked = "".join(line for line in release.lock.splitlines(keepends=True) if not line.startswith("#"))
    texts = {
        REQUIREMENTS: (
            f"# What LISA {release.version} requires, each file by hash: pip rejects all others. {LISA_REQUIREMENT} "
            f"contains LISA itself.\n--only-binary=:all:\n{locked}"
        ),
        LISA_REQUIREMENT: f"# LISA, from {where}. {REQUIREMENTS} has its dependencies.\n{head}{requirement}",
    }
    if _has_own_cdk(root):
        texts |= release.cdk
    try:
        for name, text in texts.items():
            replace_file(root / name, text.encode())
        if is_vendored:
            for old in (root / VENDOR).glob("lisa_gitops-*.whl"):
                if old.name != release.wheel.name:
                    old.unlink()
            shutil.copyfile(release.wheel, root / VENDOR / release.wheel.name)
    except OSError as error:
        raise UpgradeError(f"{error.filename} cannot be written: {error.strerror}.") from error
    return (*texts, *([VENDOR] if is_vendored else []))


def compile_with(root: Path, folder: Path, tell: Callable[[str], None]) -> None:
    """Install what the repository pins into a new virtual environment, and compile with it.

    Args:
        root: directory of config.yaml.
        folder: where the environment is made.
        tell: receives what is being done.

    Raises:
        UpgradeError: pip refuses, or the configuration does not compile with that version.
    """
    tell("installing what the repository pins …")
    environment = folder / "venv"
    _run([sys.executable, "-m", "venv", str(environment)], root, "A virtual environment could not be made")
    pip = [str(environment / "bin/python"), "-m", "pip"]
    _pip(pip, ["install", "--require-hashes", "--no-deps", "-r", REQUIREMENTS], root)
    _pip(pip, ["install", "--no-deps", "-r", LISA_REQUIREMENT], root)
    lisa = str(environment / "bin/lisa")
    for path, kind in _SCHEMAS.items():
        if (root / path).is_file():
            _run([lisa, "schema", "--type", kind, "--output", path], root, f"{path} could not be written")
    tell("compiling …")
    _run(
        [lisa, "compile", "--all"],
        root,
        "The configuration does not compile with this version. The pins are changed: correct the configuration, or "
        "undo them with `git checkout -- .`",
    )


def _has_own_cdk(root: Path) -> bool:
    """Whether package.json is that of `lisa init`."""
    try:
        return bool(json.loads((root / "package.json").read_bytes()).get("name") == "lisa-cdk")
    except (OSError, ValueError, AttributeError):
        return False


def _pip(pip: Sequence[str], arguments: Sequence[str], cwd: Path | None = None) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([*pip, arguments[0], *quiet, *arguments[1:]], cwd, f"pip {arguments[0]} failed")


def _run(command: Sequence[str], cwd: Path | None, failure: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise UpgradeError(f"{failure}:\n{said}")
