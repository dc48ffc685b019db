"""Judge a question by the engine that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lisa_compiler.fit.other_engines import judge_sglang, judge_tei, judge_tgi
from lisa_compiler.fit.question import Question
from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_compiler.fit.vllm import judge_vllm

_ENGINES: Final[Mapping[str, Callable[[Question], Answer]]] = {
    "vllm": judge_vllm,
    "sglang": judge_sglang,
    "tgi": judge_tgi,
    "tei": judge_tei,
}


def judge(question: Question) -> Answer:
    """Judge whether a model fits; the memory of an engine that is not in the table is unknown."""
    engine = _ENGINES.get(question.engine)
    if engine is None:
        return Answer(verdict=Verdict.UNKNOWN, reason=f"the memory of the container {question.engine} is not modeled")
    return engine(question)
