"""The end of a run: what was tested in the other virtual environment, and which parts this machine lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import parts


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
