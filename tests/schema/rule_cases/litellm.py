"""Cases of the rules of LiteLLM's settings."""

from __future__ import annotations

from .changes import ENVIRONMENT, LISTED, SECRET, VARIABLES, Failing, Passing, listed

GENERAL = "litellmConfig.general_settings"
DEFAULTS = "litellmConfig.router_settings.default_litellm_params"

PASSING: Passing = {
    "litellm-section-known": [["litellmConfig.guardrails=[]"], ["litellmConfig.brand_new=1"]],
    "litellm-exposes": [["litellmConfig.litellm_settings={telemetry: false, set_verbose: false}"]],
    "litellm-setting-reserved": [
        [f"{GENERAL}={{background_health_checks: true, max_request_size_mb: 5, enable_jwt_auth: false}}"],
        ["litellmConfig.litellm_settings={ssl_verify: true, user_url_validation: true}"],
        ["litellmConfig.router_settings={default_litellm_params: {ssl_verify: true, max_tokens: 5}}"],
    ],
    "master-key-reference": [
        [],
        [f"{GENERAL}.master_key=os.environ/LITELLM_MASTER_KEY"],
        [f"{GENERAL}.master_key=os.environ/PROXY_KEY", f"{ENVIRONMENT}.PROXY_KEY={SECRET}"],
    ],
    "remote-module": [
        ["litellmConfig.litellm_settings={callbacks: [own.module.instance], s3_callback_params: {s3_bucket_name: b}}"],
        [listed(api_base="https://x")],
    ],
}

FAILING: Failing = {
    "litellm-section-known": [(["litellmConfig.modelList=[]"], "litellmConfig.modelList")],
    "litellm-exposes": [
        (["litellmConfig.litellm_settings.telemetry=true"], "litellmConfig.litellm_settings.telemetry"),
        (["litellmConfig.litellm_settings.set_verbose=true"], "litellmConfig.litellm_settings.set_verbose"),
        (["litellmConfig.litellm_settings.set_verbose='True'"], "litellmConfig.litellm_settings.set_verbose"),
        (["litellmConfig.router_settings.set_verbose=true"], "litellmConfig.router_settings.set_verbose"),
    ],
    "litellm-setting-reserved": [
        *(
            ([f"{GENERAL}.{key}={value}"], f"{GENERAL}.{key}")
            for key, value in (
                *(("custom_auth", "own.authenticate"), ("pass_through_endpoints", "[{path: /x, target: 'http://x'}]")),
                *(
                    ("database_url", "os.environ/DATABASE_URL"),
                    ("store_model_in_db", "true"),
                    ("public_routes", "[/x]"),
                ),
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
                *(
                    ("api_base", "http://x"),
                    ("ssl_verify", "false"),
                    ("configurable_clientside_auth_params", "[api_base]"),
                ),
                *(("ssl_security_level", "DEFAULT@SECLEVEL=0"), ("base_url", "http://x")),
            )
        ),
        (
            [listed(configurable_clientside_auth_params="api_base")],
            "litellmConfig.model_list[0].litellm_params.configurable_clientside_auth_params",
        ),
        ([listed(ssl_verify="false")], "litellmConfig.model_list[0].litellm_params.ssl_verify"),
    ],
    "master-key-reference": [
        ([f"{GENERAL}.master_key=test"], f"{GENERAL}.master_key"),
        ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{ENVIRONMENT}.ADMIN=x"], f"{ENVIRONMENT}.ADMIN"),
        ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{VARIABLES}.ADMIN=x"], f"{VARIABLES}.ADMIN"),
        # ECS resolves secrets of the container alone; LiteLLM would take the ARN for the key.
        ([f"{GENERAL}.master_key=os.environ/ADMIN", f"{VARIABLES}.ADMIN={SECRET}"], f"{VARIABLES}.ADMIN"),
    ],
    "remote-module": [
        (["litellmConfig.litellm_settings.callbacks=[s3://b/m.f]"], "litellmConfig.litellm_settings.callbacks[0]"),
        (
            ["litellmConfig.litellm_settings.post_call_rules=gcs://b/m.f"],
            "litellmConfig.litellm_settings.post_call_rules",
        ),
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
    ],
}
