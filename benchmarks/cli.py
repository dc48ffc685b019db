"""The command: measure, show, and write what is asked for."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import large, llama, machine, pytorch, report, scenarios, table, weights, weights_report
from benchmarks.process import RunError

PARTS = ("compiler", "weights")


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured of one part.

    Attributes:
        rows: for the table.
        note: below it.
        data: for a machine to read.
    """

    rows: Sequence[table.Row]
    note: str
    data: dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 0, missed targets or not, and 1 when something did not run."""
    asked = _parser().parse_args(arguments)
    described = machine.describe()
    try:
        parts = dict(_measure(asked))
    except (RunError, subprocess.CalledProcessError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    for name, part in parts.items():
        note = f"{machine.sentence(described)}; {part.note}"
        table.show(part.rows, note)
        if asked.markdown:
            _write_markdown(asked.markdown, name, table.markdown(part.rows, note))
    if asked.json:
        found = {"machine": described, **{name: part.data for name, part in parts.items()}}
        asked.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Measure the compiler and the conversion of weights.", allow_abbrev=False
    )
    parser.add_argument("--only", choices=PARTS, metavar="PART", help="one part: compiler or weights")
    parser.add_argument("--runs", type=_positive, default=5, metavar="N", help="runs of each scenario (5)")
    parser.add_argument("--size-runs", type=_positive, default=3, metavar="N", help="runs of each number of models (3)")
    parser.add_argument(
        "--models", type=_sizes, default=[1, 10, 60], metavar="N,N,N", help="numbers of models (1,10,60)"
    )
    parser.add_argument(
        "--large",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure 200 and 1,000 models and 20 environments too, which takes minutes",
    )
    parser.add_argument(
        "--layers", type=_positive, default=llama.LAYERS, metavar="N", help="size of the checkpoint (22: 2.2 GB)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the tables; between their marks where FILE has them"
    )
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _sizes(text: str) -> list[int]:
    return sorted({_positive(part) for part in text.split(",")})


def _measure(asked: argparse.Namespace) -> Iterator[tuple[str, Part]]:
    if asked.only in (None, "compiler"):
        results = _compiler(asked.runs, asked.size_runs, tuple(sorted(asked.models)), with_large=asked.large)
        yield "compiler", Part(report.rows(results), report.note(results), report.data(results))
    if asked.only is None and (why := pytorch.missing("torch")):
        print(f"benchmarks: the part weights is skipped: {why}", file=sys.stderr)
    elif asked.only in (None, "weights"):
        found = weights.run(asked.runs, asked.layers, _tell)
        yield "weights", Part(weights_report.rows(found), f"medians of {asked.runs} runs", weights_report.data(found))


def _compiler(runs: int, size_runs: int, sizes: tuple[int, ...], *, with_large: bool) -> report.Results:
    cold, peer = scenarios.cold_and_peer(runs, _tell)
    return report.Results(
        runs=runs,
        cold=cold,
        peer=peer,
        no_change=scenarios.no_change(runs, _tell),
        one_model=scenarios.one_model_changed(runs, _tell),
        sizes=sizes,
        growth=tuple(scenarios.growth(sizes, size_runs, _tell)),
        large=large.cases(size_runs, _tell) if with_large else (),
    )


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what} …", end="", file=sys.stderr, flush=True)


def _write_markdown(path: Path, part: str, text: str) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    if begin not in before:
        path.write_text(f"{before}{begin}\n{text}{end}\n", encoding="utf-8")
        return
    pattern = rf"{re.escape(begin)}.*?{re.escape(end)}"
    path.write_text(re.sub(pattern, lambda _: f"{begin}\n{text}{end}", before, flags=re.DOTALL), encoding="utf-8")
