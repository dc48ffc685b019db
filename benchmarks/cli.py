"""The command: measure, show, and write what is asked for."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, report, scenarios
from benchmarks.process import RunError

_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 0, missed targets or not, and 1 when something did not run."""
    asked = _parser().parse_args(arguments)
    try:
        results = _measure(asked.runs, asked.size_runs, tuple(sorted(asked.models)))
    except (RunError, subprocess.CalledProcessError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    report.show(results)
    if asked.json:
        asked.json.write_text(json.dumps(report.data(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.markdown:
        _write_markdown(asked.markdown, report.markdown(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the compiler.", allow_abbrev=False)
    parser.add_argument("--runs", type=_positive, default=5, metavar="N", help="runs of each scenario (5)")
    parser.add_argument("--size-runs", type=_positive, default=3, metavar="N", help="runs of each number of models (3)")
    parser.add_argument(
        "--models", type=_sizes, default=[1, 10, 60], metavar="N,N,N", help="numbers of models (1,10,60)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table; between its marks where FILE has them"
    )
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _sizes(text: str) -> list[int]:
    return sorted({_positive(part) for part in text.split(",")})


def _measure(runs: int, size_runs: int, sizes: tuple[int, ...]) -> report.Results:
    described = machine.describe()
    cold, peer = scenarios.cold_and_peer(runs, _tell)
    return report.Results(
        machine=described,
        runs=runs,
        cold=cold,
        peer=peer,
        no_change=scenarios.no_change(runs, _tell),
        one_model=scenarios.one_model_changed(runs, _tell),
        sizes=sizes,
        growth=tuple(scenarios.growth(sizes, size_runs, _tell)),
    )


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what} …", end="", file=sys.stderr, flush=True)


def _write_markdown(path: Path, table: str) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if _BEGIN not in text:
        path.write_text(table, encoding="utf-8")
        return
    pattern = rf"{re.escape(_BEGIN)}.*?{re.escape(_END)}"
    path.write_text(re.sub(pattern, lambda _: f"{_BEGIN}\n{table}{_END}", text, flags=re.DOTALL), encoding="utf-8")
