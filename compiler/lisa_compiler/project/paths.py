"""Names of a project's files, and paths as a reader at the terminal sees them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CONFIG_FILE: Final = "config.yaml"
OVERLAY_FOLDER: Final = "environments"
MODELS: Final = "models"
"""Directory of local models in a project."""
OUTPUT: Final = "generated"
"""Directory of compiled output in a project."""
WEIGHTS_LOCK: Final = "weights.lock.json"
"""Lock file of weights in a project; lisa_weights, which knows no project, has the same name."""
PRICES: Final = "prices.json"
"""Prices that a project imports; lisa_compiler.prices, which knows no project, has the same name."""


def ami_lock(environment: str) -> str:
    """Name of an environment's lock file of AMIs, in the directory of config.yaml."""
    return f"ami.{environment}.lock.json"


def shown_path(path: Path) -> str:
    """Name a path as the reader sees it: relative to the working directory when it lies below, else absolute."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links, and show another path
    try:
        return absolute.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return absolute.as_posix()
