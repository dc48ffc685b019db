"""Environment variables that LISA owns, which `environment` of a container and `environment_variables` cannot set.

The planner builds every container's environment from these tables, and the rule LISA318 checks what the configuration
adds to it. The gateway's names are compared case-insensitively, since its settings are read that way. A name that is in
no table belongs to the user: proxy variables, `VLLM_*`, API keys of providers.
"""

from __future__ import annotations

from typing import Final

from lisa_schema.owned_gateway_variables import IN_IMAGE, OWNED_BY_GATEWAY
from lisa_schema.owned_variable import OwnedVariable, each
from lisa_schema.settable_variables import EVERYWHERE, GATEWAY, MODELS

_TASK_ROLE: Final = (
    "Remove it: containers use their task role in the configured Region. Set the credentials, role or endpoint of one "
    "external model in its `litellm_params`, from variables with other names."
)
_TRUST: Final = "Set `certificateAuthorityBundle` instead."
_LISTENS: Final = "Remove it: the load balancer reaches the container at port 8080."
_NO_KEY: Final = (
    "Remove it: the gateway does not know this key, so that the server would reject every request. With `modelKeys`, "
    "the gateway sends a generated one."
)


OWNED: Final[tuple[OwnedVariable, ...]] = (
    *OWNED_BY_GATEWAY,
    # What the task definition of a model's container sets.
    *each("MODEL_NAME", "the model that is served", "Set `modelName` instead.", MODELS, in_task=True),
    *each("PUBLIC_MODEL_NAME", "the name that requests have", "Set `modelId` instead.", MODELS, in_task=True),
    *each("S3_BUCKET_MODELS", "the bucket of the weights", "Set `s3BucketModels` instead.", MODELS, in_task=True),
    *each(
        "LOCAL_MODEL_PATH SAGEMAKER_BASE_DIR",
        "the directory of the weights",
        "Set `nvmeContainerMountPath` instead.",
        MODELS,
        in_task=True,
    ),
    *each("LOCAL_CODE_PATH", "the directory of a model's code", "Set `localModelCode` instead.", MODELS, in_task=True),
    *each("S3_MOUNT_POINT", "whether the bucket is mounted", "Set `mountS3DebUrl` instead.", MODELS, in_task=True),
    *each("S3_ENDPOINT_URL", "the source of the weights", "Remove it, and set `region`.", MODELS, in_task=True),
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
    *each(
        "NGROK NGROK_*",
        "whether the model is reachable from the internet through a tunnel",
        "Remove it: clients reach models through the gateway.",
        ("tgi",),
    ),
    *each("WEB_CONCURRENCY", "the number of worker processes", "Raise `minCapacity` instead.", ("instructor",)),
    *each("LISA_MODEL_KEY", "which key requests must have", "Set `modelKeys` instead.", MODELS, in_task=True),
    *each("VLLM_API_KEY", "which key requests must have", _NO_KEY, ("vllm",)),
    *each("SGLANG_API_KEY SGLANG_ADMIN_API_KEY", "which key requests must have", _NO_KEY, ("sglang",)),
    *each("API_KEY", "which key requests must have", _NO_KEY, ("tgi", "tei")),
    *each("SERVED_MODEL_NAME", "the name that requests must have", "Set `modelName` instead.", ("tei",)),
    *each("MODEL_TYPE", "what the model is served for", "Set `modelType` instead.", ("sglang",), in_task=True),
    *each(
        "SGLANG_HTTP_SERVER_APP_PATH DUMPER_SERVER_PORT",
        "what code the container runs",
        "Remove it: requests could run code in the container.",
        ("sglang",),
    ),
    *(
        OwnedVariable(
            name=name,
            controls="whether requests can change the server and run code in it",
            fix="Remove it: it is for the development of vLLM.",
            containers=("vllm",),
            accepts=("0",),
        )
        for name in ("VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_INSECURE_SERIALIZATION")
    ),
    OwnedVariable(
        name="NVIDIA_VISIBLE_DEVICES",
        controls="which GPUs the container gets",
        fix="Remove it: the container gets all GPUs of its instance.",
        containers=MODELS,
        accepts=("all",),
    ),
    # How servers listen.
    OwnedVariable(
        name="PORT", controls="the port of the server", fix=_LISTENS, containers=EVERYWHERE, accepts=("8080",)
    ),
    *each("HOST", "the address of the server", _LISTENS, (GATEWAY,)),
    OwnedVariable(
        name="HOSTNAME",
        controls="the address of the server",
        fix=_LISTENS,
        containers=("tgi", "tei"),
        built_only=True,
    ),
    *each("UVICORN_* FORWARDED_ALLOW_IPS", "the address of the server and trusted proxies", _LISTENS, EVERYWHERE),
    # Whose permissions and which region.
    *each("AWS_REGION AWS_REGION_NAME", "the region", "Set `region` instead.", EVERYWHERE, in_task=True),
    *each("AWS_DEFAULT_REGION", "the region", "Set `region` instead.", EVERYWHERE),
    *each("AWS_CA_BUNDLE", "which certificate authorities are trusted", _TRUST, EVERYWHERE, in_task=True),
    *each("AWS_*", "credentials and endpoints of AWS", _TASK_ROLE, EVERYWHERE),
    *each("BOTO_CONFIG", "credentials and endpoints of AWS", _TASK_ROLE, EVERYWHERE),
    # What programs load before the code that was reviewed.
    *each(
        "PATH LD_PRELOAD LD_AUDIT PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX "
        "PYTHONINSPECT PYTHONOPTIMIZE BASH_ENV BASHOPTS SHELLOPTS GCONV_PATH OPENSSL_CONF OPENSSL_ENGINES "
        "OPENSSL_MODULES",
        "what code the container runs",
        IN_IMAGE,
        EVERYWHERE,
    ),
    *each("LD_LIBRARY_PATH", "what code the container runs", IN_IMAGE, (GATEWAY,)),
    *each("SSLKEYLOGFILE", "whether keys of TLS connections are written to a file", "Remove it.", EVERYWHERE),
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
