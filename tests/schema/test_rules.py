"""Every rule has cases that pass and cases that fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lisa_schema import ConfigurationError, Diagnostic, Severity
from lisa_schema.document import MappingNode
from lisa_schema.overlay import merge, parse_override
from lisa_schema.regions import region
from lisa_schema.rules import partition, registered_rules, runtime
from lisa_schema.validate import validate
from lisa_schema.yaml_reader import read_yaml

# The base of every case is one_model.yaml; each case is what `--set` would change in it.
EMBEDDING = [
    "ecsModels[mistral7b].modelType=embedding",
    "ecsModels[mistral7b].streaming=",
    "ecsModels[mistral7b].inferenceContainer=tei",
]
SECOND = "{modelName: other, modelType: textgen, streaming: true, instanceType: g5.xlarge, inferenceContainer: vllm"
PARTS = (
    "containerConfig: {image: {baseImage: 'vllm/vllm-openai:v0.5.0'}}"
    ", autoScalingConfig: {metricConfig: {AlbMetricName: RequestCountPerTarget, targetValue: 30}}"
    ", loadBalancerConfig: {healthCheckConfig: {path: /health}}"
)
LISTED = "{model_name: listed, litellm_params: {model: openai/x}, lisa_params: {model_type: textgen, streaming: true}}"
PGVECTOR = "{repositoryId: docs, type: pgvector, rdsConfig: {username: postgres}}"
DOMAIN = (
    "dataNodes: 3, dataNodeInstanceType: r7g.large.search, masterNodeInstanceType: r7g.large.search, volumeSize: 20"
)
VPC = (
    "vpc={vpcId: vpc-0123456789abcdef0, availabilityZones: [us-east-1a, us-east-1b], cidrBlock: 10.1.0.0/16"
    ", privateSubnetIds: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]"
    ", publicSubnetIds: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]}"
)
STANDBY = ", multiAzWithStandby: true"
THREE_ZONES = (
    "vpc={vpcId: vpc-0123456789abcdef0, availabilityZones: [us-east-1a, us-east-1b, us-east-1c]"
    ", cidrBlock: 10.1.0.0/16"
    ", privateSubnetIds: [subnet-0123456789abcdef0, subnet-0123456789abcdef1, subnet-0123456789abcdef2]"
    ", publicSubnetIds: [subnet-0123456789abcdef3, subnet-0123456789abcdef4, subnet-0123456789abcdef5]}"
)
PRIVATE = ["deployChat=false", "deployUi=false", "restApiConfig.internetFacing=false"]
IMAGE = "restApiConfig.containerConfig.image"
ENVIRONMENT = "restApiConfig.containerConfig.environment"
METRIC = "restApiConfig.autoScalingConfig.metricConfig"
MODEL_ENVIRONMENT = "ecsModels[mistral7b].containerConfig.environment"
MODEL_IMAGE = "ecsModels[mistral7b].containerConfig.image"
VLLM_IMAGE = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.9.2', path: lib/serve/ecs-model/vllm}}"
VLLM = ["ecsModels[mistral7b].inferenceContainer=vllm", VLLM_IMAGE]
OWN_IMAGE = f"{MODEL_IMAGE}={{type: registry, registry: 'ghcr.io/huggingface/text-generation-inference:3'}}"
VARIABLES = "litellmConfig.environment_variables"
GENERAL = "litellmConfig.general_settings"
DEFAULTS = "litellmConfig.router_settings.default_litellm_params"
SECRET = "arn:aws:secretsmanager:us-east-1:012345678901:secret:key-AbCdEf"
ISOLATED = [
    "region=us-iso-east-1",
    "pypiConfig.indexUrl=https://pypi.example.com/simple",
    "certificateAuthorityBundle=/etc/pki/bundle.crt",
]
INSTRUCTOR = [
    "ecsModels[mistral7b].modelType=embedding",
    "ecsModels[mistral7b].streaming=",
    "ecsModels[mistral7b].inferenceContainer=instructor",
    f"{MODEL_IMAGE}.path=lib/serve/ecs-model/embedding/instructor",
]
CONDA = "condaUrl=https://conda.example.com/installer.sh"
MODEL_CODE = "ecsModels[mistral7b].localModelCode"
CHUNKS = "ragFileProcessingConfig"
API_CERTIFICATE = "apiGatewayConfig.certificateArn=arn:aws:acm:us-east-1:012345678901:certificate/1"
CHECK = "restApiConfig.loadBalancerConfig.healthCheckConfig"
ECR = "repositoryArn: 'arn:aws:ecr:us-east-1:999999999999:repository/x'"


def second(identifier: str) -> str:
    return f"ecsModels[1]={SECOND}, modelId: {identifier}, {PARTS}}}"


def repositories(*, created: int, existing: int, domains: int = 0) -> str:
    stores = {
        "type: pgvector, rdsConfig: {username: postgres}": created,
        "type: opensearch, opensearchConfig: {endpoint: search.example.com}": existing,
        f"type: opensearch, opensearchConfig: {{{DOMAIN}, masterNodes: 0}}": domains,
    }
    entries = [store for store, count in stores.items() for _ in range(count)]
    listed = (f"{{repositoryId: docs{number}, {store}}}" for number, store in enumerate(entries))
    return f"ragRepositories=[{', '.join(listed)}]"


def models(count: int) -> str:
    entries = (f"{SECOND}, modelId: model{number}, {PARTS}}}" for number in range(count))
    return f"ecsModels=[{', '.join(entries)}]"


def listed(**params: str) -> str:
    extra = "".join(f", {key}: '{value}'" for key, value in params.items())
    return f"litellmConfig.model_list=[{LISTED.replace('model: openai/x', 'model: openai/x' + extra)}]"


def domain(masters: int, more: str = "") -> str:
    block = f"{{{DOMAIN}, masterNodes: {masters}{more}}}"
    return f"ragRepositories=[{{repositoryId: a, type: opensearch, opensearchConfig: {block}}}]"


ZONE = "restApiConfig.loadBalancerConfig.hostedZoneId=Z0123456789ABCDEFGHIJ"
MODEL_CERTIFICATE = "ecsModels[0].loadBalancerConfig.sslCertIamArn"
RAG = ["deployRag=true", f"ragRepositories=[{PGVECTOR}]"]

PASSING: dict[str, list[list[str]]] = {
    "textgen-needs-streaming": [[], ["ecsModels[0].streaming=false"], EMBEDDING, [listed()]],
    "embedding-has-no-streaming": [[], EMBEDDING],
    "container-serves-type": [[], EMBEDDING, [*EMBEDDING, "ecsModels[0].inferenceContainer=vllm"]],
    "model-identifiers-unique": [[second("other")], [second("mistral-7b"), "ecsModels[1].deploy=false"]],
    "model-name-is-path": [[]],
    "model-limit": [[], [models(999)]],
    "unique-model-name": [[listed()]],
    "consistent-lisa-params": [[f"litellmConfig.model_list=[{LISTED}, {LISTED}]"]],
    "capacity-order": [["restApiConfig.autoScalingConfig.minCapacity=2"]],
    "target-check-timeout": [[f"{CHECK}.timeout=29"]],
    "container-check-command": [
        [f"restApiConfig.containerConfig.healthCheckConfig.command=[{words}]"]
        for words in ("CMD, 'true'", "CMD, curl, --fail, 'localhost:8080'", "CMD-SHELL, exit 0")
    ],
    "metric-duration": [[f"{METRIC}.duration=60"], []],
    "alb-metric-known": [[f"{METRIC}.AlbMetricName=TargetResponseTime"]],
    "environment-variable-name": [[f"{ENVIRONMENT}.LOG_LEVEL=DEBUG"]],
    "owned-variable": [
        [f"{ENVIRONMENT}={{HTTPS_PROXY: 'http://proxy:3128', https_proxy: 'http://proxy:3128', NO_PROXY: .internal}}"],
        [f"{ENVIRONMENT}={{LOG_LEVEL: DEBUG, THREADS: 3, WEB_ORIGINS: 'https://a.example.com', LITELLM_LOG: INFO}}"],
        [f"{ENVIRONMENT}={{OPENAI_API_KEY: '{SECRET}', AZURE_API_BASE: 'https://a.example.com', AWS_MAX_ATTEMPTS: 5}}"],
        [f"{ENVIRONMENT}={{LITELLM_MASTER_KEY: '{SECRET}', PORT: 8080, SSL_CERT_FILE: /etc/ssl/certs/own.pem}}"],
        [f"{MODEL_ENVIRONMENT}={{VLLM_USE_V1: 1, MAX_TOTAL_TOKENS: 2048, TENSOR_PARALLEL_SIZE: 1, HF_HUB_OFFLINE: 1}}"],
        [f"{MODEL_ENVIRONMENT}={{HF_TOKEN: '{SECRET}', THREADS: 7, COPY_ATTEMPTS: 9, host: a, model_name: b}}"],
        [OWN_IMAGE, f"{MODEL_ENVIRONMENT}={{MODEL_ID: /nvme/model, PORT: 8080, HOSTNAME: 0.0.0.0}}"],
        [f"{VARIABLES}={{LITELLM_LOG: DEBUG, TOKENIZERS_PARALLELISM: 'false'}}"],
    ],
    "environment-size": [
        [f"{ENVIRONMENT}.LONG={'x' * 49_000}"],
        [f"{ENVIRONMENT}.LONG={'x' * 30_000}", f"{MODEL_ENVIRONMENT}.LONG={'x' * 30_000}"],
    ],
    "owned-argument": [
        [
            *VLLM,
            f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--max-model-len 100 --chat-template model --seed=1",
        ],
        [f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--max-input-length 100 --port-of-something 1"],
        [*EMBEDDING, f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--pooling cls"],
    ],
    "connection-times": [
        [f"{ENVIRONMENT}={{KEEP_ALIVE_TIMEOUT: 601, DRAIN_TIMEOUT: 0, ANSWER_TIMEOUT: 0.5}}"],
        [*VLLM, f"{MODEL_ENVIRONMENT}={{VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 3600, DRAIN_TIMEOUT: 3570}}"],
        [f"{MODEL_ENVIRONMENT}={{VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 5, DRAIN_TIMEOUT: soon}}"],  # TGI reads neither.
    ],
    "context-fits": [[], VLLM, [f"{IMAGE}.path=docker/api"], [f"{IMAGE}.path=./lib/serve/rest-api/"]],
    "litellm-setting-reserved": [
        [f"{GENERAL}={{background_health_checks: true, max_request_size_mb: 5, enable_jwt_auth: false}}"],
        ["litellmConfig.litellm_settings={ssl_verify: true, user_url_validation: true}"],
        ["litellmConfig.router_settings={default_litellm_params: {ssl_verify: true, max_tokens: 5}}"],
    ],
    "remote-module": [
        ["litellmConfig.litellm_settings={callbacks: [own.module.instance], s3_callback_params: {s3_bucket_name: b}}"],
        [listed(api_base="https://x")],
    ],
    "master-key-reference": [
        [],
        [f"{GENERAL}.master_key=os.environ/LITELLM_MASTER_KEY"],
        [f"{GENERAL}.master_key=os.environ/PROXY_KEY", f"{ENVIRONMENT}.PROXY_KEY={SECRET}"],
    ],
    "tag-keys": [["tags=[{Key: a, Value: b}, {Key: c, Value: b}]"], []],
    "deployment-prefix-free": [["deploymentPrefix=/lisa/dev"], [f"deploymentPrefix={'/a' * 12}"], []],
    "instance-type-known": [["ecsModels[0].instanceType=p4d.24xlarge"]],
    "instance-type-offered": [
        [],
        ["ecsModels[0].deploy=false", "ecsModels[0].instanceType=p5.48xlarge", "region=eu-south-2"],
    ],
    "gpu-needed": [[], [*EMBEDDING, "ecsModels[0].instanceType=m5.4xlarge"]],
    "sufficient-memory": [
        ["ecsModels[0].containerConfig.sharedMemorySize=2048"],
        # What is left of 8 GiB and of 16 GiB, less one.
        ["restApiConfig.containerConfig.sharedMemorySize=6143", "ecsModels[0].containerConfig.sharedMemorySize=11263"],
    ],
    "architecture": [[]],
    "one-ami": [
        ["restApiConfig.amiId=ami-0123456789abcdef0", "amiConfig.amiParameter=/our/ami"],
        ["amiConfig={amiId: ami-01234567, gpuAmiParameter: '/our/gpu/ami:12'}"],
    ],
    "ui-needs-chat": [[], ["deployChat=false", "deployUi=false"]],
    "auth-required": [[], ["authConfig=", *PRIVATE]],
    "no-authentication": [
        [],
        PRIVATE,
        # These are errors: auth-required.
        ["authConfig=", "deployUi=false", "restApiConfig.internetFacing=false"],
        ["authConfig=", "deployChat=false", "restApiConfig.internetFacing=false"],
        ["authConfig=", "deployRag=true", *PRIVATE],
        ["authConfig=", *PRIVATE[:2]],
    ],
    "admin-group-readable": [["authConfig.adminGroup=admins", "authConfig.jwtGroupsProperty=groups"]],
    "public-without-tls": [[], ["restApiConfig.loadBalancerConfig=", CHECK + ".path=/health", *PRIVATE]],
    "zone-needs-domain": [[], ["restApiConfig.loadBalancerConfig.domainName=api.example.com", ZONE]],
    "unique-domain-name": [
        [],
        [
            "restApiConfig.loadBalancerConfig.domainName=api.example.com",
            "ecsModels[0].loadBalancerConfig.domainName=m.example.com",
        ],
    ],
    "bundle-in-project": [[], ["certificateAuthorityBundle=certs/ca.pem"]],
    "isolated-authority": [[], ISOLATED, [*ISOLATED, "certificateAuthorityBundle=certs/ca.pem"]],
    "certificate-needs-name": [
        [],
        [*RAG, "restApiConfig.loadBalancerConfig.domainName=api.example.com"],
        [*RAG, "certificateAuthorityBundle=certs/ca.pem"],
        [f"{MODEL_CERTIFICATE}=arn:aws:acm:us-east-1:012345678901:certificate/x", "ecsModels[0].deploy=false"],
    ],
    "vpc-described": [[], ["vpcId=vpc-0123456789abcdef0", VPC]],
    "matching-vpc-id": [[VPC], ["vpcId=vpc-0123456789abcdef0", VPC]],
    "vpc-subnets": [
        [VPC],
        [VPC, "vpc.publicSubnetIds=", "restApiConfig.internetFacing=false"],
        [VPC, *RAG, "vpc.isolatedSubnetIds=[subnet-0123456789abcdef4, subnet-0123456789abcdef5]"],
        [VPC, *RAG, "ragRepositories[docs].rdsConfig={dbHost: db.internal, passwordSecretId: x}"],
        [VPC, *RAG, "deployRag=false"],
    ],
    "vpc-zones-in-region": [[VPC]],
    "vpc-cidr": [[VPC]],
    "zones-valid": [[], ["availabilityZones=[us-east-1b, us-east-1d]"]],
    "nat-gateways-fit": [
        ["natGateways=2"],
        ["natGateways=1"],
        ["natGateways=3", "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"],
    ],
    "created-vpc-keys": [[VPC], ["natGateways=1"]],
    "region-known": [[], ["region=us-gov-west-1"]],
    "iso-needs-index": [[], ["region=us-iso-east-1", "pypiConfig.indexUrl=https://pypi.example.com/simple"]],
    "arn-partition": [[], [f"{ENVIRONMENT}.KEY=arn:aws:secretsmanager:us-east-1:012345678901:secret:x"]],
    "certificate-region": [
        ["restApiConfig.loadBalancerConfig.sslCertIamArn=arn:aws:acm:us-east-1:012345678901:certificate/x"]
    ],
    "topic-region": [[], ["alarmTopicArn=arn:aws:sns:us-east-1:999999999999:operations"]],
    "ecr-account-listed": [[f"{IMAGE}={{type: ecr, {ECR}}}", "accountNumbersEcr=['999999999999']"]],
    "service-offered": [[f"ragRepositories=[{PGVECTOR}]", "deployRag=true"]],
    "repository-block": [[f"ragRepositories=[{PGVECTOR}]"]],
    "repository-ids-unique": [[f"ragRepositories=[{PGVECTOR}, {PGVECTOR.replace('docs', 'more')}]"]],
    "database-secret": [
        [f"ragRepositories=[{PGVECTOR}]"],
        [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig={dbHost: db.internal, passwordSecretId: x}"],
    ],
    "database-user": [
        [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig.username=administrator"],
        [
            f"ragRepositories=[{PGVECTOR}]",
            "ragRepositories[docs].rdsConfig={username: admin, dbHost: db.internal, passwordSecretId: x}",
        ],
    ],
    "chunk-overlap": [["ragFileProcessingConfig={chunkSize: 512, chunkOverlap: 51}"]],
    "rag-has-repository": [["deployRag=true", f"ragRepositories=[{PGVECTOR}]"], []],
    "rag-has-embedding": [["deployRag=true", *EMBEDDING], []],
    "opensearch-nodes": [[domain(n)] for n in (0, 3, 5)] + [[domain(n, STANDBY)] for n in (3, 5)],
    "standby-needs-three-zones": [
        [domain(3)],
        [domain(3, STANDBY), "vpcId=vpc-0123456789abcdef0", THREE_ZONES],
        [domain(3, STANDBY), "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"],
    ],
    "repositories-fit": [
        ["deployRag=true", repositories(created=40, existing=110)],
        ["deployRag=true", repositories(created=1, existing=1)],
        ["deployRag=false", repositories(created=41, existing=110)],
    ],
    "lambda-runtime-deprecated": [[], ["lambdaConfig.pythonRuntime=PYTHON_3_13"]],
    "lambda-runtime-offered": [["lambdaConfig.pythonRuntime=PYTHON_3_8"]],
    "gateway-python": [
        [f"{IMAGE}.baseImage={image}"]
        for image in (
            "python:3.11",
            "python:3.13-slim",
            "python:3",
            "public.ecr.aws/docker/library/python:3.12",
            "mine:3.9",
        )
    ],
    "api-version": [[], ["restApiConfig.apiVersion=v2"]],
    "ignored-key": [["lambdaConfig.logLevel=DEBUG"]],
    "key-without-effect": [
        [f"ragRepositories=[{PGVECTOR}]", f"{CHUNKS}={{chunkSize: 512, chunkOverlap: 51}}", f"deployRag={switch}"]
        for switch in ("true", "false")
    ]
    + [
        # The authorities of certificateAuthorityBundle are trusted in every partition since version 3.
        ["certificateAuthorityBundle=certificates/root.pem"],
        ["mountS3DebUrl=https://packages.example.com/mount-s3.deb"],
        ["mountS3DebUrl=https://packages.example.com/mount-s3.deb", f"{MODEL_IMAGE}.path=docker/mine"],
        [CONDA, *INSTRUCTOR],
        [CONDA, f"{MODEL_IMAGE}.path=docker/mine"],
        [f"{MODEL_CODE}=/opt/mine", *INSTRUCTOR],
        [f"{MODEL_CODE}=/opt/mine", f"{MODEL_IMAGE}.path=docker/mine"],
        [f"{MODEL_CODE}=/opt/mine", OWN_IMAGE],
        [f"{MODEL_CODE}=/opt/mine", "ecsModels[mistral7b].deploy=false"],
        ["tags=[{Key: project, Value: lisa}]"],
        [*ISOLATED],
        [*ISOLATED, "tags=[]"],
        [f"{API_CERTIFICATE}", "apiGatewayConfig.domainName=chat.example.com"],
        ["apiGatewayConfig.domainName=chat.example.com"],
        ["authConfig.jwtGroupsProperty=groups", "authConfig.adminGroup=admins"],
    ],
    "litellm-section-known": [["litellmConfig.guardrails=[]"], ["litellmConfig.brand_new=1"]],
    "litellm-exposes": [["litellmConfig.litellm_settings={telemetry: false, set_verbose: false}"]],
    "secret-in-litellm": [
        [listed(api_key=value)]
        for value in ("ignored", "os.environ/KEY", "sk-ignored", "none", "<your key>", "not-needed")
    ]
    + [
        [listed(stop_token="</s>", tokenizer="mistral", max_tokens="100", aws_region_name="us-east-1")],
        ["litellmConfig.environment_variables={LITELLM_LOG: DEBUG, TOKENIZERS_PARALLELISM: 'false'}"],
        ["litellmConfig.general_settings={master_key: os.environ/MASTER_KEY, key_management_system: aws_kms}"],
    ],
    "secret-in-environment": [
        [f"{ENVIRONMENT}.{text}"]
        for text in (
            "MAX_TOTAL_TOKENS=2048",
            "HF_TOKEN=arn:aws:ssm:us-east-1:012345678901:parameter/hf",
            "EOS_TOKEN=<|end|>",
            "TOKEN_TABLE_NAME=table",
            "API_KEY=ignored",
            "PASSWORD=",
            "USE_TOKEN='true'",
        )
    ],
    "secret-in-url": [["pypiConfig.indexUrl=https://pypi.example.com/simple"]],
}

ISOLATED_ALONE = [change for change in ISOLATED if not change.startswith("certificateAuthorityBundle")]
FAILING: dict[str, list[tuple[list[str], str]]] = {
    "textgen-needs-streaming": [
        (["ecsModels[0].streaming="], "ecsModels[0].streaming"),
        (
            [listed(), "litellmConfig.model_list[0].lisa_params.streaming="],
            "litellmConfig.model_list[0].lisa_params.streaming",
        ),
    ],
    "embedding-has-no-streaming": [([*EMBEDDING, "ecsModels[0].streaming=false"], "ecsModels[0].streaming")],
    "container-serves-type": [
        (["ecsModels[0].inferenceContainer=tei"], "ecsModels[0].inferenceContainer"),
        ([*EMBEDDING, "ecsModels[0].inferenceContainer=tgi"], "ecsModels[0].inferenceContainer"),
    ],
    "model-identifiers-unique": [([second("Mistral-7B")], "ecsModels[1].modelId")],
    "model-limit": [([models(1000)], "ecsModels")],
    "model-name-is-path": [(["ecsModels[0].modelName=a/../b"], "ecsModels[0].modelName")],
    "unique-model-name": [
        ([listed(), "litellmConfig.model_list[0].model_name=mistral7b"], "litellmConfig.model_list[0].model_name")
    ],
    "consistent-lisa-params": [
        (
            [f"litellmConfig.model_list=[{LISTED}, {LISTED.replace('true', 'false')}]"],
            "litellmConfig.model_list[1].lisa_params",
        )
    ],
    "capacity-order": [
        (["restApiConfig.autoScalingConfig.minCapacity=3"], "restApiConfig.autoScalingConfig.minCapacity")
    ],
    "target-check-timeout": [([f"{CHECK}.timeout=30"], f"{CHECK}.timeout")],
    "container-check-command": [
        (
            ["restApiConfig.containerConfig.healthCheckConfig.command=[curl, /]"],
            "restApiConfig.containerConfig.healthCheckConfig.command",
        )
    ],
    "metric-duration": [([f"{METRIC}.duration={each}"], f"{METRIC}.duration") for each in (10, 30, 59, 61, 90)],
    "alb-metric-known": [([f"{METRIC}.AlbMetricName=RequestsPerTarget"], f"{METRIC}.AlbMetricName")],
    "environment-variable-name": [([f"{ENVIRONMENT}={{'a b': c}}"], f"{ENVIRONMENT}[a b]")],
    "tag-keys": [
        (["tags=[{Key: a, Value: b}, {Key: a, Value: c}]"], "tags[1].Key"),
        (["tags=[{Key: 'aws:x', Value: b}]"], "tags[0].Key"),
        ([f"tags=[{', '.join(f'{{Key: k{n}, Value: v}}' for n in range(41))}]"], "tags"),
    ],
    "deployment-prefix-free": [
        (["deploymentPrefix=/aws/lisa"], "deploymentPrefix"),
        ([f"deploymentPrefix={'/a' * 13}"], "deploymentPrefix"),
    ],
    "instance-type-known": [(["ecsModels[0].instanceType=g5.huge"], "ecsModels[0].instanceType")],
    "instance-type-offered": [
        (["region=eu-south-2", "ecsModels[0].instanceType=p4d.24xlarge"], "ecsModels[0].instanceType")
    ],
    "gpu-needed": [(["ecsModels[0].instanceType=m5.4xlarge"], "ecsModels[0].instanceType")],
    "sufficient-memory": [
        (["restApiConfig.containerConfig.sharedMemorySize=6144"], "restApiConfig.containerConfig.sharedMemorySize"),
        (["ecsModels[0].containerConfig.sharedMemorySize=11264"], "ecsModels[0].containerConfig.sharedMemorySize"),
        (["ecsModels[0].containerConfig.sharedMemorySize=20480"], "ecsModels[0].containerConfig.sharedMemorySize"),
        (["restApiConfig.instanceType=t3.small"], "restApiConfig.instanceType"),
    ],
    "architecture": [(["restApiConfig.instanceType=m7g.large"], "restApiConfig.instanceType")],
    "one-ami": [
        (["restApiConfig.amiId=ami-01234567", "restApiConfig.amiParameter=/our/ami"], "restApiConfig.amiId"),
        (
            ["ecsModels[mistral7b].amiId=ami-01234567", "ecsModels[mistral7b].amiParameter=/our/ami"],
            "ecsModels[0].amiId",
        ),
        (["amiConfig={amiId: ami-01234567, amiParameter: /our/ami}"], "amiConfig.amiId"),
        (["amiConfig={gpuAmiId: ami-01234567, gpuAmiParameter: /our/ami}"], "amiConfig.gpuAmiId"),
    ],
    "ui-needs-chat": [(["deployChat=false"], "deployUi")],
    "zone-needs-domain": [([ZONE], "restApiConfig.loadBalancerConfig.hostedZoneId")],
    "unique-domain-name": [
        (
            [
                "restApiConfig.loadBalancerConfig.domainName=api.example.com",
                "ecsModels[0].loadBalancerConfig.domainName=API.example.com",
            ],
            "ecsModels[0].loadBalancerConfig.domainName",
        ),
        (
            [
                "restApiConfig.loadBalancerConfig.domainName=api.example.com",
                "apiGatewayConfig={domainName: api.example.com}",
            ],
            "restApiConfig.loadBalancerConfig.domainName",
        ),
    ],
    "bundle-in-project": [(["certificateAuthorityBundle=/etc/pki/ca.pem"], "certificateAuthorityBundle")],
    "isolated-authority": [(ISOLATED_ALONE, "certificateAuthorityBundle")],
    "certificate-needs-name": [
        (RAG, "restApiConfig.loadBalancerConfig.sslCertIamArn"),
        ([f"{MODEL_CERTIFICATE}=arn:aws:acm:us-east-1:012345678901:certificate/x"], MODEL_CERTIFICATE),
    ],
    "auth-required": [
        (["authConfig="], "authConfig"),
        (["authConfig=", "deployChat=false", "deployUi=false"], "authConfig"),
        (["authConfig=", *PRIVATE, "deployRag=true"], "authConfig"),
    ],
    "no-authentication": [(["authConfig=", *PRIVATE], "authConfig")],
    "admin-group-readable": [(["authConfig.adminGroup=admins"], "authConfig.adminGroup")],
    "public-without-tls": [
        (["restApiConfig.loadBalancerConfig.sslCertIamArn="], "restApiConfig.loadBalancerConfig.sslCertIamArn")
    ],
    "vpc-described": [(["vpcId=vpc-0123456789abcdef0"], "vpcId")],
    "matching-vpc-id": [(["vpcId=vpc-0123456789abcdef1", VPC], "vpcId")],
    "vpc-subnets": [
        ([VPC, "vpc.availabilityZones=[us-east-1a]"], "vpc.availabilityZones"),
        ([VPC, "vpc.privateSubnetIds=[subnet-0123456789abcdef0]"], "vpc.privateSubnetIds"),
        ([VPC, "vpc.publicSubnetIds="], "vpc.publicSubnetIds"),
        ([VPC, *RAG], "vpc.isolatedSubnetIds"),
    ],
    "vpc-zones-in-region": [([VPC, "vpc.availabilityZones=[us-east-1a, us-west-2b]"], "vpc.availabilityZones[1]")],
    "vpc-cidr": [
        ([VPC, "vpc.cidrBlock=10.1.0.1/16"], "vpc.cidrBlock"),
        ([VPC, "vpc.cidrBlock=999.1.0.0/16"], "vpc.cidrBlock"),
    ],
    "zones-valid": [
        (["availabilityZones=[us-east-1b]"], "availabilityZones"),
        (["availabilityZones=[us-east-1b, us-east-1b]"], "availabilityZones"),
        (["availabilityZones=[us-east-1b, us-west-2b]"], "availabilityZones[1]"),
    ],
    "nat-gateways-fit": [
        (["natGateways=3"], "natGateways"),
        (["natGateways=4", "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"], "natGateways"),
    ],
    "created-vpc-keys": [
        ([VPC, "natGateways=1"], "natGateways"),
        ([VPC, "availabilityZones=[us-east-1a, us-east-1b]"], "availabilityZones"),
    ],
    "region-known": [(["region=us-middle-1"], "region")],
    "iso-needs-index": [(["region=us-iso-east-1"], "pypiConfig.indexUrl")],
    "arn-partition": [
        (["region=us-gov-west-1"], "restApiConfig.loadBalancerConfig.sslCertIamArn"),
        ([f"{IMAGE}={{type: ecr, {ECR.replace('arn:aws:', 'arn:aws-iso:')}}}"], f"{IMAGE}.repositoryArn"),
        (["alarmTopicArn=arn:aws-us-gov:sns:us-east-1:012345678901:operations"], "alarmTopicArn"),
        ([f"{ENVIRONMENT}.K=arn:aws-cn:secretsmanager:cn-north-1:012345678901:secret:x"], f"{ENVIRONMENT}.K"),
    ],
    "certificate-region": [
        (
            ["restApiConfig.loadBalancerConfig.sslCertIamArn=arn:aws:acm:us-west-2:012345678901:certificate/x"],
            "restApiConfig.loadBalancerConfig.sslCertIamArn",
        )
    ],
    "topic-region": [
        ([f"alarmTopicArn=arn:aws:sns:{region}:012345678901:operations"], "alarmTopicArn")
        for region in ("us-west-2", "eu-west-1")
    ],
    "ecr-account-listed": [([f"{IMAGE}={{type: ecr, {ECR}}}"], f"{IMAGE}.repositoryArn")],
    "repository-block": [
        (["ragRepositories=[{repositoryId: docs, type: pgvector}]"], "ragRepositories[0].rdsConfig"),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].opensearchConfig.endpoint=x.es"],
            "ragRepositories[0].opensearchConfig",
        ),
    ],
    "repository-ids-unique": [
        ([f"ragRepositories=[{PGVECTOR}, {PGVECTOR.replace('docs', 'Doc-s')}]"], "ragRepositories[1].repositoryId")
    ],
    "database-secret": [
        (
            [
                f"ragRepositories=[{PGVECTOR.replace('docs', 'first')}, {PGVECTOR}]",
                "ragRepositories[docs].rdsConfig.dbHost=db",
            ],
            "ragRepositories[1].rdsConfig.dbHost",
        ),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig.dbHost=db"],
            "ragRepositories[0].rdsConfig.dbHost",
        ),
        (
            [f"ragRepositories=[{PGVECTOR}]", "ragRepositories[docs].rdsConfig.passwordSecretId=x"],
            "ragRepositories[0].rdsConfig.passwordSecretId",
        ),
    ],
    "database-user": [
        (
            [f"ragRepositories=[{PGVECTOR}]", f"ragRepositories[docs].rdsConfig.username={name}"],
            "ragRepositories[0].rdsConfig.username",
        )
        for name in ("admin", "RDSadmin", "pg_lisa")
    ],
    "chunk-overlap": [
        (["ragFileProcessingConfig={chunkSize: 512, chunkOverlap: 512}"], "ragFileProcessingConfig.chunkOverlap")
    ],
    "rag-has-repository": [(["deployRag=true"], "deployRag")],
    "rag-has-embedding": [(["deployRag=true"], "deployRag")],
    "standby-needs-three-zones": [([domain(3, STANDBY)], "ragRepositories[0].opensearchConfig.multiAzWithStandby")],
    "repositories-fit": [
        (["deployRag=true", repositories(created=40, existing=111)], "ragRepositories"),
        (["deployRag=true", repositories(created=41, existing=1)], "ragRepositories[40]"),
        (["deployRag=true", repositories(created=20, existing=1, domains=21)], "ragRepositories[41]"),
    ],
    "opensearch-nodes": [
        (
            [domain(2)],
            "ragRepositories[0].opensearchConfig.masterNodes",
        ),
        (
            [
                domain(0),
                "ragRepositories[a].opensearchConfig.multiAzWithStandby=true",
            ],
            "ragRepositories[0].opensearchConfig.multiAzWithStandby",
        ),
    ],
    "lambda-runtime-deprecated": [(["lambdaConfig.pythonRuntime=PYTHON_3_9"], "lambdaConfig.pythonRuntime")],
    "gateway-python": [
        ([f"{IMAGE}.baseImage={image}"], f"{IMAGE}.baseImage")
        for image in (
            "python:3.9",
            "python:3.10-slim-bookworm",
            "registry.example.com/library/python:2.7",
            "python:3.9.18",
        )
    ],
    "key-without-effect": [
        ([f"ragRepositories=[{PGVECTOR}]"], "ragRepositories"),
        ([f"{CHUNKS}={{chunkSize: 512, chunkOverlap: 51}}"], CHUNKS),
        (["mountS3DebUrl=https://packages.example.com/mount-s3.deb", OWN_IMAGE], "mountS3DebUrl"),
        (
            ["mountS3DebUrl=https://packages.example.com/mount-s3.deb", "ecsModels[mistral7b].deploy=false"],
            "mountS3DebUrl",
        ),
        ([CONDA], "condaUrl"),
        ([CONDA, OWN_IMAGE, *INSTRUCTOR[:3]], "condaUrl"),
        ([CONDA, *INSTRUCTOR, "ecsModels[mistral7b].deploy=false"], "condaUrl"),
        ([f"{MODEL_CODE}=/opt/mine"], "ecsModels[0].localModelCode"),
        (
            [f"{MODEL_CODE}=/opt/mine", f"{MODEL_IMAGE}.path=./lib/serve/ecs-model/textgen/tgi"],
            "ecsModels[0].localModelCode",
        ),
        ([*ISOLATED, "tags=[{Key: project, Value: lisa}]"], "tags"),
        ([API_CERTIFICATE], "apiGatewayConfig.certificateArn"),
        (["authConfig.jwtGroupsProperty=groups"], "authConfig.jwtGroupsProperty"),
    ],
    "api-version": [([f"restApiConfig.apiVersion={version}"], "restApiConfig.apiVersion") for version in ("v1", "v3")],
    "ignored-key": [(["lambdaConfig.vpcAutoscalingConfig.minCapacity=1"], "lambdaConfig.vpcAutoscalingConfig")],
    "litellm-section-known": [(["litellmConfig.modelList=[]"], "litellmConfig.modelList")],
    "litellm-exposes": [
        (["litellmConfig.litellm_settings.telemetry=true"], "litellmConfig.litellm_settings.telemetry"),
        (["litellmConfig.litellm_settings.set_verbose=true"], "litellmConfig.litellm_settings.set_verbose"),
        (["litellmConfig.litellm_settings.set_verbose='True'"], "litellmConfig.litellm_settings.set_verbose"),
        (["litellmConfig.router_settings.set_verbose=true"], "litellmConfig.router_settings.set_verbose"),
    ],
    "secret-in-litellm": [
        ([listed(api_key="0123456789abcdef")], "litellmConfig.model_list[0].litellm_params.api_key"),
        (
            [listed(aws_secret_access_key="x1y2z3x1y2z3")],
            "litellmConfig.model_list[0].litellm_params.aws_secret_access_key",
        ),
        (["litellmConfig.general_settings.master_key=sk-1234"], "litellmConfig.general_settings.master_key"),
        (
            ["litellmConfig.environment_variables.REDIS_PASSWORD=hunter2"],
            "litellmConfig.environment_variables.REDIS_PASSWORD",
        ),
        (
            ["litellmConfig.general_settings.database_url='postgresql://me:secret@db/x'"],
            "litellmConfig.general_settings.database_url",
        ),
        (
            ["litellmConfig.guardrails=[{litellm_params: {api_key: abcdef123456}}]"],
            "litellmConfig.guardrails[0].litellm_params.api_key",
        ),
    ],
    "secret-in-environment": [
        ([f"{ENVIRONMENT}.HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789"], f"{ENVIRONMENT}.HF_TOKEN"),
        ([f"{ENVIRONMENT}.OPENAI_API_KEY=0123456789abcdef"], f"{ENVIRONMENT}.OPENAI_API_KEY"),
        ([f"{ENVIRONMENT}.EXTRA=AKIAABCDEFGHIJKLMNOP"], f"{ENVIRONMENT}.EXTRA"),
    ],
    "secret-in-url": [(["pypiConfig.indexUrl=https://me:secret@pypi.example.com/simple"], "pypiConfig.indexUrl")],
}
FAILING["owned-variable"] = [
    *(
        ([f"{ENVIRONMENT}.{name}={value}"], f"{ENVIRONMENT}.{name}")
        for name, value in (
            *(("USE_AUTH", "'false'"), ("use_auth", "'false'"), ("Use_Auth", "'true'"), ("USE_AUTH", SECRET)),
            *(("AUTHORITY", "https://other.example.com"), ("CLIENT_ID", "x"), ("ADMIN_GROUP", "everyone")),
            *(("JWT_GROUPS_PROP", "roles"), ("TOKEN_TABLE_NAME", "other"), ("REGISTERED_MODELS_PS_NAME", "/x")),
            *(("LITELLM_URL", "https://other.example.com"), ("LITELLM_KEY", SECRET), ("LITELLM_MASTER_KEY", "test")),
            *(("DATABASE_URL", SECRET), ("STORE_MODEL_IN_DB", "'True'"), ("CONFIG_FILE_PATH", "/opt/x.yaml")),
            *(("LITELLM_CONFIG_BUCKET_NAME", "other"), ("LITELLM_MCP_STDIO_EXTRA_COMMANDS", "sh"), ("PORT", "8000")),
            *(("UVICORN_HOST", "127.0.0.1"), ("WEB_CONCURRENCY", "4"), ("HOST", "127.0.0.1"), ("log_level", "DEBUG")),
            *(("PYTHONPATH", "/opt"), ("LD_PRELOAD", "/opt/x.so"), ("PATH", "/opt"), ("BASH_ENV", "/opt/x")),
            *(("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", "http://x"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://x")),
            *(("AWS_ACCESS_KEY_ID", SECRET), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"), ("HOME", "/x")),
            *(("SSL_VERIFY", "'False'"), ("JWT_PUBLIC_KEY_URL", "http://x"), ("OAUTH_TOKEN_INFO_ENDPOINT", "http://x")),
        )
    ),
    *(
        ([f"{MODEL_ENVIRONMENT}.{name}={value}"], f"ecsModels[0].containerConfig.environment.{name}")
        for name, value in (
            *(("S3_BUCKET_MODELS", "other"), ("MODEL_NAME", "other"), ("LOCAL_MODEL_PATH", "/x"), ("PORT", "8000")),
            *(("AWS_REGION", "eu-west-1"), ("S3_ENDPOINT_URL", "http://x"), ("S3_MOUNT_POINT", "/x")),
            *(("LOCAL_CODE_PATH", "/x"), ("HF_HUB_OFFLINE", "0"), ("LD_PRELOAD", "/x.so"), ("AWS_PROFILE", "x")),
        )
    ),
    ([f"{MODEL_ENVIRONMENT}.MODEL_ID=other"], "ecsModels[0].containerConfig.environment.MODEL_ID"),
    ([f"{MODEL_ENVIRONMENT}.NGROK=true"], "ecsModels[0].containerConfig.environment.NGROK"),
    ([*ISOLATED, f"{ENVIRONMENT}.SSL_CERT_FILE=/x"], f"{ENVIRONMENT}.SSL_CERT_FILE"),
    *(
        ([f"{VARIABLES}.{name}={value}"], f"{VARIABLES}.{name}")
        for name, value in (("STORE_MODEL_IN_DB", "'True'"), ("AWS_PROFILE", "x"), ("LITELLM_MASTER_KEY", SECRET))
    ),
]
FAILING["environment-size"] = [
    ([f"{ENVIRONMENT}.LONG={'x' * 49_200}"], "restApiConfig.containerConfig.environment"),
    ([f"{MODEL_ENVIRONMENT}.LONG={'ü' * 8_200}"], "ecsModels[0].containerConfig.environment"),
    (
        [f"{MODEL_ENVIRONMENT}.LONG_{number}={'x' * 4_000}" for number in range(13)],
        "ecsModels[0].containerConfig.environment",
    ),
]
FAILING["owned-argument"] = [
    ([*changes, f"{MODEL_ENVIRONMENT}.SERVER_ARGS={words}"], "ecsModels[0].containerConfig.environment.SERVER_ARGS")
    for changes, words in (
        *((VLLM, "--seed 1 --port 9000"), (VLLM, "--host=127.0.0.1"), (VLLM, "--served_model_name x")),
        *(
            (VLLM, "--mod x"),
            ([], "--model-id other"),
            ([], "-p 9000"),
            ([], "--ngrok"),
            (EMBEDDING, "--hostname ::1"),
            ([], SECRET),
        ),
    )
]
OF_MODEL = "ecsModels[0].containerConfig.environment"
FAILING["connection-times"] = [
    *(
        ([f"{ENVIRONMENT}.{name}={value}"], f"{ENVIRONMENT}.{name}")
        for name, value in (
            *(
                ("KEEP_ALIVE_TIMEOUT", "600"),
                ("keep_alive_timeout", "5"),
                ("KEEP_ALIVE_TIMEOUT", SECRET),
                ("KEEP_ALIVE_TIMEOUT", "86401"),
            ),
            *(("DRAIN_TIMEOUT", "3571"), ("DRAIN_TIMEOUT", "1.5"), ("ANSWER_TIMEOUT", "600")),
        )
    ),
    *(
        ([*VLLM, f"{MODEL_ENVIRONMENT}.{name}={value}"], f"{OF_MODEL}.{name}")
        for name, value in (("VLLM_HTTP_TIMEOUT_KEEP_ALIVE", "5"), ("DRAIN_TIMEOUT", "-1"))
    ),
    (
        [*EMBEDDING, "ecsModels[0].inferenceContainer=instructor", f"{MODEL_ENVIRONMENT}.KEEP_ALIVE_TIMEOUT=600"],
        f"{OF_MODEL}.KEEP_ALIVE_TIMEOUT",
    ),
]
FAILING["context-fits"] = [
    ([f"{IMAGE}.path=lib/serve/ecs-model/vllm"], f"{IMAGE}.path"),
    ([f"{MODEL_IMAGE}.path=lib/serve/rest-api"], "ecsModels[0].containerConfig.image.path"),
    ([f"{MODEL_IMAGE}.path=lib/serve//ecs-model/vllm"], "ecsModels[0].containerConfig.image.path"),
]
FAILING["litellm-setting-reserved"] = [
    *(
        ([f"{GENERAL}.{key}={value}"], f"{GENERAL}.{key}")
        for key, value in (
            *(("custom_auth", "own.authenticate"), ("pass_through_endpoints", "[{path: /x, target: 'http://x'}]")),
            *(("database_url", "os.environ/DATABASE_URL"), ("store_model_in_db", "true"), ("public_routes", "[/x]")),
            *(("allow_requests_on_db_unavailable", "true"), ("allow_client_side_credentials", "true")),
        )
    ),
    (["litellmConfig.litellm_settings.ssl_verify=false"], "litellmConfig.litellm_settings.ssl_verify"),
    ([f"{GENERAL}.user_url_validation=false"], f"{GENERAL}.user_url_validation"),
    (
        ["litellmConfig.litellm_settings.user_url_validation=false"],
        "litellmConfig.litellm_settings.user_url_validation",
    ),
    (["litellmConfig.litellm_settings.api_base=https://x"], "litellmConfig.litellm_settings.api_base"),
    (["litellmConfig.include=[other.yaml]"], "litellmConfig.include"),
    (["litellmConfig.litellm_settings.ssl_verify=' FALSE '"], "litellmConfig.litellm_settings.ssl_verify"),
    (
        ["litellmConfig.litellm_settings.ssl_security_level=DEFAULT@SECLEVEL=0"],
        "litellmConfig.litellm_settings.ssl_security_level",
    ),
    *(
        ([f"litellmConfig.router_settings.default_litellm_params.{key}={value}"], f"{DEFAULTS}.{key}")
        for key, value in (
            *(("api_base", "http://x"), ("ssl_verify", "false"), ("configurable_clientside_auth_params", "[api_base]")),
            *(("ssl_security_level", "DEFAULT@SECLEVEL=0"), ("base_url", "http://x")),
        )
    ),
    (
        [listed(configurable_clientside_auth_params="api_base")],
        "litellmConfig.model_list[0].litellm_params.configurable_clientside_auth_params",
    ),
    ([listed(ssl_verify="false")], "litellmConfig.model_list[0].litellm_params.ssl_verify"),
]
FAILING["remote-module"] = [
    (["litellmConfig.litellm_settings.callbacks=[s3://b/m.f]"], "litellmConfig.litellm_settings.callbacks[0]"),
    (["litellmConfig.litellm_settings.post_call_rules=gcs://b/m.f"], "litellmConfig.litellm_settings.post_call_rules"),
    (
        ["litellmConfig.guardrails=[{litellm_params: {guardrail: 's3://b/m.f'}}]"],
        "litellmConfig.guardrails[0].litellm_params.guardrail",
    ),
    (
        [f"litellmConfig.model_list=[{LISTED.replace('openai/x', 'openai/x, plug: [s3://b/m.f]')}]"],
        "litellmConfig.model_list[0].litellm_params.plug[0]",
    ),
    ([f"{VARIABLES}.MODULE=s3://b/m.f"], f"{VARIABLES}.MODULE"),
    ([f"{ENVIRONMENT}.MODULE=s3://b/m.f"], f"{ENVIRONMENT}.MODULE"),
]
FAILING["master-key-reference"] = [
    ([f"{GENERAL}.master_key=test"], f"{GENERAL}.master_key"),
    ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{ENVIRONMENT}.ADMIN=x"], f"{ENVIRONMENT}.ADMIN"),
    ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{VARIABLES}.ADMIN=x"], f"{VARIABLES}.ADMIN"),
    # ECS resolves secrets of the container alone; LiteLLM would take the ARN for the key.
    ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{VARIABLES}.ADMIN={SECRET}"], f"{VARIABLES}.ADMIN"),
]
UNREACHABLE = {"lambda-runtime-offered", "service-offered"}
"""Rules that no region of today's table breaks; tests of their own, below, give them a region that does."""


def diagnose(changes: list[str]) -> tuple[Diagnostic, ...]:
    """Validate one_model.yaml with changes and return every diagnostic."""
    text = (Path(__file__).parent / "configs" / "good" / "one_model.yaml").read_text(encoding="utf-8")
    root, _ = read_yaml(text, "config.yaml")
    assert isinstance(root, MappingNode)
    block = root.get("dev")
    assert isinstance(block, MappingNode)
    document = replace(merge([block], [parse_override(change) for change in changes]), environment="dev")
    try:
        return validate(document).diagnostics
    except ConfigurationError as error:
        return error.diagnostics


@pytest.mark.parametrize(("name", "changes"), [(name, changes) for name, cases in PASSING.items() for changes in cases])
def test_rule_passes(name: str, changes: list[str]) -> None:
    found = diagnose(changes)
    assert [diagnostic for diagnostic in found if diagnostic.rule == name] == []
    assert [diagnostic for diagnostic in found if diagnostic.code < "LISA300"] == []


@pytest.mark.parametrize(
    ("name", "changes", "key_path"),
    [(name, changes, key_path) for name, cases in FAILING.items() for changes, key_path in cases],
)
def test_rule_fails(name: str, changes: list[str], key_path: str) -> None:
    found = diagnose(changes)
    assert [diagnostic for diagnostic in found if diagnostic.code < "LISA300"] == []
    hits = [diagnostic for diagnostic in found if diagnostic.rule == name]
    assert key_path in {hit.key_path for hit in hits}
    for hit in hits:
        assert hit.origin is not None
        assert hit.message.endswith((".", "?"))
        assert hit.fix.endswith(".")


def test_service_offered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    home = replace(region("us-gov-west-1"), lacks=frozenset({"AWS::RDS::DBInstance"}))
    monkeypatch.setattr(partition, "region", lambda _: home)
    found = [
        hit for hit in diagnose(["deployRag=true", f"ragRepositories=[{PGVECTOR}]"]) if hit.rule == "service-offered"
    ]
    assert [(hit.key_path, hit.severity) for hit in found] == [("ragRepositories[0].type", Severity.ERROR)]


def test_lambda_runtime_offered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    home = replace(region("us-east-1"), lambda_runtimes=("python3.11",))
    monkeypatch.setattr(runtime, "region", lambda _: home)
    found = [hit for hit in diagnose([]) if hit.rule == "lambda-runtime-offered"]
    assert [(hit.key_path, hit.fix) for hit in found] == [("lambdaConfig.pythonRuntime", "Write PYTHON_3_11.")]


def test_an_instance_type_that_the_region_lacks_is_an_error_in_govcloud() -> None:
    def severities(name: str) -> set[str]:
        found = diagnose([f"region={name}", "ecsModels[0].instanceType=p4de.24xlarge"])
        return {hit.severity.value for hit in found if hit.rule == "instance-type-offered"}

    assert severities("us-gov-east-1") == {"error"}
    assert severities("eu-south-2") == {"warning"}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("connection-times", f"{ENVIRONMENT}.ANSWER_TIMEOUT=600", "must be a number of seconds from 0 to 599"),
        ("connection-times", f"{ENVIRONMENT}.DRAIN_TIMEOUT=1.5", "must be an integer number of seconds from 0 to 3570"),
        ("arn-partition", f"{ENVIRONMENT}.KEY=arn:aws-cn:ssm:cn-north-1:012345678901:parameter/x", "arn:aws-cn, but"),
        ("secret-in-litellm", "litellmConfig.litellm_settings.cache_params.password=hunter2", "`password` looks like"),
        ("key-without-effect", CONDA, "`condaUrl` has no effect"),
    ],
)
def test_the_message_names_what_is_wrong(name: str, change: str, words: str) -> None:
    (found,) = (hit for hit in diagnose([change]) if hit.rule == name)
    assert words in found.message


def test_a_fix_names_the_environment() -> None:
    (found,) = (hit for hit in diagnose(["vpcId=vpc-0123456789abcdef0"]) if hit.rule == "vpc-described")
    assert "lisa vpc describe --env dev" in found.fix


def test_every_rule_has_both() -> None:
    names = {rule.name for rule in registered_rules()}
    assert set(PASSING) == names
    assert set(FAILING) | UNREACHABLE == names


def test_every_rule_says_what_it_means() -> None:
    for rule in registered_rules():
        assert rule.meaning.endswith(".")
        assert rule.fix.endswith(".")
        assert rule.code.startswith("LISA3")
