"""AWS services that a deployment calls from its subnets, which isolated subnets reach only by endpoints of the VPC.

Sources: Amazon ECS Developer Guide, "Amazon ECS interface VPC endpoints"; Amazon ECR User Guide, "Amazon ECR interface
VPC endpoints"; the calls of templates/instance, runtime/gateway and runtime/lambdas.
"""

from __future__ import annotations

from typing import Final

from lisa_schema.arns import secret_reference
from lisa_schema.models import Config, EcsModel, RestApiConfig

GATEWAY_SERVICES: Final = frozenset({"dynamodb", "s3"})
"""Services that have gateway endpoints, which are routes and free of charge."""

_ALWAYS: Final = {
    "autoscaling": "instances report when they are ready",
    "cloudformation": "instances signal their stack",
    "dynamodb": "the gateway reads API tokens",
    "ecr.api": "instances pull images",
    "ecr.dkr": "instances pull images",
    "ecs": "instances join their cluster",
    "ecs-agent": "instances join their cluster",
    "ecs-telemetry": "instances join their cluster",
    "elasticloadbalancing": "instances wait until their target is healthy",
    "logs": "containers write logs",
    "s3": "instances read image layers and weights",
    "ssm": "the gateway reads the list of models",
}
_BY_ROUTE: Final = {
    "bedrock": ("bedrock-runtime", "the gateway calls models of Amazon Bedrock"),
    "sagemaker": ("sagemaker.runtime", "the gateway calls endpoints of SageMaker"),
    "sagemaker_chat": ("sagemaker.runtime", "the gateway calls endpoints of SageMaker"),
}


def required_endpoints(config: Config) -> dict[str, str]:
    """The services that a deployment calls from its subnets, by the last parts of their endpoints' names.

    Args:
        config: its configuration.

    Returns:
        For each service what calls it, a clause.
    """
    found = dict(_ALWAYS)
    services: tuple[RestApiConfig | EcsModel, ...] = (config.rest_api_config, *config.deployed_models)
    references = [
        reference
        for service in services
        for value in service.container_config.environment.values()
        if (reference := secret_reference(value)) is not None
    ]
    if config.model_keys and config.deployed_models:
        found["secretsmanager"] = "the gateway reads the keys of models"
    elif any(reference.is_secret for reference in references):
        found["secretsmanager"] = "ECS reads secrets of containers"
    elif config.deploy_rag and any(one.rds_config is not None for one in config.rag_repositories):
        found["secretsmanager"] = "the RAG function reads passwords of databases"
    if config.access_config is not None and config.access_config.audit_content_store is not None:
        found["kms"] = "the gateway encrypts audited content"
    for model in config.litellm_config.model_list:
        parameters = model.litellm_params
        route = str(getattr(parameters, "custom_llm_provider", None) or parameters.model).partition("/")[0]
        if route in _BY_ROUTE:
            service, reason = _BY_ROUTE[route]
            found[service] = reason
        if getattr(parameters, "aws_role_name", None):
            found["sts"] = "the gateway assumes roles for models"
    return dict(sorted(found.items()))
