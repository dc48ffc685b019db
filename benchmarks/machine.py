"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.scenarios import node_binary


def describe() -> dict[str, str]:
    """Cores, memory, load, speed (seconds of ten million additions) and versions."""
    node = subprocess.run([node_binary(), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    kibibytes = int(_first(r"MemTotal:\s*(\d+)", "/proc/meminfo") or 0)
    return {
        "cores": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "processor": _first(r"model name\s*:\s*(.+)", "/proc/cpuinfo") or platform.processor() or platform.machine(),
        "memory": f"{kibibytes / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "additions": f"{_additions():.2f}",
        "python": platform.python_version(),
        "node": node.removeprefix("v"),
        "aws-cdk-lib": version("aws-cdk-lib"),
        "jsii": version("jsii"),
    }


def sentence(machine: dict[str, str]) -> str:
    """The machine and the versions, in a line."""
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory']}, load {machine['load']} at the start, "
        f"ten million additions in {machine['additions']} s; "
        f"Python {machine['python']}, Node {machine['node']}, aws-cdk-lib {machine['aws-cdk-lib']}"
    )


def _first(pattern: str, path: str) -> str:
    file = Path(path)
    found = re.search(pattern, file.read_text(encoding="utf-8")) if file.exists() else None
    return found[1].strip() if found else ""


def _additions() -> float:
    began = time.perf_counter()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - began
