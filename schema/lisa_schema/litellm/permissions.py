"""The permissions of LiteLLM's routes into AWS: a table, and what it means for an entry.

Sources: AWS Service Authorization Reference, "Actions, resources, and condition keys" of Amazon Bedrock, Amazon Bedrock
AgentCore, Amazon Bedrock Mantle, Claude Platform on AWS, Amazon SageMaker, Amazon Polly and Amazon S3; Amazon Bedrock
User Guide, "Prerequisites for inference profiles". tests/gateway/test_aws_routes.py compares the table with the
requests of the pinned LiteLLM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from lisa_schema.litellm.routes import GEOGRAPHIES, AwsRoute, base_model
from lisa_schema.regions import region as find_region

TABLE_NAME: Final = "the table of permissions in docs/configure.md"

_INVOKE: Final = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
_ENDPOINT: Final = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
_BEDROCK_ARN: Final = "arn:{partition}:bedrock:{region}:{account}:"
_ENDPOINT_ARN: Final = "arn:{partition}:sagemaker:{region}:{account}:endpoint/{endpoint}"


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions that are allowed on resources.

    Attributes:
        actions: IAM actions, sorted.
        resources: ARNs, or `*` for actions without resources; in the table, with fields in braces.
        condition: a condition key with the ARN that it must be equal to; empty for none.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: tuple[str, str] | tuple[()] = ()


MODEL: Final = "{model}"
"""Stands for the resources of a model, by the kind of its ID (`_MODELS`)."""

PERMISSIONS: Final[Mapping[str, tuple[Statement, ...]]] = MappingProxyType(
    {
        "bedrock/model": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/converse": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/converse_like": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/invoke": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/chat_completions": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/openai": (Statement(_INVOKE, (MODEL,)),),
        "bedrock/async_invoke": (
            Statement(("bedrock:InvokeModel",), (MODEL, f"{_BEDROCK_ARN}async-invoke/*")),
            Statement(("bedrock:GetAsyncInvoke",), (f"{_BEDROCK_ARN}async-invoke/*",)),
            Statement(("s3:PutObject",), ("arn:{partition}:s3:::{output}*",)),
        ),
        "bedrock/rerank": (Statement(("bedrock:InvokeModel",), (MODEL,)), Statement(("bedrock:Rerank",), ("*",))),
        "bedrock/agent": (Statement(("bedrock:InvokeAgent",), (f"{_BEDROCK_ARN}agent-alias/{{target}}",)),),
        "bedrock/agentcore": (
            Statement(("bedrock-agentcore:InvokeAgentRuntime",), ("{target}", "{target}/runtime-endpoint/*")),
        ),
        "bedrock/mantle": (
            Statement(
                ("bedrock-mantle:CreateInference",),
                ("arn:{partition}:bedrock-mantle:{region}:{account}:project/{project}",),
            ),
        ),
        "bedrock/claude_platform": (
            Statement(
                ("aws-external-anthropic:CountTokens", "aws-external-anthropic:CreateInference"),
                ("arn:{partition}:aws-external-anthropic:{region}:{account}:workspace/{workspace}",),
            ),
        ),
        "bedrock_mantle/model": (
            Statement(
                ("bedrock-mantle:CreateInference",),
                ("arn:{partition}:bedrock-mantle:{region}:{account}:project/{project}",),
            ),
        ),
        "sagemaker/model": (Statement(_ENDPOINT, (_ENDPOINT_ARN,)),),
        "sagemaker_chat/model": (Statement(_ENDPOINT, (_ENDPOINT_ARN,)),),
        "sagemaker_nova/model": (Statement(_ENDPOINT, (_ENDPOINT_ARN,)),),
        "aws_polly/model": (Statement(("polly:SynthesizeSpeech",), ("*",)),),
        "guardrail/bedrock": (Statement(("bedrock:ApplyGuardrail",), ("{guardrail}",)),),
        "vector_store/bedrock": (Statement(("bedrock:Retrieve",), (f"{_BEDROCK_ARN}knowledge-base/{{target}}",)),),
        "callback/s3": (Statement(("s3:PutObject",), ("arn:{partition}:s3:::{target}/*",)),),
        "callback/sqs": (Statement(("sqs:SendMessage",), ("arn:{partition}:sqs:{region}:{owner}:{target}",)),),
        "cache/s3": (Statement(("s3:GetObject", "s3:PutObject"), ("arn:{partition}:s3:::{target}/*",)),),
    }
)
"""By provider and route, what the gateway needs."""

_ANY_MODEL: Final = "arn:{partition}:bedrock:*::foundation-model/{behind}"
_MODELS: Final[Mapping[str, tuple[Statement, ...]]] = MappingProxyType(
    {
        "foundation-model": (Statement((), ("{arn}",)),),
        "inference-profile": (Statement((), (_ANY_MODEL, "{arn}")),),
        # A profile for all commercial Regions calls the model in no Region in particular.
        "global inference-profile": (
            Statement((), (_ANY_MODEL, "{arn}", "arn:{partition}:bedrock:::foundation-model/{behind}")),
        ),
        "application-inference-profile": (
            Statement((), ("{arn}",)),
            Statement((), (_ANY_MODEL,), ("bedrock:InferenceProfileArn", "{arn}")),
        ),
        "provisioned-model": (Statement((), ("{arn}",)),),
        "imported-model": (Statement((), ("{arn}",)),),
        "custom-model": (Statement((), ("{arn}",)),),
        "custom-model-deployment": (Statement((), ("{arn}",)),),
        "prompt-router": (
            Statement((), ("{arn}",)),
            Statement((), (_ANY_MODEL,), ("bedrock:PromptRouterArn", "{arn}")),
        ),
        "default-prompt-router": (
            Statement((), ("{arn}",)),
            Statement((), (_ANY_MODEL,), ("bedrock:PromptRouterArn", "{arn}")),
        ),
        # A model of Amazon Bedrock Marketplace, which runs in an endpoint of SageMaker AI.
        "endpoint": (
            Statement((), (f"{_BEDROCK_ARN}marketplace/model-endpoint/all-access",)),
            Statement(("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"), ("{arn}",)),
        ),
    }
)
"""By the kind of a model's ARN, its resources; statements without actions have those of the route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call goes to.

    Attributes:
        partition: `aws`.
        region: Region.
        account: account of the deployment.
    """

    partition: str
    region: str
    account: str

    def in_region(self, name: str) -> Place:
        """The same account in another Region, with that Region's partition when it is known."""
        found = find_region(name)
        return Place(partition=found.partition.id if found else self.partition, region=name, account=self.account)


def has_permissions(route: AwsRoute) -> bool:
    """Return whether the table has the route and the kind of its model."""
    rows = PERMISSIONS.get(f"{route.provider}/{route.route}")
    if rows is None or route.unknown:
        return False
    calls_model = any(MODEL in row.resources for row in rows)
    return not calls_model or _kind(route.target) in _MODELS


def model_statements(route: AwsRoute, parameters: Mapping[str, Any], home: Place) -> tuple[Statement, ...]:
    """Return what the gateway's role needs for an entry.

    Args:
        route: what the entry calls.
        parameters: its `litellm_params`, with references resolved.
        home: where the gateway is deployed.

    Returns:
        The statements; none for an entry with credentials of its own, and those to assume its role for one with a role.
    """
    if parameters.get("api_key") and route.provider in {"bedrock", "bedrock_mantle"}:
        return ()
    own = _own_credentials(parameters)
    if own is not None:
        return own
    place = home.in_region(str(parameters.get("aws_region_name") or route.region or home.region))
    if place.partition != home.partition or not has_permissions(route):
        return ()
    return tuple(_statements(route, parameters, place, home))


def service_statements(key: str, parameters: Mapping[str, Any], home: Place, target: str) -> tuple[Statement, ...]:
    """Return what the gateway's role needs for a guardrail, a vector store, a callback or a cache.

    Args:
        key: of the table: `guardrail/bedrock`.
        parameters: its parameters, with references resolved.
        home: where the gateway is deployed.
        target: the ID or ARN of a guardrail or knowledge base, the name of a bucket or queue.
    """
    own = _own_credentials(parameters)
    if own is not None:
        return own
    place = home.in_region(str(parameters.get("aws_region_name") or home.region))
    if place.partition != home.partition:
        return ()
    fields = {
        "partition": place.partition,
        "region": place.region,
        "account": place.account,
        "owner": str(parameters.get("owner") or place.account),
        "target": target,
        "guardrail": target if target.startswith("arn:") else f"{_filled(_BEDROCK_ARN, place)}guardrail/{target}",
    }
    return tuple(
        Statement(row.actions, tuple(one.format(**fields) for one in row.resources)) for row in PERMISSIONS[key]
    )


def _own_credentials(parameters: Mapping[str, Any]) -> tuple[Statement, ...] | None:
    """Permissions of what does not use the gateway's role for its calls; None for what does."""
    role = parameters.get("aws_role_name")
    if any(parameters.get(key) for key in ("aws_access_key_id", "aws_profile_name", "aws_web_identity_token")):
        return ()
    if not role:
        return None
    actions = ("sts:AssumeRole", "sts:TagSession") if parameters.get("aws_session_tags") else ("sts:AssumeRole",)
    return (Statement(actions, (str(role),)),)


def _statements(route: AwsRoute, parameters: Mapping[str, Any], place: Place, home: Place) -> Iterator[Statement]:
    fields = {
        "partition": place.partition,
        "region": place.region,
        "account": place.account,
        "target": route.target,
        "endpoint": route.target.lower(),
        "project": str(parameters.get("aws_bedrock_project_id") or "*"),
        "workspace": str(
            next((parameters[key] for key in sorted(parameters) if key.endswith("workspace_id")), "") or "*"
        ),
        "output": str(parameters.get("output_s3_uri") or "").removeprefix("s3://"),
    }
    for row in PERMISSIONS[f"{route.provider}/{route.route}"]:
        plain = tuple(
            one.format(**fields)
            for one in row.resources
            if one != MODEL and (fields["output"] or "{output}" not in one)
        )
        if MODEL not in row.resources:
            if plain:
                yield Statement(row.actions, plain)
            continue
        for index, model in enumerate(_model_resources(route.target, parameters, place)):
            resources = (*model.resources, *(plain if index == 0 else ()))
            yield Statement(model.actions or row.actions, resources, model.condition)
    if route.counted:
        # POST /v1/messages/count_tokens: LiteLLM calls the foundation model, also for an inference profile, and
        # does not read the Region of the model's path or ARN.
        region = str(parameters.get("aws_region_name") or home.region)
        counted = f"arn:{place.partition}:bedrock:{region}::foundation-model/{route.counted}"
        yield Statement(("bedrock:CountTokens",), (counted,))
    guardrail = (parameters.get("guardrailConfig") or {}).get("guardrailIdentifier")
    if guardrail:
        yield from service_statements("guardrail/bedrock", {"aws_region_name": place.region}, place, str(guardrail))


def _model_resources(target: str, parameters: Mapping[str, Any], place: Place) -> Iterator[Statement]:
    kind = _kind(target)
    arn = target
    if not target.startswith("arn:"):
        account = "" if kind == "foundation-model" else place.account
        resource = kind.removeprefix("global ")
        arn = f"arn:{place.partition}:bedrock:{place.region}:{account}:{resource}/{target}"
    fields = {
        "partition": place.partition,
        "region": place.region,
        "account": place.account,
        "arn": arn,
        "behind": _behind(kind, target, parameters),
    }
    for row in _MODELS[kind]:
        condition = (row.condition[0], row.condition[1].format(**fields)) if row.condition else ()
        yield Statement(row.actions, tuple(one.format(**fields) for one in row.resources), condition)


def _behind(kind: str, target: str, parameters: Mapping[str, Any]) -> str:
    """The foundation model behind a profile; `*` when the configuration does not name it."""
    if kind.endswith("inference-profile") and not kind.startswith("application"):
        return base_model(target)
    named = str(parameters.get("base_model") or parameters.get("model") or "").rpartition("/")[2]
    return base_model(named) if "arn:" not in str(parameters.get("model")) and "." in named else "*"


def _kind(target: str) -> str:
    """The kind of what a model's ID or ARN names: a key of `_MODELS`, or something else that the table lacks."""
    if target.startswith("arn:"):
        kind, _, name = target.split(":", 5)[-1].partition("/")
        return f"global {kind}" if kind == "inference-profile" and name.startswith("global.") else kind
    geography, dot, rest = target.partition(".")
    if dot and "." in rest and geography in GEOGRAPHIES:
        return "global inference-profile" if geography == "global" else "inference-profile"
    return "foundation-model"


def _filled(template: str, place: Place) -> str:
    return template.format(partition=place.partition, region=place.region, account=place.account)
