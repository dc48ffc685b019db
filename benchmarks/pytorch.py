"""The Python that has PyTorch and transformers: this one, or that of the tests which load weights."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.process import REPOSITORY

_OF_TESTS = REPOSITORY / ".venv" / "weights" / "bin" / "python"
_NEEDS = {
    "transformers": ("torch", "transformers"),
    "torch": ("torch", "safetensors"),
    "torch-mmap": ("torch", "safetensors"),
}


@cache
def python() -> str:
    """Path of the interpreter; this one if none has PyTorch."""
    candidates = (sys.executable, *([str(_OF_TESTS)] if Path(_OF_TESTS).exists() else []))
    return next((path for path in candidates if not _lacking(path, ("torch",))), sys.executable)


def missing(way: str) -> str | None:
    """Why a converter cannot be measured here; None when it can."""
    lacking = _lacking(python(), _NEEDS[way])
    return f"{' and '.join(lacking)} not installed" if lacking else None


def _lacking(interpreter: str, names: tuple[str, ...]) -> list[str]:
    test = "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])"
    done = subprocess.run([interpreter, "-P", "-c", test, *names], check=True, capture_output=True, text=True)
    return done.stdout.split()
