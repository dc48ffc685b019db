"""Changes to one_model.yaml that several cases make, as `--set` would."""

from __future__ import annotations

Passing = dict[str, list[list[str]]]
"""For each rule, the changes of each case that it accepts."""

Failing = dict[str, list[tuple[list[str], str]]]
"""For each rule, the changes of each case that it rejects, and the key path that it names."""

EMBEDDING = [
    "ecsModels[mistral7b].modelType=embedding",
    "ecsModels[mistral7b].streaming=",
    "ecsModels[mistral7b].inferenceContainer=tei",
]
LISTED = "{model_name: listed, litellm_params: {model: openai/x}, lisa_params: {model_type: textgen, streaming: true}}"
PGVECTOR = "{repositoryId: docs, type: pgvector, rdsConfig: {username: postgres}}"
IMAGE = "restApiConfig.containerConfig.image"
ENVIRONMENT = "restApiConfig.containerConfig.environment"
MODEL_IMAGE = "ecsModels[mistral7b].containerConfig.image"
OWN_IMAGE = f"{MODEL_IMAGE}={{type: registry, registry: 'ghcr.io/huggingface/text-generation-inference:3'}}"
VARIABLES = "litellmConfig.environment_variables"
SETTINGS = "litellmConfig.litellm_settings"
PARAMS = "litellmConfig.model_list[0].litellm_params"
SECRET = "arn:aws:secretsmanager:us-east-1:012345678901:secret:key-AbCdEf"
ISOLATED = [
    "region=us-iso-east-1",
    "pypiConfig.indexUrl=https://pypi.example.com/simple",
    "certificateAuthorityBundle=/etc/pki/bundle.crt",
]
CHECK = "restApiConfig.loadBalancerConfig.healthCheckConfig"


def listed(**params: str) -> str:
    extra = "".join(f", {key}: '{value}'" for key, value in params.items())
    return f"litellmConfig.model_list=[{LISTED.replace('model: openai/x', 'model: openai/x' + extra)}]"


def external_model(name: str, more: str = "", kind: str = "{model_type: textgen, streaming: true}") -> str:
    params = f"{{model: '{name}'{more}}}"
    return f"litellmConfig.model_list=[{{model_name: far, litellm_params: {params}, lisa_params: {kind}}}]"


RAG = ["deployRag=true", f"ragRepositories=[{PGVECTOR}]"]
