"""The fit emitter: fit.json, whether each model fits and what the instances cost, for programs that compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.fit.data_report import assessment_as_json

if TYPE_CHECKING:
    from lisa_compiler.fit.assessment import Assessment

PATH = "fit.json"


def emit_fit(assessment: Assessment) -> dict[str, bytes]:
    """Write `fit.json`, which `lisa diff` compares."""
    return {PATH: (json.dumps(assessment_as_json(assessment), indent=2, ensure_ascii=False) + "\n").encode()}
