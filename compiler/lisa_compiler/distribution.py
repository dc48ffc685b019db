"""The wheel of the LISA that runs, and the lock of what it requires."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from lisa_compiler.resources import requirements_dir
from lisa_schema.errors import LisaError
from lisa_schema.version import VERSION

WHEEL_PREFIX = f"lisa_gitops-{VERSION}-"
"""What the name of the wheel starts with."""


class DistributionError(LisaError):
    """The wheel cannot be had; the text says what to do."""


@cache
def checkout() -> Path | None:
    """The checkout that LISA runs from; None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "requirements/runtime.txt").is_file() else None


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout with pip.

    Args:
        folder: where to put it.

    Raises:
        DistributionError: LISA does not run from a checkout, or pip fails.
    """
    root = checkout()
    if root is None:
        raise DistributionError(
            f"LISA {VERSION} runs from an installed package, which no longer has its wheel. "
            "Pass the file with `--wheel FILE`."
        )
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
    ]
    if importlib.util.find_spec("hatchling"):
        # What builds it is here, at the version in the lock.
        command.append("--no-build-isolation")
    result = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(root)],
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    built = sorted(folder.glob(f"{WHEEL_PREFIX}*.whl"))
    if result.returncode or not built:
        said = " ".join((result.stderr.strip() or result.stdout.strip()).splitlines()[-5:])[-500:]
        raise DistributionError(f"pip could not build the wheel of {root}: {said}")
    return built[0]


def given_wheel(path: Path) -> Path:
    """Check that a file is the wheel of the LISA that runs, by its name.

    Raises:
        DistributionError: it does not exist, or has another name or version.
    """
    if not path.is_file():
        raise DistributionError(f"{path} does not exist. Pass the wheel of LISA {VERSION}.")
    if not path.name.startswith(WHEEL_PREFIX) or path.suffix != ".whl":
        raise DistributionError(f"{path.name} is not the wheel of LISA {VERSION}. Pass {WHEEL_PREFIX}py3-none-any.whl.")
    return path


def locked_requirements() -> str:
    """What LISA requires with the extras aws and policy: every package with its version and hashes, as pip reads it."""
    return (requirements_dir() / "starter.txt").read_text(encoding="utf-8")
