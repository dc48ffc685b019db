"""External models: what providers, caches, callbacks and files require, models of Bedrock, and places."""

from __future__ import annotations

from .changes import ENVIRONMENT, ISOLATED, PARAMS, SECRET, SETTINGS, Failing, Passing, external_model
from .litellm_language import GENERAL, OWN_IMAGE, ROUTER

KEY = ", api_key: os.environ/KEY"
AZURE = ", api_base: 'https://x.openai.azure.com'"
CLAUDE = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"
EMBEDDING = "{model_type: embedding}"
CREDENTIALS = "litellmConfig.credential_list=[{credential_name: corp, credential_values: {api_key: os.environ/KEY}}]"
CALLBACKS = f"{SETTINGS}.callbacks"
NETWORK = (
    "{vpcId: vpc-0123456789abcdef0, cidrBlock: 10.0.0.0/16, availabilityZones: [us-east-1a, us-east-1b], %s: "
    "[subnet-0123456789abcdef0, subnet-0123456789abcdef1]}"
)
ISOLATED_SUBNETS = ["vpcId=vpc-0123456789abcdef0", f"vpc={NETWORK % 'isolatedSubnetIds'}"]
PRIVATE_SUBNETS = ["vpcId=vpc-0123456789abcdef0", f"vpc={NETWORK % 'privateSubnetIds'}"]
ENTRA = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"


def models(*entries: str) -> str:
    """Several entries: a name, then its litellm_params and model_type."""
    return f"litellmConfig.model_list=[{', '.join(entries)}]"


def entry(name: str, params: str, kind: str = "{model_type: textgen, streaming: true}") -> str:
    return f"{{model_name: {name}, litellm_params: {{{params}}}, lisa_params: {kind}}}"


CHAT = entry("chat", "model: openai/gpt-4o, api_key: os.environ/KEY")
OTHER = entry("other", "model: openai/gpt-4o-mini, api_key: os.environ/KEY")
VECTORS = entry("vectors", "model: openai/text-embedding-3-small, api_key: os.environ/KEY", EMBEDDING)

PASSING: Passing = {
    "litellm-provider-complete": [
        [external_model("openai/gpt-4o", KEY), f"{ENVIRONMENT}.KEY={SECRET}"],
        [external_model("gpt-4o"), f"{ENVIRONMENT}.OPENAI_API_KEY={SECRET}"],
        [external_model("openai/ours", ", api_base: 'https://m.example.com/v1', api_key: EMPTY")],
        [external_model("openai/gpt-4o", ", litellm_credential_name: corp"), CREDENTIALS],
        [external_model("openai/gpt-4o"), f"{ROUTER}.default_litellm_params={{api_key: os.environ/KEY}}"],
        [external_model("hosted_vllm/ours", ", api_base: 'https://m.example.com/v1'")],
        [external_model("hosted_vllm/ours"), f"{ENVIRONMENT}.HOSTED_VLLM_API_BASE=https://m.example.com/v1"],
        [external_model("ollama/llama3", ", api_base: 'http://ollama.example.com:11434'")],
        [external_model("mistral/mistral-large-latest", KEY)],
        [external_model("bedrock/amazon.nova-pro-v1:0")],
        [external_model("sagemaker/ours")],
        [external_model("azure/ours", f", api_base: 'https://x.openai.azure.com'{KEY}")],
        [
            external_model(
                "azure/ours",
                ", api_base: 'https://x.openai.azure.com', tenant_id: a, client_id: b, client_secret: os.environ/KEY",
            )
        ],
        [external_model("anthropic/claude-sonnet-4-5", KEY)],
        [external_model("gemini/gemini-2.5-pro"), f"{ENVIRONMENT}.GOOGLE_API_KEY={SECRET}"],
        [external_model("*", KEY)],
        [external_model("*"), f"{ENVIRONMENT}.ANTHROPIC_API_KEY={SECRET}"],
        [external_model(CLAUDE)],
    ],
    "litellm-provider-available": [
        [external_model("gemini/gemini-2.5-pro", KEY)],
        [external_model(CLAUDE)],
    ],
    "litellm-credential-known": [
        [external_model("openai/gpt-4o", ", litellm_credential_name: corp"), CREDENTIALS],
    ],
    "litellm-extension-complete": [
        [f"{SETTINGS}={{cache: true, cache_params: {{type: redis, host: r.example.com, port: 6379}}}}"],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: redis}}}}", f"{ENVIRONMENT}.REDIS_HOST=r.example.com"],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: local}}}}"],
        [f"{SETTINGS}={{cache: false, cache_params: {{type: disk}}}}"],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: s3, s3_bucket_name: b}}}}"],
        [f"{CALLBACKS}=[prometheus]"],
        [f"{CALLBACKS}=[datadog]", f"{ENVIRONMENT}.DD_API_KEY={SECRET}", f"{ENVIRONMENT}.DD_SITE=datadoghq.eu"],
        [f"{SETTINGS}={{success_callback: [s3_v2], s3_callback_params: {{s3_bucket_name: b}}}}"],
        [f"{GENERAL}.alerting=[slack]", f"{ENVIRONMENT}.SLACK_WEBHOOK_URL={SECRET}"],
    ],
    "litellm-file-present": [
        [external_model("openai/x", ", api_key: os.environ/KEY"), f"{ENVIRONMENT}.KEY={SECRET}"],
        [
            external_model("vertex_ai/gemini-2.5-pro", ", vertex_credentials: os.environ/KEY"),
            f"{ENVIRONMENT}.KEY={SECRET}",
        ],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: s3, s3_bucket_name: b, s3_path: a/b.c}}}}"],
    ],
    "litellm-model-kind": [
        [models(CHAT, VECTORS)],
        [external_model("openai/text-embedding-3-small", ", api_base: 'https://m.example.com/v1'")],
        [external_model("openai/our-own-model", KEY)],
    ],
    "litellm-fallback-works": [
        [models(CHAT, OTHER), f"{ROUTER}.fallbacks=[{{chat: [other]}}]"],
        [models(CHAT, OTHER), f"{ROUTER}.model_group_alias={{a: chat, b: {{model: other, hidden: true}}}}"],
    ],
    "litellm-timeout-effective": [
        [f"{SETTINGS}.request_timeout=600"],
        [external_model("openai/x", ", timeout: 30, stream_timeout: 60")],
    ],
    "litellm-section-served": [
        ["litellmConfig.vector_store_registry=[]"],
    ],
    "key-is-a-reference": [
        [external_model("openai/x", KEY), f"{ENVIRONMENT}.KEY={SECRET}"],
        [external_model("openai/x", KEY), f"{ENVIRONMENT}.KEY=EMPTY"],
        [external_model("openai/x", ", api_base: os.environ/BASE"), f"{ENVIRONMENT}.BASE=a/b"],
        [f"{ENVIRONMENT}.SOME_NAME=lisa/k", f"{ENVIRONMENT}.TOKEN_FILE=/run/secrets/token.txt"],
    ],
    "bedrock-profile-region": [
        [external_model("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0")],
        [external_model("bedrock/global.anthropic.claude-sonnet-4-20250514-v1:0")],
        [external_model("bedrock/eu.amazon.nova-pro-v1:0", ", aws_region_name: eu-west-1")],
        [external_model("bedrock/converse/eu-central-1/eu.amazon.nova-pro-v1:0")],
        [
            external_model("bedrock/eu.amazon.nova-pro-v1:0"),
            f"{ROUTER}.default_litellm_params={{aws_region_name: eu-west-3}}",
        ],
        [external_model("bedrock/eu.amazon.nova-pro-v1:0", ", aws_region_name: os.environ/R"), OWN_IMAGE],
        [external_model("bedrock/apac.amazon.nova-pro-v1:0", ", aws_region_name: ap-south-1")],
        ["region=us-gov-west-1", external_model("bedrock/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0")],
    ],
    "bedrock-model-known": [
        [external_model(CLAUDE)],
        [external_model("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0")],
        [external_model("bedrock/amazon.titan-embed-text-v2:0", kind=EMBEDDING)],
        [external_model("bedrock/converse/us.amazon.nova-pro-v1:0")],
        [external_model("bedrock/arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/abc")],
        [
            external_model(
                "bedrock/anthropic.claude-sonnet-4-20250514-v1:0",
                ", model_id: 'arn:aws:bedrock:us-east-1:012345678901:provisioned-model/abc'",
            )
        ],
    ],
    "external-model-reachable": [
        [external_model("openai/gpt-4o", KEY)],
        [*PRIVATE_SUBNETS, external_model("openai/gpt-4o", KEY)],
        [*ISOLATED_SUBNETS, external_model("openai/x", f", api_base: 'https://llm.corp.example/v1'{KEY}")],
        [
            *ISOLATED_SUBNETS,
            external_model("openai/gpt-4o", KEY),
            f"{ENVIRONMENT}.HTTPS_PROXY=http://proxy.corp.example:3128",
        ],
        [*ISOLATED_SUBNETS, external_model(CLAUDE)],
        [external_model("openai/gpt-4o", KEY), "egressAddresses=[203.0.113.0/24, 10.0.0.0/8, 8.8.8.0/24]"],
    ],
    "authority-reachable": [
        [f"authConfig.authority={ENTRA}"],
        [*ISOLATED, "authConfig.authority=https://keycloak.example.ic.gov/realms/x"],
        [*ISOLATED_SUBNETS, "authConfig.authority=https://keycloak.corp.example/realms/x"],
    ],
    "model-service-offered": [
        [external_model(CLAUDE)],
        ["region=us-gov-west-1", external_model(CLAUDE)],
        ["region=cn-north-1", external_model("openai/gpt-4o", KEY)],
    ],
    "endpoint-of-region": [
        [*ISOLATED_SUBNETS, external_model(CLAUDE)],
        [*PRIVATE_SUBNETS, external_model(CLAUDE, ", aws_region_name: us-west-2")],
        [*ISOLATED_SUBNETS, external_model(CLAUDE, ", aws_region_name: us-east-1")],
    ],
    "bucket-name": [[], ["s3BucketModels=demo-models.corp-1"]],
    "mount-path": [
        [],
        ["nvmeHostMountPath=/mnt/nvme", "nvmeContainerMountPath=/models"],
        ["nvmeHostMountPath=/var/lib/weights", "nvmeContainerMountPath=/opt/weights"],
    ],
    "zone-plausible": [["availabilityZones=[us-east-1a, us-east-1f]"]],
    "own-domain": [
        ["apiGatewayConfig.domainName=chat.example.com"],
        ["restApiConfig.loadBalancerConfig.domainName=lisa.amazonaws.example.com"],
    ],
}

MODEL = f"{PARAMS}.model"

FAILING: Failing = {
    "litellm-provider-complete": [
        *(
            ([external_model(name, more)], MODEL)
            for name, more in (
                ("openai/gpt-4o", ""),
                ("gpt-4o", ""),
                ("openai/ours", ", api_base: 'https://m.example.com/v1'"),
                ("anthropic/claude-sonnet-4-5", ""),
                ("azure/ours", KEY),
                ("azure/ours", ", api_base: 'https://x.openai.azure.com'"),
                ("hosted_vllm/ours", ""),
                ("hosted_vllm/ours", KEY),
                ("oci/xai.grok-4", KEY),
                ("ollama/llama3", ""),
                ("gemini/gemini-2.5-pro", ""),
                ("mistral/mistral-large-latest", ""),
                ("groq/llama-3.3-70b-versatile", ""),
                ("databricks/dbrx", KEY),
                ("voyage/voyage-3", ""),
                ("*", ""),
            )
        ),
        ([external_model("openai/gpt-4o", ", litellm_credential_name: no"), CREDENTIALS], MODEL),
        ([external_model("gpt-4o", ", custom_llm_provider: openai")], MODEL),
        ([external_model("openai/gpt-4o"), OWN_IMAGE], MODEL),
    ],
    "litellm-provider-available": [
        ([external_model("vertex_ai/gemini-2.5-pro", ", vertex_project: p, vertex_location: us-central1")], MODEL),
        ([external_model("vertex_ai/gemini-2.5-pro"), OWN_IMAGE], MODEL),
    ],
    "litellm-credential-known": [
        ([external_model("openai/gpt-4o", ", litellm_credential_name: corp")], f"{PARAMS}.litellm_credential_name"),
        (
            [external_model("openai/gpt-4o", ", litellm_credential_name: corpp"), CREDENTIALS],
            f"{PARAMS}.litellm_credential_name",
        ),
    ],
    "litellm-extension-complete": [
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: redis}}}}"], f"{SETTINGS}.cache_params.type"),
        ([f"{SETTINGS}={{cache: true}}"], f"{SETTINGS}.cache"),
        (
            [f"{SETTINGS}={{cache: true, cache_params: {{type: redis-semantic, host: r.example.com, port: 6379}}}}"],
            f"{SETTINGS}.cache_params.type",
        ),
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: disk}}}}"], f"{SETTINGS}.cache_params.type"),
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: disk}}}}", OWN_IMAGE], f"{SETTINGS}.cache_params.type"),
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: s3}}}}"], f"{SETTINGS}.cache_params.type"),
        ([f"{CALLBACKS}=[datadog]"], f"{CALLBACKS}[0]"),
        ([f"{CALLBACKS}=[prometheus, otel]"], f"{CALLBACKS}[1]"),
        ([f"{SETTINGS}.success_callback=[langfuse]"], f"{SETTINGS}.success_callback[0]"),
        ([f"{SETTINGS}.success_callback=[s3_v2]"], f"{SETTINGS}.success_callback[0]"),
        ([f"{GENERAL}.alerting=[slack]"], f"{GENERAL}.alerting[0]"),
        ([f"{GENERAL}.alerting=[email]"], f"{GENERAL}.alerting[0]"),
    ],
    "litellm-file-present": [
        (
            [external_model("vertex_ai/gemini-2.5-pro", ", vertex_credentials: /app/sa.json")],
            f"{PARAMS}.vertex_credentials",
        ),
        (
            [external_model("openai/x"), f"{ENVIRONMENT}.GOOGLE_APPLICATION_CREDENTIALS=/app/sa.json"],
            f"{ENVIRONMENT}.GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            [
                "litellmConfig.guardrails=[{guardrail_name: a, litellm_params: {guardrail: litellm_content_filter, "
                "mode: pre_call, blocked_words_file: /app/words.yaml}}]"
            ],
            "litellmConfig.guardrails[0].litellm_params.blocked_words_file",
        ),
        (
            [
                f"{SETTINGS}={{cache: true, cache_params: {{type: gcs, gcs_bucket_name: b, "
                "gcs_path_service_account: /app/sa.json}}"
            ],
            f"{SETTINGS}.cache_params.gcs_path_service_account",
        ),
    ],
    "litellm-model-kind": [
        (
            [external_model("bedrock/amazon.titan-embed-text-v2:0")],
            "litellmConfig.model_list[0].lisa_params.model_type",
        ),
        ([external_model("openai/gpt-4o", KEY, EMBEDDING)], "litellmConfig.model_list[0].lisa_params.model_type"),
        ([external_model("bedrock/amazon.nova-canvas-v1:0")], "litellmConfig.model_list[0].lisa_params.model_type"),
    ],
    "litellm-fallback-works": [
        ([models(CHAT, OTHER), f"{ROUTER}.fallbacks=[{{chat: other}}]"], f"{ROUTER}.fallbacks[0].chat"),
        ([models(CHAT, VECTORS), f"{ROUTER}.fallbacks=[{{chat: [vectors]}}]"], f"{ROUTER}.fallbacks[0].chat[0]"),
        ([models(CHAT), f"{ROUTER}.model_group_alias={{a: b, b: a}}"], f"{ROUTER}.model_group_alias.a"),
        ([models(CHAT), f"{ROUTER}.model_group_alias={{a: b, b: chat}}"], f"{ROUTER}.model_group_alias.a"),
    ],
    "litellm-timeout-effective": [
        ([f"{SETTINGS}.request_timeout=3600"], f"{SETTINGS}.request_timeout"),
        ([f"{ROUTER}.timeout=900"], f"{ROUTER}.timeout"),
        ([external_model("openai/x", ", timeout: 7200")], f"{PARAMS}.timeout"),
    ],
    "litellm-section-served": [
        (["litellmConfig.mcp_servers={a: {url: 'https://a.example.com'}}"], "litellmConfig.mcp_servers"),
    ],
    "key-is-a-reference": [
        ([external_model("openai/x", KEY), f"{ENVIRONMENT}.KEY=lisa/k"], f"{ENVIRONMENT}.KEY"),
        ([external_model("openai/x", KEY), f"{ENVIRONMENT}.KEY=ssm:/lisa/k"], f"{ENVIRONMENT}.KEY"),
        ([external_model("openai/x", KEY), f"{ENVIRONMENT}.KEY=/lisa/prod/openai-key"], f"{ENVIRONMENT}.KEY"),
        ([f"{ENVIRONMENT}.K=ssm:/lisa/k"], f"{ENVIRONMENT}.K"),
        ([f"{ENVIRONMENT}.OPENAI_API_KEY=lisa/openai"], f"{ENVIRONMENT}.OPENAI_API_KEY"),
    ],
    "bedrock-profile-region": [
        ([external_model("bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0")], MODEL),
        ([external_model("bedrock/us-gov.anthropic.claude-3-5-sonnet-20240620-v1:0")], MODEL),
        ([external_model("bedrock/us.amazon.nova-pro-v1:0", ", aws_region_name: eu-west-1")], MODEL),
        ([external_model("bedrock/converse/apac.amazon.nova-pro-v1:0")], MODEL),
        (["region=us-gov-west-1", external_model("bedrock/us.amazon.nova-pro-v1:0")], MODEL),
        (["region=us-gov-west-1", external_model("bedrock/global.amazon.nova-2-lite-v1:0")], MODEL),
        ([external_model("bedrock/us.amazon.nova-pro-v1:0", ", aws_region_name: ca-central-1")], MODEL),
    ],
    "bedrock-model-known": [
        ([external_model("bedrock/anthropic.claude-3-5-sonet-20241022-v2:0")], MODEL),
        ([external_model("bedrock/anthropic.claude-sonnet-4-20250514-v1:0")], MODEL),
        ([external_model("bedrock/converse/us.amazon.nova-por-v1:0")], MODEL),
        ([external_model("bedrock/acme.imaginary-9")], MODEL),
    ],
    "external-model-reachable": [
        ([*ISOLATED, external_model("openai/gpt-4o", KEY)], MODEL),
        (
            [*ISOLATED, external_model("azure/x", f"{AZURE}{KEY}")],
            f"{PARAMS}.api_base",
        ),
        ([*ISOLATED_SUBNETS, external_model("openai/gpt-4o", KEY)], MODEL),
        ([*ISOLATED_SUBNETS, external_model("groq/llama-3.3-70b-versatile", KEY)], MODEL),
        ([external_model("openai/gpt-4o", KEY), "egressAddresses=[10.0.0.0/8]"], MODEL),
    ],
    "authority-reachable": [
        ([*ISOLATED, f"authConfig.authority={ENTRA}"], "authConfig.authority"),
        ([*ISOLATED, "authConfig.authority=https://corp.okta.com"], "authConfig.authority"),
        (
            [*ISOLATED, "authConfig.authority=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfG"],
            "authConfig.authority",
        ),
        ([*ISOLATED_SUBNETS, f"authConfig.authority={ENTRA}"], "authConfig.authority"),
        (
            [*ISOLATED_SUBNETS, "authConfig.authority=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfG"],
            "authConfig.authority",
        ),
    ],
    "model-service-offered": [
        (["region=cn-north-1", external_model(CLAUDE)], MODEL),
        ([*ISOLATED, external_model(CLAUDE)], MODEL),
        (["region=eusc-de-east-1", external_model(CLAUDE)], MODEL),
    ],
    "endpoint-of-region": [
        ([*ISOLATED_SUBNETS, external_model(CLAUDE, ", aws_region_name: us-west-2")], f"{PARAMS}.aws_region_name"),
        ([*ISOLATED_SUBNETS, external_model("bedrock/us-west-2/meta.llama3-1-70b-instruct-v1:0")], MODEL),
    ],
    "bucket-name": [
        ([f"s3BucketModels={name}"], "s3BucketModels")
        for name in ("demo..models", "192.168.0.1", "xn--models", "models-s3alias", "demo.-models")
    ],
    "mount-path": [
        *(
            ([f"nvmeContainerMountPath={path}"], "nvmeContainerMountPath")
            for path in ("/tmp", "/dev/shm", "/", "/opt/lisa")
        ),
        *(([f"nvmeHostMountPath={path}"], "nvmeHostMountPath") for path in ("/", "/var", "/etc", "/usr/local")),
    ],
    "zone-plausible": [
        (["availabilityZones=[us-east-1a, us-east-1z]"], "availabilityZones[1]"),
    ],
    "own-domain": [
        (["apiGatewayConfig.domainName=abc123.execute-api.us-east-1.amazonaws.com"], "apiGatewayConfig.domainName"),
        (
            ["restApiConfig.loadBalancerConfig.domainName=lisa-123.us-east-1.elb.amazonaws.com"],
            "restApiConfig.loadBalancerConfig.domainName",
        ),
    ],
}
