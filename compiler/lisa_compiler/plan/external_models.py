"""Models that LISA does not host: what `litellmConfig.model_list` names, and the permissions to call them.

Beside the models, guardrails, knowledge bases, log callbacks and caches of `litellmConfig` call AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_compiler.plan.provenance import bare, following, unmarked
from lisa_schema.litellm.entries import aws_services, call_parameters
from lisa_schema.litellm.names import provider_of
from lisa_schema.litellm.permissions import Place, Statement, model_statements, service_statements
from lisa_schema.litellm.routes import aws_route
from lisa_schema.plain_data import texts

if TYPE_CHECKING:
    from lisa_schema.document import Path
    from lisa_schema.models import Config, LitellmModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A statement for the gateway's role.

    Attributes:
        actions: IAM actions, sorted.
        resources: ARNs, sorted; `*` for actions without resources.
        condition: a condition key with the ARN that it must be equal to; empty for none.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalModel:
    """An entry of `litellmConfig.model_list`.

    Attributes:
        name: what clients call it.
        provider: LiteLLM's provider, mostly the part before the first slash: `bedrock`, `sagemaker`, `openai` …
        target: the rest: model id, endpoint name.
        model_type: `textgen` or `embedding`, or None when the entry does not say.
        streaming: whether a text generation model streams, or None.
        api_base: address of its API when the entry gives one.
        grants: permissions that the gateway needs; none for what is not in AWS or has credentials of its own.
    """

    name: str
    provider: str
    target: str
    model_type: str | None
    streaming: bool | None
    api_base: str | None
    grants: tuple[Grant, ...]


def plan_external_models(config: Config, *, partition: str) -> tuple[ExternalModel, ...]:
    """Read the entries of `litellmConfig.model_list`.

    Args:
        config: a validated configuration, whose account and Region are the deployment's.
        partition: partition of the Region.
    """
    plain = unmarked(config)
    entries = zip(config.litellm_config.model_list, plain.litellm_config.model_list, strict=True)
    return tuple(_external_model(entry, without_keys, config, plain, partition) for entry, without_keys in entries)


def plan_litellm_grants(config: Config, *, partition: str) -> tuple[Grant, ...]:
    """Plan what guardrails, knowledge bases, log callbacks and caches of `litellmConfig` need in AWS."""
    plain = unmarked(config)
    home = _home(plain, partition)
    grants = (
        _grant(statement, [_at(config, service.path)], config)
        for service in aws_services(plain)
        for statement in service_statements(service.key, service.parameters, home, service.target)
    )
    return tuple(dict.fromkeys(grants))


def _external_model(
    entry: LitellmModel, plain: LitellmModel, config: Config, plain_config: Config, partition: str
) -> ExternalModel:
    parameters = entry.litellm_params
    provider, _, target = parameters.model.partition("/")
    if not target:
        found = provider_of(plain.litellm_params.model) or "openai"
        provider, target = following(found, parameters.model), parameters.model
    called = call_parameters(plain, plain_config)
    lisa = entry.lisa_params
    mode = plain.model_info.mode if plain.model_info else None
    route = aws_route(called, str(plain.lisa_params.model_type), mode)
    statements = model_statements(route, called, _home(plain_config, partition)) if route else ()
    return ExternalModel(
        name=entry.model_name,
        provider=provider,
        target=target,
        model_type=str(lisa.model_type) if lisa and lisa.model_type else None,
        streaming=lisa.streaming if lisa else None,
        api_base=parameters.api_base,
        grants=tuple(_grant(statement, parameters.model_dump(), config) for statement in statements),
    )


def _home(config: Config, partition: str) -> Place:
    return Place(partition=partition, region=config.region, account=config.account_number)


def _grant(statement: Statement, sources: object, config: Config) -> Grant:
    """A statement whose resources carry the keys of the entry, and those of the account and the Region in them."""
    entry = [text for _, text in texts((), sources)]
    facts = [config.region, config.account_number]

    def marked(resource: str) -> str:
        return following(resource, *entry, *(fact for fact in facts if bare(fact) in resource))

    return Grant(
        actions=tuple(sorted(statement.actions)),
        resources=tuple(sorted(marked(resource) for resource in statement.resources)),
        condition=(statement.condition[0], marked(statement.condition[1])) if statement.condition else (),
    )


def _at(config: Config, path: Path) -> object:
    """The value at a path of `litellmConfig`, with its keys."""
    value: Any = config.litellm_config.model_dump()
    for step in path[1:]:
        value = value[step]
    return value
