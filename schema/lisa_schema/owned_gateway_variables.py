"""Variables of the gateway's container that LISA owns."""

from __future__ import annotations

from typing import Final

from lisa_schema.owned_variable import OwnedVariable, each
from lisa_schema.settable_variables import GATEWAY

IN_IMAGE: Final = "Remove it, and set it with ENV in the Dockerfile of a custom image."
_NO_DATABASE: Final = "Remove it: LiteLLM runs without a database, and models are added in the configuration."
_GATEWAY_SIGNS_IN: Final = "Remove it: the gateway authenticates callers; set `authConfig`."
_ONE_FILE: Final = "Remove it, and add the settings to `litellmConfig`."
_LITELLM: Final = "Remove it, and use `litellmConfig`."

OWNED_BY_GATEWAY: Final[tuple[OwnedVariable, ...]] = (
    # What the task definition of the gateway sets.
    OwnedVariable(
        name="USE_AUTH",
        controls="whether callers are authenticated",
        fix="Remove it, and set `authConfig`; without it, only a private gateway can be deployed.",
        containers=(GATEWAY,),
        in_task=True,
    ),
    *each("AUTHORITY", "the identity provider", "Set `authConfig.authority` instead.", (GATEWAY,), in_task=True),
    *each(
        "CLIENT_ID",
        "the client that tokens are issued for",
        "Set `authConfig.clientId` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "ADMIN_GROUP", "the group of administrators", "Set `authConfig.adminGroup` instead.", (GATEWAY,), in_task=True
    ),
    *each(
        "JWT_GROUPS_PROP",
        "the groups claim of a token",
        "Set `authConfig.jwtGroupsProperty` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "AUDIT_LOG_GROUP",
        "the log group of the audit log",
        "Remove it: the log group is named after the deployment.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "TOKEN_TABLE_NAME",
        "the table of API tokens",
        "Remove it: the table is named after `deploymentName`.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "LIMITS_TABLE_NAME USAGE_TABLE_NAME",
        "the tables of limits and usage",
        "Remove it: the tables are named after `deploymentName`, `appName` and `deploymentStage`.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "SIGN_OUT_TABLE_NAME",
        "the table of sign-outs",
        "Set `authConfig.backChannelLogout` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "LEGACY_TOKENS",
        "whether plain-text API tokens are accepted",
        "Set `authConfig.legacyTokens` instead.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "REGISTERED_MODELS_PS_NAME",
        "the list of hosted models",
        "Remove it, and set `ecsModels` and `deploymentPrefix`.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "GATEWAY_CONFIGURATION_PS_NAME",
        "which models the gateway serves",
        "Remove it, and set `ecsModels` and `litellmConfig`.",
        (GATEWAY,),
        in_task=True,
    ),
    *each(
        "GATEWAY_CONFIGURATION_DIRECTORY CONFIGURATION_STATE",
        "which models the gateway serves",
        "Remove it, and set `ecsModels` and `litellmConfig`.",
        (GATEWAY,),
    ),
    *each(
        "AUDIT_FOLDER",
        "where audit records wait",
        "Remove it: the records wait on a volume of the instance.",
        (GATEWAY,),
    ),
    # What connects the gateway with LiteLLM.
    *each("LITELLM_URL", "where the gateway sends prompts", "Remove it: LiteLLM runs in the container.", (GATEWAY,)),
    *each("ROUTES_FILE", "where the gateway sends prompts", "Remove it: the routes are compiled.", (GATEWAY,)),
    *each(
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
    *each("LITELLM_CONFIG_BUCKET_* CONFIG_FILE_PATH", "LiteLLM's configuration", _ONE_FILE, (GATEWAY,)),
    *each(
        "WORKER_CONFIG LITELLM_WORKER_STARTUP_HOOKS LITELLM_MCP_* MCP_*",
        "what LiteLLM loads and runs",
        _ONE_FILE,
        (GATEWAY,),
    ),
    *each(
        "DATABASE_* DIRECT_URL IAM_TOKEN_DB_AUTH STORE_MODEL_IN_DB STORE_PROMPTS_IN_SPEND_LOGS USE_PRISMA_MIGRATE "
        "USE_V2_MIGRATION_RESOLVER PRISMA_*",
        "LiteLLM's database, which turns its administration on",
        _NO_DATABASE,
        (GATEWAY,),
    ),
    *each(
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
    *each(
        "NUM_WORKERS WEB_CONCURRENCY DEFAULT_NUM_WORKERS_LITELLM_PROXY",
        "the number of worker processes",
        "Set `THREADS` instead.",
        (GATEWAY,),
    ),
    *each(
        "DEBUG DETAILED_DEBUG",
        "whether LiteLLM logs prompts and keys",
        "Set `logLevel`, or the variable `LITELLM_LOG`.",
        (GATEWAY,),
    ),
    *each(
        "SSL_VERIFY SSL_SECURITY_LEVEL CYBERARK_SSL_VERIFY",
        "how connections to model providers are secured",
        "Set `certificateAuthorityBundle` to a file with your certificate authorities instead.",
        (GATEWAY,),
    ),
    *each(
        "SERVER_ROOT_PATH ROOT_REDIRECT_URL UI_LOGO_PATH* DOCS_URL REDOC_URL OPENAPI_URL SSL_KEYFILE_PATH "
        "SSL_CERTFILE_PATH TEAM_METADATA_VALIDATION_SERVICE_URL SPEND_LOGS_URL",
        "what the LiteLLM server exposes",
        _LITELLM,
        (GATEWAY,),
    ),
    *each("LITELLM_*", "how LiteLLM works", _LITELLM, (GATEWAY,)),
    *each(
        "PROMETHEUS_MULTIPROC_DIR",
        "the metrics directory of the gateway's workers",
        "Remove it: the gateway creates the directory.",
        (GATEWAY,),
    ),
    *each("HOME", "the location of tool settings", IN_IMAGE, (GATEWAY,)),
)
