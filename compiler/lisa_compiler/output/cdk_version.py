"""The version of aws-cdk-lib that output is compiled with: the manifest names it, and another one is reported.

Another version compiles other templates from the same sources: output that differs for this reason alone is not out of
date, and compiling it again would undo what was reviewed.
"""

from __future__ import annotations

import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Final

KEY: Final = "cdkVersion"
"""Name in manifest.json."""

_PACKAGE: Final = "aws-cdk-lib"


@cache
def installed_version() -> str:
    """The version that is installed; empty without the package, which only a part of the commands needs."""
    try:
        return importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""


def describe_other_version(output: Path) -> str:
    """Say that an environment's output was compiled with another version than the installed one.

    Args:
        output: directory of the environment's output.

    Returns:
        Sentences with the fix; empty if it is the same version, or the manifest names none.
    """
    try:
        compiled = json.loads((output / "manifest.json").read_bytes()).get(KEY)
    except (OSError, ValueError, AttributeError):
        return ""
    installed = installed_version()
    if not isinstance(compiled, str) or not compiled or not installed or compiled == installed:
        return ""
    return (
        f"It was compiled with {_PACKAGE} {compiled}, and {installed} is installed, which compiles other templates. "
        "Install what the lock has: `pip install --require-hashes --no-deps -r requirements.txt`, or `make install` "
        f"in LISA's repository. To use {installed}, compile, review and commit."
    )
