"""AWS services that a deployment calls from its subnets, which isolated subnets reach only by endpoints of the VPC.

Sources: Amazon ECS Developer Guide, "Amazon ECS interface VPC endpoints"; Amazon ECR User Guide, "Amazon ECR interface
VPC endpoints"; the calls of templates/instance, runtime/gateway and runtime/lambdas.
"""

from __future__ import annotations

from typing import Final

from lisa_schema.arns import secret_reference
from lisa_schema.litellm.entries import aws_services, call_parameters
from lisa_schema.litellm.routes import aws_route
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
_BY_PROVIDER: Final = {
    "aws_polly": ("polly", "the gateway calls Amazon Polly"),
    "aws_textract": ("textract", "the gateway calls Amazon Textract"),
    "bedrock": ("bedrock-runtime", "the gateway calls models of Amazon Bedrock"),
    "bedrock_mantle": ("bedrock-mantle", "the gateway calls models of Amazon Bedrock"),
    "s3_vectors": ("s3vectors", "the gateway reads vectors of Amazon S3"),
    "sagemaker": ("sagemaker.runtime", "the gateway calls endpoints of SageMaker"),
    "sagemaker_chat": ("sagemaker.runtime", "the gateway calls endpoints of SageMaker"),
    "sagemaker_nova": ("sagemaker.runtime", "the gateway calls endpoints of SageMaker"),
    "transcribe": ("transcribe", "the gateway calls Amazon Transcribe"),
}
_BY_ROUTE: Final = {
    "bedrock/agent": ("bedrock-agent-runtime", "the gateway calls agents of Amazon Bedrock"),
    "bedrock/agentcore": ("bedrock-agentcore", "the gateway calls runtimes of Amazon Bedrock AgentCore"),
    "bedrock/mantle": ("bedrock-mantle", "the gateway calls models of Amazon Bedrock"),
    "bedrock/rerank": ("bedrock-agent-runtime", "the gateway calls Amazon Bedrock to rerank"),
}
"""Routes of a provider to another service (Amazon Bedrock User Guide, "Use interface VPC endpoints")."""

_BY_SERVICE: Final = {
    "callback/sqs": ("sqs", "LiteLLM sends its log to a queue"),
    "guardrail/bedrock": ("bedrock-runtime", "LiteLLM applies guardrails of Amazon Bedrock"),
    "vector_store/bedrock": ("bedrock-agent-runtime", "LiteLLM reads knowledge bases of Amazon Bedrock"),
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
        parameters = call_parameters(model, config)
        mode = model.model_info.mode if model.model_info else None
        route = aws_route(parameters, str(model.lisa_params.model_type), mode)
        if route is not None and not parameters.get("api_base"):
            called = _BY_ROUTE.get(f"{route.provider}/{route.route}") or _BY_PROVIDER.get(route.provider)
            if called is not None:
                found[called[0]] = called[1]
        if parameters.get("aws_role_name"):
            found["sts"] = "the gateway assumes roles for models"
    for called_service in aws_services(config):
        if called_service.key in _BY_SERVICE:
            service, reason = _BY_SERVICE[called_service.key]
            found[service] = reason
    return dict(sorted(found.items()))
