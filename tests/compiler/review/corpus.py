"""The corpus: changes that people make, each as an edit of before.yaml."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BEFORE = Path(__file__).with_name("before.yaml")
CERTIFICATES = Path(__file__).with_name("certificates")
"""PEM files that a configuration may name, as `certificates/NAME`."""

Edit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Case:
    """A change.

    Attributes:
        edit: what it does to the configuration.
        base: what is done to before.yaml first; None leaves it as it is.
    """

    edit: Edit
    base: Edit | None = None


def configuration(*edits: Edit | None) -> dict[str, Any]:
    """before.yaml with edits."""
    config: dict[str, Any] = copy.deepcopy(yaml.safe_load(BEFORE.read_text(encoding="utf-8")))
    for edit in edits:
        if edit is not None:
            edit(config)
    return config


def put(path: str, value: Any) -> Edit:
    """Set a value; a step may be the position in a list."""

    def edit(config: dict[str, Any]) -> None:
        *steps, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        part: Any = config
        for step in steps:
            part = part.setdefault(step, {}) if isinstance(part, dict) else part[step]
        part[last] = value

    return edit


def add(path: str, entry: Any) -> Edit:
    """Append an entry to a list."""

    def edit(config: dict[str, Any]) -> None:
        part: Any = config
        for step in path.split("."):
            part = part[step]
        part.append(entry)

    return edit


def drop(path: str, position: int) -> Edit:
    """Remove an entry of a list."""

    def edit(config: dict[str, Any]) -> None:
        del config[path][position]

    return edit


def several(*edits: Edit) -> Edit:
    """Make edits one after another."""

    def edit(config: dict[str, Any]) -> None:
        for one in edits:
            one(config)

    return edit


DISPOSABLE = put("removalPolicy", "destroy")
PRIVATE = put("restApiConfig.internetFacing", False)


def trusting(path: str) -> Edit:
    """Trust the authorities of a file."""
    return put("certificateAuthorityBundle", path)


ACME, ACME_AND_PARTNER, PARTNER = (
    trusting(f"certificates/{name}.pem") for name in ("acme", "acme-and-partner", "partner")
)

QWEN: dict[str, Any] = {
    "modelName": "Qwen/Qwen2.5-32B-Instruct",
    "modelId": "qwen-32b",
    "modelType": "textgen",
    "streaming": True,
    "instanceType": "g6e.12xlarge",
    "inferenceContainer": "vllm",
    "containerConfig": {"image": {"baseImage": "vllm/vllm-openai:v0.9.2", "path": "lib/serve/ecs-model/vllm"}},
    "autoScalingConfig": {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 20}},
    "loadBalancerConfig": {"healthCheckConfig": {"path": "/health"}},
}
TGI = {
    "image": {
        "baseImage": "ghcr.io/huggingface/text-generation-inference:3.3.4",
        "path": "lib/serve/ecs-model/textgen/tgi",
    },
    "environment": {"MAX_TOTAL_TOKENS": 32768},
}
IMPORTED_VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "privateSubnetIds": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "publicSubnetIds": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    "isolatedSubnetIds": ["subnet-0000000000000000e", "subnet-0000000000000000f"],
    "cidrBlock": "10.20.0.0/16",
}


def external(name: str, model: str, **parameters: str) -> dict[str, Any]:
    """An entry of litellmConfig.model_list."""
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_key": "ignored", **parameters},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }


CASES: dict[str, Case] = {
    "nothing": Case(several()),
    "instance_type": Case(put("ecsModels.0.instanceType", "g6e.4xlarge")),
    "instance_type_of_the_only_instance": Case(put("ecsModels.1.instanceType", "g5.2xlarge")),
    "instance_without_gpu": Case(put("ecsModels.1.instanceType", "m5.2xlarge")),
    "scale_up": Case(put("ecsModels.0.autoScalingConfig.maxCapacity", 8)),
    "scaling_target": Case(put("ecsModels.0.autoScalingConfig.metricConfig.targetValue", 30)),
    "model_environment": Case(put("ecsModels.0.containerConfig.environment.MAX_TOTAL_TOKENS", 16384)),
    "swap_engine": Case(several(put("ecsModels.0.inferenceContainer", "tgi"), put("ecsModels.0.containerConfig", TGI))),
    "new_base_image": Case(put("ecsModels.0.containerConfig.image.baseImage", "vllm/vllm-openai:v0.10.1")),
    "add_model": Case(add("ecsModels", QWEN)),
    "remove_model": Case(drop("ecsModels", 0)),
    "remove_disposable_model": Case(drop("ecsModels", 0), DISPOSABLE),
    "rename_model": Case(put("ecsModels.0.modelId", "mistral")),
    "add_repository": Case(
        add("ragRepositories", {"repositoryId": "wiki", "type": "pgvector", "rdsConfig": {"username": "postgres"}})
    ),
    "delete_repository": Case(drop("ragRepositories", 0)),
    "delete_disposable_repository": Case(drop("ragRepositories", 0), DISPOSABLE),
    "another_database_user": Case(put("ragRepositories.0.rdsConfig.username", "lisa"), DISPOSABLE),
    "larger_search_domain": Case(put("ragRepositories.1.opensearchConfig.volumeSize", 200)),
    "internet_facing": Case(put("restApiConfig.internetFacing", True), PRIVATE),
    "no_longer_internet_facing": Case(PRIVATE),
    "without_certificate": Case(put("restApiConfig.loadBalancerConfig.sslCertIamArn", None)),
    "another_identity_provider": Case(put("authConfig.authority", "https://login.example.org")),
    "add_bedrock_model": Case(
        add("litellmConfig.model_list", external("claude", "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0"))
    ),
    "add_model_of_another_provider": Case(
        add(
            "litellmConfig.model_list",
            external("partner", "openai/partner-large", api_base="https://models.partner.example.com/v1"),
        )
    ),
    "another_region": Case(
        several(
            put("region", "us-west-2"),
            put(
                "restApiConfig.loadBalancerConfig.sslCertIamArn",
                "arn:aws:acm:us-west-2:123456789012:certificate/0c1d2e3f-2b4a-4c6d-8e0f-1a2b3c4d5e6f",
            ),
        )
    ),
    "rename_deployment": Case(put("deploymentName", "globex")),
    "data_no_longer_kept": Case(DISPOSABLE),
    "without_chat": Case(several(put("deployChat", False), put("deployUi", False)), DISPOSABLE),
    "role_prefix": Case(
        put(
            "permissionsBoundaryAspect",
            {"permissionsBoundaryPolicyName": "WorkloadBoundary", "rolePrefix": "workload-"},
        )
    ),
    "imported_vpc": Case(put("vpc", IMPORTED_VPC)),
    "parameter_prefix": Case(put("deploymentPrefix", "/acme/lisa")),
    "first_authority": Case(ACME),
    "another_authority": Case(ACME_AND_PARTNER, ACME),
    "replaced_authority": Case(PARTNER, ACME),
    "no_longer_an_authority": Case(trusting(""), ACME),
    "authorities_on_the_instances": Case(trusting("/etc/pki/tls/certs/authorities.pem")),
    "log_level": Case(put("logLevel", "DEBUG")),
}
