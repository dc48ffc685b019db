"""The command: measure, and print a table."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import RunError
from benchmarks.rag import scenarios

_HEAD = "|  | seconds | chunks | changed | peak MiB | target |  |\n|---|---:|---:|---:|---:|---|---|"
_MEMORY_MIB = 512
_SEARCHES = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 0, missed targets or not, and 1 when something did not run."""
    parser = argparse.ArgumentParser(prog="make bench-rag", description="Measure the repository function.")
    parser.add_argument("--imports", type=int, default=5, metavar="N", help="cold imports of each handler (5)")
    asked = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as directory:
            print(_HEAD)
            _ingestions(Path(directory))
        _imports(asked.imports)
    except RunError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _ingestions(directory: Path) -> None:
    with scenarios.function(directory) as function:
        pdf = [function.put("subject-ann/large.pdf", scenarios.large_pdf())]
        small = [function.put(key, content) for key, content in scenarios.small_files()]
        for name, keys in ((f"PDF of {scenarios.PAGES} pages", pdf), (f"{scenarios.FILES} small files", small)):
            first, second = function.ingest(keys), function.ingest(keys)
            _row(name, first, f"≤ {_MEMORY_MIB} MiB", first.peak_mib <= _MEMORY_MIB)
            same = second.ids == first.ids and second.changed == 0
            _row(f"{name}, again", second, "nothing changes", same)
        seconds = function.search(_SEARCHES)
        print(f"| search among them, top 10, median of {_SEARCHES} | {statistics.median(seconds):.3f} |  |  |  |  |  |")


def _row(name: str, run: scenarios.Ingested, target: str, met: bool) -> None:
    judged = "met" if met else "missed"
    print(f"| {name} | {run.seconds:.1f} | {run.chunks} | {run.changed} | {run.peak_mib:.0f} | {target} | {judged} |")


def _imports(runs: int) -> None:
    for handler, most in scenarios.HANDLERS.items():
        seconds = scenarios.cold_import(handler, runs)
        judged = "" if most is None else "met" if seconds <= most else "missed"
        target = "" if most is None else f"≤ {most:.0f} s"
        print(f"| cold import of {handler} | {seconds:.2f} |  |  |  | {target} | {judged} |")
