"""Whether the models of an environment fit their instances, and what all its instances cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.fit.adapters import LoadedAdapter, adapters_of
from lisa_compiler.fit.facts import ModelFacts, facts_of
from lisa_compiler.fit.host import HostIssue, host_issues
from lisa_compiler.fit.judge import judge
from lisa_compiler.fit.question import Accelerators, Question
from lisa_compiler.fit.suggestions import Suggestion, suggest
from lisa_compiler.fit.verdict import Answer
from lisa_compiler.prices.cost import ServiceCost, TotalCost, total_cost
from lisa_compiler.prices.scheduled_hours import instance_hours
from lisa_compiler.prices.table import PriceTable
from lisa_schema.clap_values import FORMS, with_arguments
from lisa_schema.engine_images import engine_image
from lisa_schema.instances import instance_type
from lisa_schema.parallel_sizes import read_shards
from lisa_schema.regions import region
from lisa_schema.vllm_options import VllmOptions, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_schema.instances import InstanceType
    from lisa_schema.models import Config
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.shape.transformer import CheckpointShape

GATEWAY = "Gateway"
PARALLEL_ENGINES = ("vllm", "sglang")
"""Engines whose parallel sizes LISA sets: to all GPUs of the instance, unless they are configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAssessment:
    """Whether one model of an environment fits its instances.

    Attributes:
        index: position in `ecsModels`.
        identifier: what clients call the model.
        question: what was asked.
        host: the instance type.
        answer: the answer.
        issues: what may be too small on the host.
        suggestions: what would fit instead.
        cost: what its instances cost.
    """

    index: int
    identifier: str
    question: Question
    host: InstanceType
    answer: Answer
    issues: tuple[HostIssue, ...]
    suggestions: tuple[Suggestion, ...]
    cost: ServiceCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Whether the models of an environment fit, and what its instances cost.

    Attributes:
        region: the Region.
        models: the deployed models.
        gateway: what the gateway's instances cost.
    """

    region: str
    models: tuple[ModelAssessment, ...]
    gateway: ServiceCost

    @property
    def costs(self) -> tuple[ServiceCost, ...]:
        """What the instances of each service cost, the gateway's last."""
        return (*(model.cost for model in self.models), self.gateway)

    @property
    def total(self) -> TotalCost | None:
        """What all instances cost; None when the prices are in several currencies."""
        return total_cost(self.costs)


def assess(
    config: Config,
    lock: WeightsLock,
    prices: PriceTable,
    *,
    local: Mapping[str, CheckpointShape] | None = None,
) -> Assessment:
    """Judge the deployed models of a configuration.

    Args:
        config: a valid configuration.
        lock: what the weights are.
        prices: prices of instance types.
        local: the shapes of models in models/, by name; a compile has none, so that every machine says the same.
    """
    shapes = local or {}
    models = [
        _assess(
            config,
            index,
            facts_of(model.model_name, lock.models.get(model.model_name), shapes.get(model.model_name)),
            [_loaded(lock, adapter.weights or adapter.name) for adapter in model.adapters],
            prices,
        )
        for index, model in enumerate(config.ecs_models)
        if model.deploy
    ]
    rest = config.rest_api_config
    return Assessment(
        region=config.region,
        models=tuple(model for model in models if model is not None),
        gateway=ServiceCost(
            name=GATEWAY,
            instance_type=rest.instance_type,
            low=rest.auto_scaling_config.min_capacity,
            high=rest.auto_scaling_config.max_capacity,
            price=prices.price(config.region, rest.instance_type),
            hours=instance_hours(rest.auto_scaling_config),
        ),
    )


def environment_of(engine: str, environment: Mapping[str, str], server_args: Sequence[str] = ()) -> Mapping[str, str]:
    """Return the variables of a container; of engines whose options are variables too, with the arguments."""
    return with_arguments(environment, server_args) if engine in FORMS else environment


def _loaded(lock: WeightsLock, name: str) -> LoadedAdapter:
    locked = lock.models.get(name)
    if locked is None or locked.adapter is None:
        return LoadedAdapter(rank=None, size=None)
    return LoadedAdapter(rank=locked.adapter.rank, size=locked.total_bytes)


def _assess(
    config: Config, index: int, facts: ModelFacts, configured: Sequence[LoadedAdapter], prices: PriceTable
) -> ModelAssessment | None:
    model = config.ecs_models[index]
    host = instance_type(model.instance_type)
    if host is None:
        return None
    container = model.container_config
    installed = engine_image(container.image).running(str(model.inference_container))
    options = options_of(model) if model.inference_container in PARALLEL_ENGINES else VllmOptions()
    question = Question(
        facts=facts,
        engine=str(model.inference_container),
        version=None if installed is None else installed.version.release,
        accelerators=Accelerators.of(host),
        image_suffix="" if installed is None else installed.suffix,
        options=options,
        adapters=adapters_of(options, configured) if model.inference_container == "vllm" else None,
        environment=environment_of(str(model.inference_container), container.environment, model.server_args),
        shards=read_shards(container.environment, model.server_args),
        is_pooling=model.model_type == "embedding",
    )
    answer = judge(question)
    scaling = model.auto_scaling_config
    return ModelAssessment(
        index=index,
        identifier=model.identifier,
        question=question,
        host=host,
        answer=answer,
        issues=host_issues(host, question, shared_mib=container.shared_memory_size),
        suggestions=suggest(question, host, answer, region(config.region), prices),
        cost=ServiceCost(
            name=model.identifier,
            instance_type=host.name,
            low=scaling.min_capacity,
            high=scaling.max_capacity,
            price=prices.price(config.region, host.name),
            hours=instance_hours(scaling),
        ),
    )
