"""The fit stage: diagnostics of models that do not fit their instances, at the value to change.

Models are judged by the lock file and the shipped catalogue alone, so that a machine without models/ says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.fit.assessment import Assessment, ModelAssessment, assess
from lisa_compiler.fit.host import HostPart
from lisa_compiler.fit.model_kind import kind_fault
from lisa_compiler.fit.rules import Breach, RuleKind
from lisa_compiler.fit.verdict import Verdict
from lisa_compiler.fit.wording import as_instruction, facts_from
from lisa_compiler.prices.table import load_prices
from lisa_schema import artifact_diagnostics
from lisa_schema.diagnostics import Severity
from lisa_schema.document import key_path
from lisa_schema.vllm_options import option_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lisa_compiler.project.project import ValidEnvironment
    from lisa_schema import Diagnostic
    from lisa_schema.diagnostic_types import DiagnosticType
    from lisa_schema.document import Document
    from lisa_schema.document import Path as KeyPath
    from lisa_schema.models import Config
    from lisa_weights.lock.lock_file import WeightsLock

_KINDS = {
    RuleKind.PARALLEL: artifact_diagnostics.FIT_PARALLEL,
    RuleKind.CONTEXT: artifact_diagnostics.FIT_CONTEXT,
    RuleKind.CHECKPOINT: artifact_diagnostics.FIT_CHECKPOINT,
    RuleKind.DTYPE: artifact_diagnostics.FIT_CHECKPOINT,
}
_NO_SUGGESTION = "Choose a type with more GPU memory, of which `lisa fit` cannot confirm one, or a smaller model."
_CONTEXT = ("MAX_TOTAL_TOKENS", "--max-model-len")
_OPTIONS = {
    RuleKind.PARALLEL: ("tensor-parallel-size", "data-parallel-size", "pipeline-parallel-size"),
    RuleKind.CONTEXT: ("max-model-len",),
}


def assess_fit(config: Config, project: Path, lock: WeightsLock) -> Assessment:
    """Judge the deployed models of an environment, and price its instances.

    Raises:
        LisaError: prices.json of the project cannot be used.
    """
    return assess(config, lock, load_prices(project))


def diagnose_fit(environment: ValidEnvironment, lock: WeightsLock) -> list[Diagnostic]:
    """Report what does not fit in a valid environment, as a compile does.

    Raises:
        LisaError: prices.json of the project cannot be used.
    """
    return fit_diagnostics(assess_fit(environment.config, environment.root, lock), environment.document)


def fit_diagnostics(assessment: Assessment, document: Document) -> list[Diagnostic]:
    """Report what does not fit, or may not.

    An error needs facts of the very files that are deployed and a known version of the engine; what follows from the
    configuration alone is always one.
    """
    found = []
    for model in assessment.models:
        reporter = _Reporter(model, document)
        found += [*reporter.kind(), *reporter.breaches(), *reporter.memory(), *reporter.host()]
    return found


class _Reporter:
    """Diagnostics of one model."""

    def __init__(self, model: ModelAssessment, document: Document) -> None:
        self._model = model
        self._document = document
        self._path: KeyPath = ("ecsModels", model.index)
        question = model.question
        # What other engines are rejected for does not depend on their version.
        self._is_certain = question.facts.is_own and (question.version is not None or question.engine != "vllm")

    def kind(self) -> Iterator[Diagnostic]:
        """Report a model that does something else than its server and `modelType` are for."""
        fault = kind_fault(self._model.question)
        if fault is not None:
            severity = Severity.ERROR if fault.is_certain else Severity.WARNING
            path: KeyPath = (*self._path, "modelType")
            message = (
                f"{fault.message[0].upper()}{fault.message[1:]}." if fault.message[:3] == "by " else f"{fault.message}."
            )
            yield self._at(artifact_diagnostics.FIT_KIND, path, message, fault.fix, severity)

    def breaches(self) -> Iterator[Diagnostic]:
        """Report rules that more memory does not satisfy."""
        for breach in self._model.answer.breaches:
            # LISA520 and LISA521 report images and configured dtypes with the other rules of the configuration.
            if breach.kind is RuleKind.IMAGE or (breach.kind is RuleKind.DTYPE and breach.is_certain):
                continue
            kind = _KINDS[breach.kind]
            text = f"{self._model.identifier} on {self._model.host.name}: {breach.message}"
            if breach.needs_shape and not self._model.question.facts.shape_from.is_own:
                text += f" ({facts_from(self._model.question.facts)})"
            options = _OPTIONS.get(breach.kind, ())
            given = [option for option in options if option in self._model.question.options.sources]
            path = self._option_path(next(iter((*given, *options)), None))
            yield self._at(kind, path, f"{text}.", breach.fix, self._severity(breach))

    def memory(self) -> Iterator[Diagnostic]:
        """Report memory that is not enough, or may not be."""
        answer = self._model.answer
        if answer.certain_breaches or answer.verdict in (Verdict.FITS, Verdict.UNKNOWN):
            return
        if answer.lacks_outside and self._model.question.options.gpu_memory_utilization is None:
            # The default share is what most servers run with; what it leaves is unmeasured on most GPUs.
            return
        does_not = answer.verdict is Verdict.DOES_NOT_FIT
        verb = "does not fit" if does_not else "may not fit"
        facts = self._model.question.facts
        missing = f"; {answer.missing_gib:.1f} GiB are missing" if answer.missing_gib >= 0.05 else ""
        message = (
            f"{self._model.identifier} {verb} {self._model.host.name}: {answer.reason}{missing} "
            f"(facts: {facts_from(facts)})."
        )
        shorter = any(suggestion.change.startswith(_CONTEXT) for suggestion in self._model.suggestions)
        path = self._option_path("max-model-len" if shorter else None)
        severity = Severity.ERROR if does_not and self._is_certain else Severity.WARNING
        fix = as_instruction(self._model.suggestions) or _NO_SUGGESTION
        yield self._at(artifact_diagnostics.FIT_MEMORY, path, message, fix, severity)

    def host(self) -> Iterator[Diagnostic]:
        """Report parts of the host that may be too small."""
        for issue in self._model.issues:
            path: KeyPath = (*self._path, "instanceType")
            if issue.part is HostPart.SHARED_MEMORY:
                path = (*self._path, "containerConfig", "sharedMemorySize")
            message = f"{self._model.identifier}: {issue.message}"
            yield self._at(artifact_diagnostics.FIT_HOST, path, message, issue.fix, Severity.WARNING)

    def _severity(self, breach: Breach) -> Severity:
        if not breach.is_certain:
            return Severity.WARNING
        return Severity.ERROR if self._is_certain or not breach.needs_shape else Severity.WARNING

    def _option_path(self, option: str | None) -> KeyPath:
        """The variable that sets an option, else the instance type."""
        source = self._model.question.options.sources.get(option or "")
        if source is None and option == "tensor-parallel-size" and self._model.question.engine == "tgi":
            shards = self._model.question.shards
            source = shards.source if shards.count is not None else "SHARDED" if shards.is_sharded else None
        if source is None:
            return (*self._path, "instanceType")
        return option_path(self._path, source)

    def _at(self, kind: DiagnosticType, path: KeyPath, message: str, fix: str | None, severity: Severity) -> Diagnostic:
        origin = self._document.origin(path)
        return kind.at(origin, message, key_path=key_path(path), fix=fix, severity=severity)
