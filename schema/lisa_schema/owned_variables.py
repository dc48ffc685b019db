"""Environment variables that LISA owns, which `environment` of a container and `environment_variables` cannot set.

The planner builds every container's environment from these tables, and the rule LISA318 checks what the configuration
adds to it. The gateway's names are compared case-insensitively, since its settings are read that way. A name that is in
no table belongs to the user: proxy variables, `VLLM_*`, API keys of providers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lisa_schema.settable_variables import EVERYWHERE, GATEWAY, MODELS

_IN_IMAGE: Final = "Remove it, and set it with ENV in the Dockerfile of a custom image."
_TASK_ROLE: Final = (
    "Remove it: containers use their task role in the configured Region. Set the credentials, role or endpoint of one "
    "external model in its `litellm_params`, from variables with other names."
)
_NO_DATABASE: Final = "Remove it: LiteLLM runs without a database, and models are added in the configuration."
_GATEWAY_SIGNS_IN: Final = "Remove it: the gateway authenticates callers; set `authConfig`."
_ONE_FILE: Final = "Remove it, and add the settings to `litellmConfig`."
_TRUST: Final = "Set `certificateAuthorityBundle` instead."
_LISTENS: Final = "Remove it: the load balancer reaches the container at port 8080."
_NO_KEY: Final = (
    "Remove it: the gateway does not know this key, so that the server would reject every request. With `modelKeys`, "
    "the gateway sends a generated one."
)
_LITELLM: Final = "Remove it, and use `litellmConfig`."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedVariable:
    """A variable, or with `*` at the end all variables that begin so, that the configuration may not set.

    Attributes:
        name: in capitals.
        controls: what it controls, a noun phrase.
        fix: what to do instead, in the imperative.
        containers: where it is owned: `rest-api` or an inference container.
        accepts: values that LISA sets itself or that change nothing.
        accepts_secret: whether a reference to a secret is accepted.
        built_only: whether it matters only in the images that LISA builds.
        trust_only: whether LISA sets it only with `certificateAuthorityBundle`.
        in_task: whether LISA sets it in task definitions.
    """

    name: str
    controls: str
    fix: str
    containers: tuple[str, ...]
    accepts: tuple[str, ...] = ()
    accepts_secret: bool = False
    built_only: bool = False
    trust_only: bool = False
    in_task: bool = False


def _each(
    names: str, controls: str, fix: str, containers: tuple[str, ...], *, in_task: bool = False
) -> Iterator[OwnedVariable]:
    for name in names.split():
        yield OwnedVariable(name=name, controls=controls, fix=fix, containers=containers, in_task=in_task)


OWNED: Final[tuple[OwnedVariable, ...]] = (
    # What the task definition of the gateway sets.
    OwnedVariable(
        name="USE_AUTH",
        controls="whether callers are authenticated",
        fix="Remove it, and set `authConfig`; without it, only a private gateway can be deployed.",
        containers=(GATEWAY,),
        in_task=True,
    ),
    *_each("AUTHORITY", "the identity provider", "Set `authConfig.authority` instead.", (GATEWAY,), in_task=True),
    *_each(
        "CLIENT_ID",
        "the client that tokens are issued for",
        "Set `authConfig.clientId` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "ADMIN_GROUP", "the group of administrators", "Set `authConfig.adminGroup` instead.", (GATEWAY,), in_task=True
    ),
    *_each(
        "JWT_GROUPS_PROP",
        "the groups claim of a token",
        "Set `authConfig.jwtGroupsProperty` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "AUDIT_LOG_GROUP",
        "the log group of the audit log",
        "Remove it: the log group is named after the deployment.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "TOKEN_TABLE_NAME",
        "the table of API tokens",
        "Remove it: the table is named after `deploymentName`.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "LIMITS_TABLE_NAME USAGE_TABLE_NAME",
        "the tables of limits and usage",
        "Remove it: the tables are named after `deploymentName`, `appName` and `deploymentStage`.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "SIGN_OUT_TABLE_NAME",
        "the table of sign-outs",
        "Set `authConfig.backChannelLogout` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "LEGACY_TOKENS",
        "whether plain-text API tokens are accepted",
        "Set `authConfig.legacyTokens` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "REGISTERED_MODELS_PS_NAME",
        "the list of hosted models",
        "Remove it, and set `ecsModels` and `deploymentPrefix`.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "GATEWAY_CONFIGURATION_PS_NAME",
        "which models the gateway serves",
        "Remove it, and set `ecsModels` and `litellmConfig`.",
        (GATEWAY,),
        in_task=True,
    ),
    *_each(
        "GATEWAY_CONFIGURATION_DIRECTORY CONFIGURATION_STATE",
        "which models the gateway serves",
        "Remove it, and set `ecsModels` and `litellmConfig`.",
        (GATEWAY,),
    ),
    *_each("AUDIT_FOLDER", "where audit records wait", "Remove it: the records wait on a volume of the instance.", (GATEWAY,)),
    # What connects the gateway with LiteLLM.
    *_each("LITELLM_URL", "where the gateway sends prompts", "Remove it: LiteLLM runs in the container.", (GATEWAY,)),
    *_each("ROUTES_FILE", "where the gateway sends prompts", "Remove it: the routes are compiled.", (GATEWAY,)),
    *_each(
        "LITELLM_KEY",
        "the gateway's key for LiteLLM",
        "Set `litellmConfig.general_settings.master_key` to os.environ/NAME, and the variable NAME to the ARN of a "
        "secret.",
        (GATEWAY,),
        in_task=True,
    ),
    OwnedVariable(
        name="LITELLM_MASTER_KEY",
        controls="the administrator's key of LiteLLM",
        fix="Set the ARN of a Secrets Manager secret, or remove it: a key is generated when the container starts.",
        containers=(GATEWAY,),
        accepts_secret=True,
        in_task=True,
    ),
    OwnedVariable(
        name="LITELLM_LOCAL_MODEL_COST_MAP",
        controls="whether LiteLLM downloads its price list",
        fix="Remove it: the container uses the price list of its LiteLLM.",
        containers=(GATEWAY,),
        accepts=("True",),
    ),
    *_each("LITELLM_CONFIG_BUCKET_* CONFIG_FILE_PATH", "LiteLLM's configuration", _ONE_FILE, (GATEWAY,)),
    *_each(
        "WORKER_CONFIG LITELLM_WORKER_STARTUP_HOOKS LITELLM_MCP_* MCP_*",
        "what LiteLLM loads and runs",
        _ONE_FILE,
        (GATEWAY,),
    ),
    *_each(
        "DATABASE_* DIRECT_URL IAM_TOKEN_DB_AUTH STORE_MODEL_IN_DB STORE_PROMPTS_IN_SPEND_LOGS USE_PRISMA_MIGRATE "
        "USE_V2_MIGRATION_RESOLVER PRISMA_*",
        "LiteLLM's database, which turns its administration on",
        _NO_DATABASE,
        (GATEWAY,),
    ),
    *_each(
        "UI_USERNAME UI_PASSWORD PROXY_ADMIN_ID PROXY_BASE_URL PROXY_LOGOUT_URL EXPERIMENTAL_UI_LOGIN "
        "AUTO_REDIRECT_UI_LOGIN_TO_SSO DISABLE_ADMIN_UI ENABLE_SSO_DEBUG ALLOWED_EMAIL_DOMAINS DRAIN_ENDPOINT_TOKEN "
        "JWT_* OAUTH_* OPENID_* SAML_* CLI_JWT_* CLI_SSO_* GENERIC_AUTHORIZATION_* GENERIC_CLIENT_* GENERIC_INCLUDE_* "
        "GENERIC_ROLE_* GENERIC_SCOPE GENERIC_SSO_* GENERIC_TOKEN_* GENERIC_USER* GOOGLE_CLIENT_* "
        "MICROSOFT_AUTHORIZATION_* MICROSOFT_CLIENT_* MICROSOFT_GRAPH_* MICROSOFT_SERVICE_* MICROSOFT_TENANT "
        "MICROSOFT_TOKEN_* MICROSOFT_USER*",
        "authentication in LiteLLM",
        _GATEWAY_SIGNS_IN,
        (GATEWAY,),
    ),
    *_each(
        "NUM_WORKERS WEB_CONCURRENCY DEFAULT_NUM_WORKERS_LITELLM_PROXY",
        "the number of worker processes",
        "Set `THREADS` instead.",
        (GATEWAY,),
    ),
    *_each(
        "DEBUG DETAILED_DEBUG",
        "whether LiteLLM logs prompts and keys",
        "Set `logLevel`, or the variable `LITELLM_LOG`.",
        (GATEWAY,),
    ),
    *_each(
        "SSL_VERIFY SSL_SECURITY_LEVEL CYBERARK_SSL_VERIFY",
        "how connections to model providers are secured",
        "Set `certificateAuthorityBundle` to a file with your certificate authorities instead.",
        (GATEWAY,),
    ),
    *_each(
        "SERVER_ROOT_PATH ROOT_REDIRECT_URL UI_LOGO_PATH* DOCS_URL REDOC_URL OPENAPI_URL SSL_KEYFILE_PATH "
        "SSL_CERTFILE_PATH TEAM_METADATA_VALIDATION_SERVICE_URL SPEND_LOGS_URL",
        "what the LiteLLM server exposes",
        _LITELLM,
        (GATEWAY,),
    ),
    *_each("LITELLM_*", "how LiteLLM works", _LITELLM, (GATEWAY,)),
    *_each(
        "PROMETHEUS_MULTIPROC_DIR",
        "the metrics directory of the gateway's workers",
        "Remove it: the gateway creates the directory.",
        (GATEWAY,),
    ),
    *_each("HOME", "the location of tool settings", _IN_IMAGE, (GATEWAY,)),
    # What the task definition of a model's container sets.
    *_each("MODEL_NAME", "the model that is served", "Set `modelName` instead.", MODELS, in_task=True),
    *_each("PUBLIC_MODEL_NAME", "the name that requests have", "Set `modelId` instead.", MODELS, in_task=True),
    *_each("S3_BUCKET_MODELS", "the bucket of the weights", "Set `s3BucketModels` instead.", MODELS, in_task=True),
    *_each(
        "LOCAL_MODEL_PATH SAGEMAKER_BASE_DIR",
        "the directory of the weights",
        "Set `nvmeContainerMountPath` instead.",
        MODELS,
        in_task=True,
    ),
    *_each("LOCAL_CODE_PATH", "the directory of a model's code", "Set `localModelCode` instead.", MODELS, in_task=True),
    *_each("S3_MOUNT_POINT", "whether the bucket is mounted", "Set `mountS3DebUrl` instead.", MODELS, in_task=True),
    *_each("S3_ENDPOINT_URL", "the source of the weights", "Remove it, and set `region`.", MODELS, in_task=True),
    OwnedVariable(
        name="MODEL_ID",
        controls="the model that is served",
        fix="Set `modelName` instead.",
        containers=("tgi", "tei"),
        built_only=True,
    ),
    OwnedVariable(
        name="HF_HUB_OFFLINE",
        controls="whether weights are downloaded from elsewhere than the models bucket",
        fix="Remove it: the weights come from `s3BucketModels`.",
        containers=MODELS,
        accepts=("1",),
        built_only=True,
    ),
    *_each(
        "NGROK NGROK_*",
        "whether the model is reachable from the internet through a tunnel",
        "Remove it: clients reach models through the gateway.",
        ("tgi",),
    ),
    *_each("WEB_CONCURRENCY", "the number of worker processes", "Raise `minCapacity` instead.", ("instructor",)),
    *_each("LISA_MODEL_KEY", "which key requests must have", "Set `modelKeys` instead.", MODELS, in_task=True),
    *_each("VLLM_API_KEY", "which key requests must have", _NO_KEY, ("vllm",)),
    *_each("SGLANG_API_KEY SGLANG_ADMIN_API_KEY", "which key requests must have", _NO_KEY, ("sglang",)),
    *_each("API_KEY", "which key requests must have", _NO_KEY, ("tgi", "tei")),
    *_each("SERVED_MODEL_NAME", "the name that requests must have", "Set `modelName` instead.", ("tei",)),
    *_each("MODEL_TYPE", "what the model is served for", "Set `modelType` instead.", ("sglang",), in_task=True),
    *_each(
        "SGLANG_HTTP_SERVER_APP_PATH DUMPER_SERVER_PORT",
        "what code the container runs",
        "Remove it: requests could run code in the container.",
        ("sglang",),
    ),
    # How servers listen.
    OwnedVariable(
        name="PORT", controls="the port of the server", fix=_LISTENS, containers=EVERYWHERE, accepts=("8080",)
    ),
    *_each("HOST", "the address of the server", _LISTENS, (GATEWAY,)),
    OwnedVariable(
        name="HOSTNAME",
        controls="the address of the server",
        fix=_LISTENS,
        containers=("tgi", "tei"),
        built_only=True,
    ),
    *_each("UVICORN_* FORWARDED_ALLOW_IPS", "the address of the server and trusted proxies", _LISTENS, EVERYWHERE),
    # Whose permissions and which region.
    *_each("AWS_REGION AWS_REGION_NAME", "the region", "Set `region` instead.", EVERYWHERE, in_task=True),
    *_each("AWS_DEFAULT_REGION", "the region", "Set `region` instead.", EVERYWHERE),
    *_each("AWS_CA_BUNDLE", "which certificate authorities are trusted", _TRUST, EVERYWHERE, in_task=True),
    *_each("AWS_*", "credentials and endpoints of AWS", _TASK_ROLE, EVERYWHERE),
    *_each("BOTO_CONFIG", "credentials and endpoints of AWS", _TASK_ROLE, EVERYWHERE),
    # What programs load before the code that was reviewed.
    *_each(
        "PATH LD_PRELOAD LD_AUDIT PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX "
        "PYTHONINSPECT PYTHONOPTIMIZE BASH_ENV BASHOPTS SHELLOPTS GCONV_PATH OPENSSL_CONF OPENSSL_ENGINES "
        "OPENSSL_MODULES",
        "what code the container runs",
        _IN_IMAGE,
        EVERYWHERE,
    ),
    *_each("LD_LIBRARY_PATH", "what code the container runs", _IN_IMAGE, (GATEWAY,)),
    *_each("SSLKEYLOGFILE", "whether keys of TLS connections are written to a file", "Remove it.", EVERYWHERE),
    *(
        OwnedVariable(
            name=name,
            controls="which certificate authorities are trusted",
            fix=_TRUST,
            containers=EVERYWHERE,
            trust_only=True,
            in_task=True,
        )
        for name in ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
    ),
)
"""Every owned variable; an exact name comes before a pattern that covers it."""
