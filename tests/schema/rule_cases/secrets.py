"""Cases of the rules of secrets in the configuration."""

from __future__ import annotations

from .changes import ENVIRONMENT, Failing, Passing, listed

ARGUMENTS = "ecsModels[mistral7b].serverArgs"

PASSING: Passing = {
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
    ]
    + [
        [f"{ARGUMENTS}=[--max-total-tokens, 4096, '--otlp-endpoint=http://collector:4317', --revision, main]"],
        [f"{ARGUMENTS}=[--hf-token, none, --eos-token, '</s>', --watermark-gamma, 0.5]"],
    ],
    "secret-in-url": [["pypiConfig.indexUrl=https://pypi.example.com/simple"]],
}

FAILING: Failing = {
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
        ([f"{ARGUMENTS}=[--hf-token, 0123456789abcdef]"], "ecsModels[0].serverArgs[1]"),
        ([f"{ARGUMENTS}=[--seed, 1, '--hf-token=0123456789abcdef']"], "ecsModels[0].serverArgs[2]"),
        ([f'{ARGUMENTS}=[--extra, \'{{"k": "sk-abcdefghijklmnopqrstuvwxyz"}}\']'], "ecsModels[0].serverArgs[1]"),
        (
            ["ecsModels[mistral7b].containerConfig.environment.SERVER_ARGS=--hf-token 0123456789abcdef"],
            "ecsModels[0].containerConfig.environment.SERVER_ARGS",
        ),
    ],
    "secret-in-url": [(["pypiConfig.indexUrl=https://me:secret@pypi.example.com/simple"], "pypiConfig.indexUrl")],
}
