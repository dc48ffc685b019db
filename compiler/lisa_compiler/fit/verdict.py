"""The answer to a question: whether a model fits, with the numbers and the reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lisa_schema.engine_settings import TITLES

if TYPE_CHECKING:
    from lisa_compiler.fit.quantity import Quantity
    from lisa_compiler.fit.question import Question
    from lisa_compiler.fit.rules import Breach


class Verdict(StrEnum):
    """Whether a model fits."""

    FITS = "fits"
    CLOSE = "too close to tell"
    UNKNOWN = "unknown"
    DOES_NOT_FIT = "does not fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """GiB of one GPU, that of the tightest stage of a pipeline.

    Attributes:
        total: memory that CUDA reports.
        utilization: share of it that the engine uses.
        usable: what the share is.
        weights: of the model.
        activation: that are profiled.
        other: that other libraries take.
        graphs: of CUDA graphs, where they count; None where they do not.
        kv: left for the KV cache.
        adapters: of LoRA adapters; None without any.
    """

    total: Quantity
    utilization: float
    usable: Quantity
    weights: Quantity
    activation: Quantity
    other: Quantity
    graphs: Quantity | None
    kv: Quantity
    adapters: Quantity | None = None

    def widened(self, other: Budget) -> Budget:
        """The range of both, with the points of the other."""
        graphs = other.graphs if self.graphs is None or other.graphs is None else self.graphs.widened(other.graphs)
        return Budget(
            total=self.total.widened(other.total),
            utilization=other.utilization,
            usable=self.usable.widened(other.usable),
            weights=self.weights.widened(other.weights),
            activation=self.activation.widened(other.activation),
            other=self.other.widened(other.other),
            graphs=graphs,
            kv=self.kv.widened(other.kv),
            adapters=_widened(self.adapters, other.adapters),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a question.

    Attributes:
        verdict: whether it fits.
        reason: why, a clause; empty when it fits.
        budget: memory of a GPU; None when it is unknown.
        kv_tokens: tokens of the KV cache; None when they are unknown.
        concurrency: sequences of the longest length at a time; None when it is unknown.
        context: the longest sequence that was asked for, in tokens; None when it is unknown.
        longest: the longest sequence that fits, in tokens; None when it is unknown.
        breaches: rules that are broken.
        estimate: whether the point estimate starts; None without one.
        lacks_outside: whether the only doubt is the memory outside the share that vLLM uses.
        missing_gib: GiB by which the KV cache is too small, in the best case; 0 when it is not.
    """

    verdict: Verdict
    reason: str = ""
    budget: Budget | None = None
    kv_tokens: Quantity | None = None
    concurrency: Quantity | None = None
    context: int | None = None
    longest: Quantity | None = None
    breaches: tuple[Breach, ...] = ()
    estimate: bool | None = None
    lacks_outside: bool = False
    missing_gib: float = 0.0

    @property
    def certain_breaches(self) -> tuple[Breach, ...]:
        """The rules because of which the engine certainly does not start."""
        return tuple(breach for breach in self.breaches if breach.is_certain)

    def combined(self, other: Answer) -> Answer:
        """The answer when it is unknown which of two holds; the points are the other's."""
        verdicts = {self.verdict, other.verdict}
        if len(verdicts) == 1:
            verdict = other.verdict
        elif Verdict.UNKNOWN in verdicts:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.CLOSE
        reason = other.reason or self.reason
        if verdict is Verdict.CLOSE and Verdict.CLOSE not in verdicts:
            reason = "it depends on the version of the engine, which the image's tag does not name"
        budget = other.budget if self.budget is None or other.budget is None else self.budget.widened(other.budget)
        return replace(
            other,
            verdict=verdict,
            reason=reason,
            budget=budget,
            kv_tokens=_widened(self.kv_tokens, other.kv_tokens),
            concurrency=_widened(self.concurrency, other.concurrency),
            longest=_widened(self.longest, other.longest),
            lacks_outside=self.lacks_outside and other.lacks_outside,
            missing_gib=min(self.missing_gib, other.missing_gib),
        )


def without_gpu(question: Question) -> Answer:
    """Answer for an instance type without an NVIDIA GPU: it is certain only if the image is known to need one."""
    reason = "the instance type has no NVIDIA GPU"
    if not question.requires_gpu:
        return Answer(verdict=Verdict.UNKNOWN, reason=reason)
    reason = f"{reason}, which the image of {TITLES.get(question.engine, question.engine)} requires"
    return Answer(verdict=Verdict.DOES_NOT_FIT, reason=reason, estimate=False)


def _widened(first: Quantity | None, second: Quantity | None) -> Quantity | None:
    return second if first is None or second is None else first.widened(second)
