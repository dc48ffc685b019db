"""Predictions against measured runs: the acceptance test of the formulas.

measurements.json beside this file has the runs; each names its source. Runs that other people keep can be given with
the environment variable LISA_FIT_RUNS, a file of the same form.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lisa_compiler.fit.measuring import Comparison, compare_run
from lisa_compiler.fit.verdict import Verdict

_FILES = [Path(__file__).with_name("measurements.json")]
if more := os.environ.get("LISA_FIT_RUNS"):
    _FILES.append(Path(more))
RUNS: list[dict[str, Any]] = [run for file in _FILES for run in json.loads(file.read_text(encoding="utf-8"))["runs"]]
COMPARED = [run for run in RUNS if run["compare"] == "start+kv"]
_UNDECIDED = 22
"""Runs of measurements.json that may be too close to tell, or unknown."""


@cache
def _compared(identifier: str) -> Comparison:
    return compare_run(next(run for run in RUNS if run["id"] == identifier))


def _ids(runs: list[dict[str, Any]]) -> list[str]:
    return [run["id"] for run in runs]


def test_there_are_runs_of_many_models_with_a_source() -> None:
    assert len(RUNS) >= 67
    assert len({run["model"] for run in RUNS}) >= 34
    assert all(run["source"] for run in RUNS)


@pytest.mark.parametrize("identifier", _ids(RUNS))
def test_verdict_is_never_wrong(identifier: str) -> None:
    found = _compared(identifier)
    if found.answer.verdict is Verdict.FITS:
        assert found.run["started"]
    if found.answer.verdict is Verdict.DOES_NOT_FIT:
        assert not found.run["started"]


@pytest.mark.parametrize("identifier", _ids(RUNS))
def test_point_estimate_is_right(identifier: str) -> None:
    found = _compared(identifier)
    if found.run["reason"] == "sampler-warmup":
        assert found.answer.verdict is not Verdict.FITS
    elif found.answer.estimate is None:
        assert found.answer.verdict is Verdict.UNKNOWN
    else:
        assert found.answer.estimate == found.run["started"]


@pytest.mark.parametrize("identifier", _ids(COMPARED))
def test_kv_cache_is_within_a_tenth(identifier: str) -> None:
    found = _compared(identifier)
    measured, budget = found.run["measured"], found.answer.budget
    assert budget is not None
    available = measured["availableKvGiB"]
    assert budget.kv.low <= available <= budget.kv.high
    assert budget.kv.point == pytest.approx(available, rel=0.1)
    if measured["kvTokens"] is not None:
        assert found.answer.kv_tokens is not None
        assert found.answer.kv_tokens.point == pytest.approx(measured["kvTokens"], rel=0.1)


def test_kv_cache_is_within_a_hundredth_on_average() -> None:
    errors = []
    for run in COMPARED:
        budget = _compared(run["id"]).answer.budget
        assert budget is not None
        available = run["measured"]["availableKvGiB"]
        errors.append(abs(budget.kv.point - available) / available)
    assert sum(errors) / len(errors) < 0.01


def test_few_runs_are_undecided() -> None:
    own = json.loads(_FILES[0].read_text(encoding="utf-8"))["runs"]
    verdicts = [_compared(run["id"]).answer.verdict for run in own]
    undecided = [verdict for verdict in verdicts if verdict in (Verdict.CLOSE, Verdict.UNKNOWN)]
    assert len(undecided) <= _UNDECIDED
