"""How tests are distributed among processes, and what is printed at the end of a run."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest

import parts

LONGEST_NAME = 40
LONG_MODULES = (
    "test_boot",
    "test_loaders",
    "test_connections",
    "test_with_pytorch",
    "test_deployment",
    "test_locks",
    "test_regions",
)
"""They take minutes and come first, so that no process is left with one at the end."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a module in one process, so that what they share is created once, and begin with long ones."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    items.sort(key=lambda item: item.path.stem not in LONG_MODULES)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Let the garbage collector skip the 10,000 collected tests, and run less often: 6 to 11% of the processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a document by its argument: its content is no name, and differs between processes where it has a date."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print a line for each of the two; nothing in the run that another run started."""
    if Path(sys.prefix).resolve() == parts.PYTORCH.resolve():
        return
    counts = [
        f"{report.nodeid.rpartition('[')[2].removesuffix(']')} {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "with PyTorch" and getattr(report, "when", "") == "call"
    ]
    if counts:
        terminalreporter.write_line(f"tests with PyTorch, transformers and vLLM: {'; '.join(sorted(counts))}")
    missing = [f"{part.name} ({part.command})" for part in parts.parts() if not part.is_installed]
    if missing:
        terminalreporter.write_line(f"not installed, and not tested: {'; '.join(missing)}")
