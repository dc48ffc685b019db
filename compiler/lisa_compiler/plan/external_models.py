"""Models that LISA does not host: what `litellmConfig.model_list` names, and the permissions to call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_schema.models import LitellmModel

_BEDROCK_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
_SAGEMAKER_ACTIONS = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")

# LiteLLM writes the API flavour between the provider and the model: bedrock/converse/<model>.
_BEDROCK_FLAVOURS = frozenset({"converse", "converse_like", "invoke", "agent", "async_invoke", "llama", "deepseek_r1"})
# Geographic prefixes of cross-region inference profiles (Amazon Bedrock User Guide, "Supported Regions and models for
# inference profiles"): the call goes to the profile and on to the model in any region of the geography.
_PROFILE_GEOGRAPHIES = frozenset({"us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A statement for the gateway's role.

    Attributes:
        actions: IAM actions, sorted.
        resources: ARNs, sorted.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalModel:
    """An entry of `litellmConfig.model_list`.

    Attributes:
        name: what clients call it.
        provider: LiteLLM's provider, the part before the first slash: `bedrock`, `sagemaker`, `openai` …
        target: the rest: model id, endpoint name.
        model_type: `textgen` or `embedding`, or None when the entry does not say.
        streaming: whether a text generation model streams, or None.
        api_base: address of its API when the entry gives one.
        grant: permissions that the gateway needs, None for anything outside Bedrock and SageMaker.
    """

    name: str
    provider: str
    target: str
    model_type: str | None
    streaming: bool | None
    api_base: str | None
    grant: Grant | None


def plan_external_model(entry: LitellmModel, *, partition: str, region: str, account: str) -> ExternalModel:
    """Read one entry; `region` and `account` are the deployment's, an entry's `aws_region_name` wins."""
    parameters = entry.litellm_params
    provider, _, target = parameters.model.partition("/")
    if not target:
        provider, target = "openai", parameters.model
    model_region = (parameters.model_extra or {}).get("aws_region_name") or region
    grant: Grant | None = None
    if provider in ("bedrock", "bedrock_converse"):
        grant = _bedrock_grant(target, partition, model_region, account)
    elif provider in ("sagemaker", "sagemaker_chat"):
        endpoint = f"arn:{partition}:sagemaker:{model_region}:{account}:endpoint/{target.lower()}"
        grant = Grant(actions=_SAGEMAKER_ACTIONS, resources=(endpoint,))
    lisa = entry.lisa_params
    return ExternalModel(
        name=entry.model_name,
        provider=provider,
        target=target,
        model_type=str(lisa.model_type) if lisa and lisa.model_type else None,
        streaming=lisa.streaming if lisa else None,
        api_base=parameters.api_base,
        grant=grant,
    )


def _bedrock_grant(target: str, partition: str, region: str, account: str) -> Grant:
    parts = target.split("/")
    while len(parts) > 1 and not parts[0].startswith("arn:"):
        flavour = parts.pop(0)
        if flavour not in _BEDROCK_FLAVOURS:  # bedrock/<region>/<model>
            region = flavour
    model = "/".join(parts)
    if model.startswith("arn:"):
        return Grant(actions=_BEDROCK_ACTIONS, resources=(model,))
    geography, _, profiled = model.partition(".")
    if geography in _PROFILE_GEOGRAPHIES and "." in profiled:
        resources = (
            f"arn:{partition}:bedrock:*::foundation-model/{profiled}",
            f"arn:{partition}:bedrock:{region}:{account}:inference-profile/{model}",
        )
        return Grant(actions=_BEDROCK_ACTIONS, resources=resources)
    return Grant(actions=_BEDROCK_ACTIONS, resources=(f"arn:{partition}:bedrock:{region}::foundation-model/{model}",))
