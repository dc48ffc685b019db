"""Rules about identifiers of AWS in `litellmConfig`: roles, guardrails, knowledge bases and models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_schema.arns import parse_arn
from lisa_schema.document import Path
from lisa_schema.litellm.entries import aws_services, call_parameters
from lisa_schema.litellm.routes import aws_route
from lisa_schema.models import Config
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule

_ROLE: Final = re.compile(r"arn:(?P<partition>[a-z-]+):iam::\d{12}:role/.+")
_GUARDRAIL_VERSION: Final = re.compile(r"DRAFT|[1-9][0-9]{0,7}")
"""Amazon Bedrock API Reference, ApplyGuardrail: guardrailVersion."""
_KNOWLEDGE_BASE: Final = re.compile(r"[0-9a-zA-Z]{10}")
"""Amazon Bedrock API Reference, Retrieve: knowledgeBaseId."""
_ENDPOINT_NAME: Final = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
"""Amazon SageMaker AI API Reference, InvokeEndpoint: EndpointName."""


@rule("LISA591", "aws-identifier", "Write the identifier as the AWS API takes it.")
def aws_identifier(config: Config) -> Iterator[RuleViolation]:
    """Roles, guardrails, knowledge bases and models of AWS must be named as their API and IAM accept them."""
    for path, parameters in _blocks(config):
        called = str(parameters.get("aws_region_name") or config.region)
        yield from _role(path, parameters, config)
        yield from _endpoint(path, parameters)
        for key in ("guardrailIdentifier", "model_id"):
            yield from _region(path, key, parameters, called)
        version = parameters.get("guardrailVersion")
        if version is not None and not _GUARDRAIL_VERSION.fullmatch(str(version)):
            message = f"`{version}` is not a version of a guardrail."
            yield RuleViolation((*path, "guardrailVersion"), message, "Write DRAFT, or the number of a version.")
        base = parameters.get("vector_store_id")
        if base is not None and parameters.get("custom_llm_provider") == "bedrock":
            yield from _knowledge_base((*path, "vector_store_id"), str(base))


def _blocks(config: Config) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """What calls AWS, with references resolved; what only the container knows is left out."""
    for index, entry in enumerate(config.litellm_config.model_list):
        at: Path = ("litellmConfig", "model_list", index, "litellm_params")
        parameters = call_parameters(entry, config)
        yield at, parameters
        if isinstance(guardrail := parameters.get("guardrailConfig"), Mapping):
            yield (*at, "guardrailConfig"), {"aws_region_name": parameters.get("aws_region_name"), **guardrail}
    for service in aws_services(config):
        yield service.path, service.parameters


def _role(path: Path, parameters: Mapping[str, Any], config: Config) -> Iterator[RuleViolation]:
    role, home = parameters.get("aws_role_name"), find_region(config.region)
    if role is None:
        return
    found = _ROLE.fullmatch(str(role))
    if found is None:
        message = f"`{role}` is not the ARN of a role: IAM rejects the policy that permits to assume it."
        fix = f"Write `arn:{home.partition.id if home else 'aws'}:iam::<account>:role/<name>`."
        yield RuleViolation((*path, "aws_role_name"), message, fix)
    elif home is not None and found["partition"] != home.partition.id and not parameters.get("aws_access_key_id"):
        message = f"The role is in the partition {found['partition']}; roles cannot be assumed across partitions."
        yield RuleViolation((*path, "aws_role_name"), message, "Use keys of that partition instead of a role.")


def _endpoint(path: Path, parameters: Mapping[str, Any]) -> Iterator[RuleViolation]:
    route = aws_route(parameters)
    if route is None or not route.provider.startswith("sagemaker") or route.unknown or parameters.get("api_base"):
        return
    name = route.target
    if not _ENDPOINT_NAME.fullmatch(name) and "*" not in name:
        meant = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:63]
        message = f"`{name}` is no name of an endpoint: these have letters, digits and hyphens, at most 63."
        yield RuleViolation((*path, "model"), message, f"Write the name of the endpoint, such as `{meant or 'name'}`.")


def _region(path: Path, key: str, parameters: Mapping[str, Any], called: str) -> Iterator[RuleViolation]:
    text = str(parameters.get(key) or "")
    arn = parse_arn(text) if text.startswith("arn:") else None
    if arn is not None and arn.region and arn.region != called:
        message = f"The resource is in {arn.region}, but LiteLLM calls {called}."
        yield RuleViolation((*path, key), message, f"Set aws_region_name of the same litellm_params to {arn.region}.")


def _knowledge_base(path: Path, text: str) -> Iterator[RuleViolation]:
    if not _KNOWLEDGE_BASE.fullmatch(text):
        own = text.rpartition("/")[2]
        fix = f"Write `{own}`." if _KNOWLEDGE_BASE.fullmatch(own) else "Write its ID, ten letters and digits."
        yield RuleViolation(path, f"`{text}` is not the ID of a knowledge base.", fix)
