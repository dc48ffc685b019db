"""Cases of the rules of the environment and the arguments of containers."""

from __future__ import annotations

from .changes import (
    EMBEDDING,
    ENVIRONMENT,
    IMAGE,
    ISOLATED,
    MODEL_IMAGE,
    OWN_IMAGE,
    SECRET,
    VARIABLES,
    Failing,
    Passing,
)

MODEL_ENVIRONMENT = "ecsModels[mistral7b].containerConfig.environment"
VLLM_IMAGE = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.9.2', path: lib/serve/ecs-model/vllm}}"
VLLM = ["ecsModels[mistral7b].inferenceContainer=vllm", VLLM_IMAGE]
ADAPTERS = "ecsModels[mistral7b].adapters=[{name: support}]"
LORA = [*VLLM, ADAPTERS]
OF_MODEL = "ecsModels[0].containerConfig.environment"

PASSING: Passing = {
    "owned-variable": [
        [f"{ENVIRONMENT}={{HTTPS_PROXY: 'http://proxy:3128', https_proxy: 'http://proxy:3128', NO_PROXY: .internal}}"],
        [f"{ENVIRONMENT}={{LOG_LEVEL: DEBUG, THREADS: 3, WEB_ORIGINS: 'https://a.example.com', LITELLM_LOG: INFO}}"],
        [f"{ENVIRONMENT}={{OPENAI_API_KEY: '{SECRET}', AZURE_API_BASE: 'https://a.example.com', AWS_MAX_ATTEMPTS: 5}}"],
        [f"{ENVIRONMENT}={{LITELLM_MASTER_KEY: '{SECRET}', PORT: 8080, SSL_CERT_FILE: /etc/ssl/certs/own.pem}}"],
        [f"{MODEL_ENVIRONMENT}={{VLLM_USE_V1: 1, MAX_TOTAL_TOKENS: 2048, TENSOR_PARALLEL_SIZE: 1, HF_HUB_OFFLINE: 1}}"],
        [f"{MODEL_ENVIRONMENT}={{HF_TOKEN: '{SECRET}', THREADS: 7, COPY_ATTEMPTS: 9, host: a, model_name: b}}"],
        [*VLLM, f"{MODEL_ENVIRONMENT}={{VLLM_SERVER_DEV_MODE: 0, NVIDIA_VISIBLE_DEVICES: all}}"],
        [OWN_IMAGE, f"{MODEL_ENVIRONMENT}={{MODEL_ID: /nvme/model, PORT: 8080, HOSTNAME: 0.0.0.0}}"],
        [f"{VARIABLES}={{LITELLM_LOG: DEBUG, TOKENIZERS_PARALLELISM: 'false'}}"],
    ],
    "owned-argument": [
        [
            *VLLM,
            f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--max-model-len 100 --chat-template model --seed=1",
        ],
        [f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--max-input-length 100 --port-of-something 1"],
        [*EMBEDDING, f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--pooling cls"],
        [*VLLM, f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--enable-lora --lora-modules a=/opt/a --max-lora-rank 64"],
        [*LORA, f"{MODEL_ENVIRONMENT}.SERVER_ARGS=--max-loras 4 --max-cpu-loras 9"],
    ],
    "context-fits": [[], VLLM, [f"{IMAGE}.path=docker/api"], [f"{IMAGE}.path=./lib/serve/rest-api/"]],
    "environment-size": [
        [f"{ENVIRONMENT}.LONG={'x' * 49_000}"],
        [f"{ENVIRONMENT}.LONG={'x' * 30_000}", f"{MODEL_ENVIRONMENT}.LONG={'x' * 30_000}"],
    ],
    "connection-times": [
        [f"{ENVIRONMENT}={{KEEP_ALIVE_TIMEOUT: 601, DRAIN_TIMEOUT: 0, ANSWER_TIMEOUT: 0.5}}"],
        [*VLLM, f"{MODEL_ENVIRONMENT}={{VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 3600, DRAIN_TIMEOUT: 3570}}"],
        [f"{MODEL_ENVIRONMENT}={{VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 5, DRAIN_TIMEOUT: soon}}"],  # TGI reads neither.
        ["ecsModels[mistral7b].inferenceContainer=sglang", f"{MODEL_IMAGE}={{baseImage: 'lmsysorg/sglang:v0.5.23'}}"],
        ["ecsModels[mistral7b].inferenceContainer=sglang", f"{MODEL_IMAGE}={{baseImage: 'lmsysorg/sglang:dev'}}"],
    ],
}

FAILING: Failing = {
    "owned-variable": [
        *(
            ([f"{ENVIRONMENT}.{name}={value}"], f"{ENVIRONMENT}.{name}")
            for name, value in (
                *(("USE_AUTH", "'false'"), ("use_auth", "'false'"), ("Use_Auth", "'true'"), ("USE_AUTH", SECRET)),
                *(("AUTHORITY", "https://other.example.com"), ("CLIENT_ID", "x"), ("ADMIN_GROUP", "everyone")),
                *(("JWT_GROUPS_PROP", "roles"), ("TOKEN_TABLE_NAME", "other"), ("REGISTERED_MODELS_PS_NAME", "/x")),
                *(
                    ("LITELLM_URL", "https://other.example.com"),
                    ("LITELLM_KEY", SECRET),
                    ("LITELLM_MASTER_KEY", "test"),
                ),
                *(("DATABASE_URL", SECRET), ("STORE_MODEL_IN_DB", "'True'"), ("CONFIG_FILE_PATH", "/opt/x.yaml")),
                *(
                    ("LITELLM_CONFIG_BUCKET_NAME", "other"),
                    ("LITELLM_MCP_STDIO_EXTRA_COMMANDS", "sh"),
                    ("PORT", "8000"),
                ),
                *(
                    ("UVICORN_HOST", "127.0.0.1"),
                    ("WEB_CONCURRENCY", "4"),
                    ("HOST", "127.0.0.1"),
                    ("log_level", "DEBUG"),
                ),
                *(("PYTHONPATH", "/opt"), ("LD_PRELOAD", "/opt/x.so"), ("PATH", "/opt"), ("BASH_ENV", "/opt/x")),
                *(
                    ("AWS_REGION", "eu-west-1"),
                    ("AWS_ENDPOINT_URL", "http://x"),
                    ("AWS_ENDPOINT_URL_DYNAMODB", "http://x"),
                ),
                *(("AWS_ACCESS_KEY_ID", SECRET), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"), ("HOME", "/x")),
                *(
                    ("SSL_VERIFY", "'False'"),
                    ("JWT_PUBLIC_KEY_URL", "http://x"),
                    ("OAUTH_TOKEN_INFO_ENDPOINT", "http://x"),
                ),
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
        *(
            ([*VLLM, f"{MODEL_ENVIRONMENT}.{name}=1"], f"ecsModels[0].containerConfig.environment.{name}")
            for name in ("VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_INSECURE_SERIALIZATION")
        ),
        ([*ISOLATED, f"{ENVIRONMENT}.SSL_CERT_FILE=/x"], f"{ENVIRONMENT}.SSL_CERT_FILE"),
        *(
            ([f"{VARIABLES}.{name}={value}"], f"{VARIABLES}.{name}")
            for name, value in (("STORE_MODEL_IN_DB", "'True'"), ("AWS_PROFILE", "x"), ("LITELLM_MASTER_KEY", SECRET))
        ),
    ],
    "owned-argument": [
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
            *((LORA, "--lora-modules a=/opt/a"), (LORA, "--enable-lora"), (LORA, "--no-enable-lora")),
            *((LORA, "--max-lora-rank=8"), (LORA, "--lora-m a=/b")),
        )
    ],
    "context-fits": [
        ([f"{IMAGE}.path=lib/serve/ecs-model/vllm"], f"{IMAGE}.path"),
        ([f"{MODEL_IMAGE}.path=lib/serve/rest-api"], "ecsModels[0].containerConfig.image.path"),
        ([f"{MODEL_IMAGE}.path=lib/serve//ecs-model/vllm"], "ecsModels[0].containerConfig.image.path"),
    ],
    "environment-size": [
        ([f"{ENVIRONMENT}.LONG={'x' * 49_200}"], "restApiConfig.containerConfig.environment"),
        ([f"{MODEL_ENVIRONMENT}.LONG={'ü' * 8_200}"], "ecsModels[0].containerConfig.environment"),
        (
            [f"{MODEL_ENVIRONMENT}.LONG_{number}={'x' * 4_000}" for number in range(13)],
            "ecsModels[0].containerConfig.environment",
        ),
    ],
    "connection-times": [
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
        *(
            (
                [f"ecsModels[mistral7b].inferenceContainer={container}", f"{MODEL_IMAGE}={{baseImage: '{image}'}}"],
                "ecsModels[0].containerConfig.image",
            )
            for container, image in (("sglang", "lmsysorg/sglang:v0.5.9"), ("vllm", "vllm/vllm-openai:v0.8.5"))
        ),
        (
            [*EMBEDDING, "ecsModels[0].inferenceContainer=instructor", f"{MODEL_ENVIRONMENT}.KEEP_ALIVE_TIMEOUT=600"],
            f"{OF_MODEL}.KEEP_ALIVE_TIMEOUT",
        ),
    ],
}
