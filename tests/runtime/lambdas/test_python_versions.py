"""Functions run on every Python that `lambdaConfig.pythonRuntime` can name, from 3.8 on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[3] / "runtime"
SOURCES = sorted([*RUNTIME.glob("lambdas/**/*.py"), *RUNTIME.glob("oidc/**/*.py")])


def test_there_are_sources() -> None:
    assert len(SOURCES) > 10


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(RUNTIME).as_posix())
def test_the_syntax_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
