"""Questions about a model that no configuration has: from the options of a command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.adapters import adapters_of
from lisa_compiler.fit.assessment import PARALLEL_ENGINES, environment_of
from lisa_compiler.fit.facts import ModelFacts, catalogue, facts_of
from lisa_compiler.fit.host import host_issues
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.model_kind import is_encoder, kind_fault
from lisa_compiler.fit.question import Accelerators, Question
from lisa_compiler.fit.rendering import Judged
from lisa_compiler.fit.suggestions import RankedType, rank, suggest
from lisa_compiler.fit.verdict import Answer, Verdict
from lisa_compiler.prices.table import PriceTable, load_prices
from lisa_compiler.project.paths import MODELS, WEIGHTS_LOCK
from lisa_schema.engine_images import Accelerator, named_image
from lisa_schema.engine_settings import TITLES
from lisa_schema.errors import LisaError
from lisa_schema.instances import instance_type, nearest_instance_types
from lisa_schema.parallel_sizes import read_shards
from lisa_schema.regions import region as region_named
from lisa_schema.rules.engine_variables import unread_variable
from lisa_schema.unusable_instances import unusable_fault
from lisa_schema.vllm_options import VllmOptions, read_options
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.lock.lock_file import load as load_lock
from lisa_weights.model_directory import model_path, read_directory

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_weights.shape.transformer import CheckpointShape


_OF_ONE_KIND: Final = ("tgi", "tei", "instructor")
"""Engines that serve text generation alone, or embeddings alone."""

_NEED_GPUS: Final = ("vllm", "sglang", "tgi")
"""Engines whose usual images need an NVIDIA GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """A model, with an engine and its options.

    Attributes:
        model: its name.
        engine: `inferenceContainer`.
        image: reference of the image, whose tag has the engine's version; None when it is unknown.
        environment: variables of the container.
        context: longest sequence in tokens; None for the variables, or the model's own.
        concurrency: sequences of this length at a time.
    """

    model: str
    engine: str = "vllm"
    image: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    context: int | None = None
    concurrency: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What a project knows about models and prices.

    Attributes:
        lock: what the weights are.
        prices: prices of instance types.
        local: the shapes of models in models/, by name.
    """

    lock: WeightsLock
    prices: PriceTable
    local: Mapping[str, CheckpointShape]

    @classmethod
    def read(cls, project: Path, models: Iterable[str]) -> ProjectFacts:
        """Read what a project knows.

        Raises:
            LisaError: its lock file or its prices cannot be used.
        """
        return cls(
            lock=load_lock(project / WEIGHTS_LOCK), prices=load_prices(project), local=local_shapes(project, models)
        )


def ask(request: FitRequest, instances: Sequence[str], region: str, known: ProjectFacts) -> list[Judged]:
    """Judge a model on instance types.

    Raises:
        LisaError: an instance type does not exist.
    """
    question = _question(request, known)
    found = []
    for name in instances:
        host = instance_type(name)
        if host is None and (fault := unusable_fault(name)) is not None:
            raise LisaError(f"{fault}.")
        if host is None:
            near = " or ".join(nearest_instance_types(name))
            raise LisaError(f"Unknown instance type `{name}`.{f' Use {near}.' if near else ''}")
        asked = replace(question, accelerators=Accelerators.of(host))
        answer = _judged(asked)
        price = known.prices.price(region, name)
        # Shared memory is not asked about, so it is never too small.
        issues = host_issues(host, asked, shared_mib=host.memory_mib) if asked.accelerators is not None else ()
        found.append(
            Judged(
                title=request.model,
                instance=name,
                region=region,
                question=asked,
                answer=answer,
                suggestions=suggest(asked, host, answer, region_named(region), known.prices),
                price=price,
                host=tuple(issue.message for issue in issues),
            )
        )
    return found


def _judged(question: Question) -> Answer:
    """Judge a question; a server that one kind of models is for does not serve another."""
    answer = judge(question)
    fault = kind_fault(question) if question.engine in _OF_ONE_KIND and question.facts.shape is not None else None
    if fault is None or answer.verdict is Verdict.DOES_NOT_FIT:
        return answer
    return replace(answer, verdict=Verdict.UNKNOWN, reason=fault.message)


def ask_all(request: FitRequest, region: str, known: ProjectFacts) -> tuple[Question, list[RankedType]]:
    """Rank all instance types that a Region offers.

    Raises:
        LisaError: the Region is not in the table.
    """
    home = region_named(region)
    if home is None:
        raise LisaError(f"Unknown Region `{region}`. Pass a Region of the table, such as us-east-1, or --instance.")
    question = _question(request, known)
    return question, rank(question, home, known.prices)


def local_shapes(project: Path, models: Iterable[str]) -> dict[str, CheckpointShape]:
    """Read the shapes of models in models/, by name; those that are absent or incomplete are left out."""
    found = {}
    for name in dict.fromkeys(models):
        try:
            shape = read_directory(model_path(project / MODELS, name)).completeness.shape
        except WeightsError:
            continue
        if shape is not None:
            found[name] = shape
    return found


def usual_engine(model: str, known: ProjectFacts) -> str:
    """Return the container that usually serves a model: text-embeddings-inference of an encoder, else vLLM."""
    shape = _facts(model, known).shape
    return "tei" if shape is not None and is_encoder(shape.architecture) else "vllm"


def unknown_model(model: str, known: ProjectFacts) -> str | None:
    """Tell that nothing is known about a model, with the name that may be meant; None when something is known."""
    facts = _facts(model, known)
    if facts.tensors is not None or facts.shape is not None:
        return None
    names = sorted({*catalogue(), *known.lock.models})
    folded = {name.casefold(): name for name in names}
    plain = model.casefold()
    owned = [name for name in names if name.casefold().rpartition("/")[2] == plain.rpartition("/")[2]]
    near = [folded[plain]] if plain in folded else owned or difflib.get_close_matches(model, names, 1, cutoff=0.8)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"{model} is in neither weights.lock.json, models/ nor the shipped catalogue, which has exact names.{meant}"


def unread_variables(request: FitRequest) -> list[str]:
    """Tell which variables of a request its container does not read."""
    if request.engine not in TITLES:
        return []
    image = None if request.image is None else named_image(request.image)
    installed = image.version if image is not None and image.engine == request.engine else None
    told = ((name, unread_variable(request.engine, name, installed)) for name in request.environment)
    return [f"{found[0]}{f' {found[1]}' if found[1] else ''}" for _, found in told if found is not None]


def _facts(model: str, known: ProjectFacts) -> ModelFacts:
    return facts_of(model, known.lock.models.get(model), known.local.get(model))


def _question(request: FitRequest, known: ProjectFacts) -> Question:
    environment = dict(request.environment)
    if request.context is not None:
        environment["MAX_TOTAL_TOKENS"] = str(request.context)
    options = read_options(environment) if request.engine in PARALLEL_ENGINES else VllmOptions()
    if request.context is not None:
        options = replace(options, max_model_len=request.context, fits_context=False)
    image = None if request.image is None else named_image(request.image)
    installed = None if image is None else image.running(request.engine)
    return Question(
        facts=_facts(request.model, known),
        engine=request.engine,
        version=None if installed is None else installed.version.release,
        accelerators=None,
        image_suffix="" if installed is None else installed.suffix,
        options=options,
        adapters=adapters_of(options) if request.engine == "vllm" else None,
        environment=environment_of(request.engine, environment),
        shards=read_shards(environment),
        requires_gpu=request.engine in _NEED_GPUS
        and (image is None or image.accelerator in (None, Accelerator.NVIDIA)),
        is_pooling=request.engine in ("tei", "instructor"),
        concurrency=request.concurrency,
    )
