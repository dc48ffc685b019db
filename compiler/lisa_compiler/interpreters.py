"""Interpreters that have packages which the compiler itself does not need, such as LiteLLM."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]


@cache
def python_having(*modules: str) -> Path | None:
    """Return a Python with all these modules: this one, else that of the gateway in a checkout; None for neither."""
    if all(importlib.util.find_spec(module) for module in modules):
        return Path(sys.executable)
    other = _CHECKOUT / ".venv" / "gateway" / "bin" / "python"
    return other if other.exists() and _has(other, modules) else None


def _has(python: Path, modules: tuple[str, ...]) -> bool:
    program = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    return subprocess.run([python, "-c", program, *modules], check=False, capture_output=True).returncode == 0
