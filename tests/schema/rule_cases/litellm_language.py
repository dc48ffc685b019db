"""LiteLLM as a language: references, names, models and extensions."""

from __future__ import annotations

from .changes import ENVIRONMENT, IMAGE, PARAMS, SECRET, SETTINGS, VARIABLES, Failing, Passing, external_model, listed

ROUTER = "litellmConfig.router_settings"
GENERAL = "litellmConfig.general_settings"
KEYED = listed(api_key="os.environ/PARTNER_KEY")
OWN_IMAGE = f"{IMAGE}={{type: registry, registry: 'registry.example.com/our-gateway:3'}}"
GUARDRAIL = "litellmConfig.guardrails[0].litellm_params"


def guardrail(params: str, name: str = "guard") -> str:
    return f"litellmConfig.guardrails=[{{guardrail_name: {name}, litellm_params: {{{params}}}}}]"


PRESIDIO = "guardrail: presidio, presidio_analyzer_api_base: 'http://a', presidio_anonymizer_api_base: 'http://b'"

PASSING: Passing = {
    "litellm-variable-set": [
        [KEYED, f"{ENVIRONMENT}.PARTNER_KEY={SECRET}"],
        [KEYED, f"{VARIABLES}.PARTNER_KEY=plain"],
        [KEYED, f"{VARIABLES}.PARTNER_KEY=os.environ/OTHER", f"{ENVIRONMENT}.OTHER={SECRET}"],
        [listed(aws_region_name="os.environ/AWS_REGION")],
        [f"{GENERAL}.master_key=os.environ/LITELLM_MASTER_KEY"],
    ],
    "litellm-reference-form": [
        [KEYED, f"{ENVIRONMENT}.PARTNER_KEY={SECRET}"],
        [listed(api_base="https://example.com/$metadata")],
        ["litellmConfig.model_list=[]", f"{SETTINGS}.note_text='set os.environ too'"],
    ],
    "litellm-key-known": [
        [f"{SETTINGS}={{cache: true, cache_params: {{type: local, ttl: 60}}, request_timeout: 30, json_logs: true}}"],
        [f"{ROUTER}={{retry_policy: {{TimeoutErrorRetries: 2}}, allowed_fails: 3, cooldown_time: 30}}"],
        [f"{GENERAL}={{background_health_checks: true, max_request_size_mb: 8}}"],
        [listed(top_k="5", extra_headers="x", our_own_parameter="1", supports_system_message="false")],
        ["litellmConfig.callback_settings={ours: {callback_type: generic_api, endpoint: 'https://logs.example.com'}}"],
        [guardrail(f"{PRESIDIO}, mode: pre_call, default_on: true, our_option: 1")],
    ],
    "litellm-model-exists": [
        [listed(), f"{SETTINGS}.fallbacks=[{{listed: [mistral7b]}}]"],
        [
            listed(),
            f"{ROUTER}={{model_group_alias: {{short: listed}}, fallbacks: [{{short: [{{model: mistral7b}}]}}]}}",
        ],
        [f"{SETTINGS}={{default_fallbacks: [mistral7b], fallbacks: [{{'*': [mistral7b]}}]}}"],
        [
            "litellmConfig.model_list=[{model_name: 'openai/*', litellm_params: {model: 'openai/*'}, "
            "lisa_params: {model_type: textgen, streaming: true}}]",
            f"{SETTINGS}.fallbacks=[{{mistral7b: [openai/gpt-4o]}}]",
        ],
    ],
    "litellm-callback-known": [
        [f"{SETTINGS}={{callbacks: [prometheus, s3_v2], success_callback: [langfuse], failure_callback: [sentry]}}"],
        [f"{SETTINGS}.callbacks=litellm.integrations.custom_logger.CustomLogger"],
        [
            "litellmConfig.callback_settings={ours: {callback_type: generic_api, endpoint: 'https://l.example.com'}}",
            f"{SETTINGS}.callbacks=[ours]",
        ],
    ],
    "litellm-module-installed": [
        [f"{SETTINGS}.callbacks=[litellm.integrations.custom_logger.CustomLogger]"],
        [guardrail(f"{PRESIDIO}, mode: pre_call")],
    ],
    "litellm-guardrail-complete": [
        [guardrail(f"{PRESIDIO}, mode: [pre_call, post_call], pii_entities_config: {{CREDIT_CARD: MASK}}")],
        [
            guardrail(
                "guardrail: bedrock, mode: {tags: {a: pre_call}, default: post_call}, guardrailIdentifier: abc, "
                "guardrailVersion: DRAFT"
            )
        ],
        [
            guardrail("guardrail: aporia, mode: post_call, api_key: os.environ/A, api_base: os.environ/A"),
            f"{ENVIRONMENT}.A={SECRET}",
        ],
        [
            guardrail("guardrail: aporia, mode: post_call"),
            f"{ENVIRONMENT}.APORIO_API_KEY={SECRET}",
            f"{ENVIRONMENT}.APORIO_API_BASE=https://a",
        ],
        [
            guardrail(f"{PRESIDIO}, mode: pre_call"),
            external_model("openai/x", ", guardrails: [guard]"),
        ],
    ],
    "litellm-value-compiled": [
        [listed(aws_region_name="os.environ/PLACE"), f"{ENVIRONMENT}.PLACE=eu-west-1"],
        [listed(aws_region_name="os.environ/AWS_REGION")],
        [KEYED, f"{ENVIRONMENT}.PARTNER_KEY={SECRET}"],
    ],
}

FAILING: Failing = {
    "litellm-variable-set": [
        ([KEYED], f"{PARAMS}.api_key"),
        ([KEYED, f"{ENVIRONMENT}.partner_key={SECRET}"], f"{PARAMS}.api_key"),
        ([KEYED, OWN_IMAGE], f"{PARAMS}.api_key"),
        ([listed(aws_access_key_id="os.environ/AWS_ACCESS_KEY_ID")], f"{PARAMS}.aws_access_key_id"),
        ([f"{VARIABLES}.A=os.environ/B", f"{VARIABLES}.B=os.environ/A"], f"{VARIABLES}.A"),
        ([f"{GENERAL}.master_key=os.environ/PROXY_KEY"], f"{GENERAL}.master_key"),
        ([guardrail("guardrail: lakera_v2, mode: pre_call, api_key: os.environ/LAKERA")], f"{GUARDRAIL}.api_key"),
        ([f"{ROUTER}.redis_host=os.environ/REDIS"], f"{ROUTER}.redis_host"),
        (
            [external_model("openai/x", ", extra_headers: {X-Key: os.environ/DEEP}")],
            f"{PARAMS}.extra_headers.X-Key",
        ),
    ],
    "litellm-reference-form": [
        ([listed(api_key="${PARTNER_KEY}")], f"{PARAMS}.api_key"),
        ([listed(api_key="$PARTNER_KEY")], f"{PARAMS}.api_key"),
        ([listed(api_key="environ/PARTNER_KEY")], f"{PARAMS}.api_key"),
        ([listed(api_key="os.environ[PARTNER_KEY]")], f"{PARAMS}.api_key"),
        ([listed(api_key=SECRET)], f"{PARAMS}.api_key"),
        ([listed(api_key="os.environ/")], f"{PARAMS}.api_key"),
        ([f"{VARIABLES}.PARTNER_KEY={SECRET}"], f"{VARIABLES}.PARTNER_KEY"),
        ([listed(api_base="https://os.environ/HOST/v1")], f"{PARAMS}.api_base"),
        (
            [external_model("openai/x", ", extra_headers: {Authorization: 'Bearer os.environ/T'}")],
            f"{PARAMS}.extra_headers.Authorization",
        ),
        (
            [f"{SETTINGS}.callbacks=[os.environ/CALLBACK]", f"{ENVIRONMENT}.CALLBACK=prometheus"],
            f"{SETTINGS}.callbacks[0]",
        ),
    ],
    "litellm-key-known": [
        ([f"{SETTINGS}.drop_parms=true"], f"{SETTINGS}.drop_parms"),
        ([f"{SETTINGS}.requestTimeout=5"], f"{SETTINGS}.requestTimeout"),
        ([f"{SETTINGS}.wholly_unheard_of_thing=1"], f"{SETTINGS}.wholly_unheard_of_thing"),
        ([f"{SETTINGS}.cache_params={{typ: local}}"], f"{SETTINGS}.cache_params.typ"),
        ([f"{ROUTER}.num_retriez=2"], f"{ROUTER}.num_retriez"),
        ([f"{ROUTER}.retry_policy={{TimeoutErrorRetry: 2}}"], f"{ROUTER}.retry_policy.TimeoutErrorRetry"),
        (
            [f"{ROUTER}.allowed_fails_policy={{TimeoutAllowedFails: 2}}"],
            f"{ROUTER}.allowed_fails_policy.TimeoutAllowedFails",
        ),
        ([f"{GENERAL}.background_health_check=true"], f"{GENERAL}.background_health_check"),
        ([listed(aws_region_nam="us-east-1")], f"{PARAMS}.aws_region_nam"),
        ([listed(api_bse="https://x")], f"{PARAMS}.api_bse"),
        ([guardrail(f"{PRESIDIO}, mode: pre_call, defaulton: true")], f"{GUARDRAIL}.defaulton"),
        (["litellmConfig.brand_new=1"], "litellmConfig.brand_new"),
        (
            [
                "litellmConfig.model_list=[{model_name: far, litellm_params: {model: openai/x}, "
                "model_info: {max_tokns: 4}, lisa_params: {model_type: textgen, streaming: true}}]"
            ],
            "litellmConfig.model_list[0].model_info.max_tokns",
        ),
    ],
    "litellm-model-exists": [
        ([f"{SETTINGS}.fallbacks=[{{mistral7b: [nope]}}]"], f"{SETTINGS}.fallbacks[0].mistral7b[0]"),
        ([f"{SETTINGS}.fallbacks=[{{mistral: [mistral7b]}}]"], f"{SETTINGS}.fallbacks[0].mistral"),
        (
            [f"{ROUTER}.context_window_fallbacks=[{{mistral7b: [nope]}}]"],
            f"{ROUTER}.context_window_fallbacks[0].mistral7b[0]",
        ),
        (
            [f"{SETTINGS}.content_policy_fallbacks=[{{mistral7b: [nope]}}]"],
            f"{SETTINGS}.content_policy_fallbacks[0].mistral7b[0]",
        ),
        ([f"{SETTINGS}.default_fallbacks=[nope]"], f"{SETTINGS}.default_fallbacks[0]"),
        ([f"{ROUTER}.model_group_alias={{gpt: nope}}"], f"{ROUTER}.model_group_alias.gpt"),
        (
            [f"{ROUTER}.model_group_alias={{gpt: {{model: nope, hidden: true}}}}"],
            f"{ROUTER}.model_group_alias.gpt.model",
        ),
        (
            [f"{ROUTER}.model_group_retry_policy={{nope: {{TimeoutErrorRetries: 1}}}}"],
            f"{ROUTER}.model_group_retry_policy.nope",
        ),
        (
            [f"{ROUTER}.routing_groups=[{{group_name: g, models: [nope], routing_strategy: least-busy}}]"],
            f"{ROUTER}.routing_groups[0].models[0]",
        ),
        ([f"{GENERAL}.completion_model=nope"], f"{GENERAL}.completion_model"),
        ([external_model("openai/x", ", fallbacks: [nope]")], f"{PARAMS}.fallbacks[0]"),
    ],
    "litellm-callback-known": [
        ([f"{SETTINGS}.callbacks=[promtheus]"], f"{SETTINGS}.callbacks[0]"),
        ([f"{SETTINGS}.callbacks=prometheus"], f"{SETTINGS}.callbacks"),
        ([f"{SETTINGS}.success_callback=langfuse"], f"{SETTINGS}.success_callback"),
        ([f"{SETTINGS}.failure_callback=[sentri]"], f"{SETTINGS}.failure_callback[0]"),
        ([f"{SETTINGS}.callbacks=[hide_secrets]"], f"{SETTINGS}.callbacks[0]"),
    ],
    "litellm-module-installed": [
        ([f"{SETTINGS}.callbacks=our_callbacks.handler"], f"{SETTINGS}.callbacks"),
        ([f"{SETTINGS}.callbacks=[our_callbacks.handler]"], f"{SETTINGS}.callbacks[0]"),
        ([f"{SETTINGS}.success_callback=[our_callbacks.log]"], f"{SETTINGS}.success_callback[0]"),
        ([f"{SETTINGS}.post_call_rules=our_rules.check"], f"{SETTINGS}.post_call_rules"),
        (
            [f"{SETTINGS}.custom_provider_map=[{{provider: ours, custom_handler: our_llm.handler}}]"],
            f"{SETTINGS}.custom_provider_map[0].custom_handler",
        ),
        ([guardrail("guardrail: our_guardrail.Guard, mode: pre_call")], f"{GUARDRAIL}.guardrail"),
        ([f"{SETTINGS}.callbacks=[our_callbacks.handler]", OWN_IMAGE], f"{SETTINGS}.callbacks[0]"),
    ],
    "litellm-guardrail-complete": [
        ([guardrail("guardrail: bedrok, mode: pre_call")], f"{GUARDRAIL}.guardrail"),
        ([guardrail(f"{PRESIDIO}, mode: pre_cal")], f"{GUARDRAIL}.mode"),
        ([guardrail(f"{PRESIDIO}, mode: [pre_call, during]")], f"{GUARDRAIL}.mode[1]"),
        ([guardrail(PRESIDIO)], GUARDRAIL),
        ([guardrail("guardrail: presidio, mode: pre_call")], GUARDRAIL),
        ([guardrail("guardrail: bedrock, mode: pre_call, guardrailIdentifier: abc")], GUARDRAIL),
        ([guardrail("guardrail: aporia, mode: pre_call, api_key: x, api_base: 'https://a'")], f"{GUARDRAIL}.mode"),
        ([guardrail("guardrail: hide-secrets, mode: pre_call")], f"{GUARDRAIL}.guardrail"),
        (
            [guardrail(f"{PRESIDIO}, mode: pre_call, pii_entities_config: {{CREDITCARD: MASK}}")],
            f"{GUARDRAIL}.pii_entities_config.CREDITCARD",
        ),
        (
            [guardrail(f"{PRESIDIO}, mode: pre_call, pii_entities_config: {{CREDIT_CARD: HIDE}}")],
            f"{GUARDRAIL}.pii_entities_config.CREDIT_CARD",
        ),
        (["litellmConfig.guardrails=[{guardrail_name: x}]"], "litellmConfig.guardrails[0]"),
        ([external_model("openai/x", ", guardrails: [gard]")], f"{PARAMS}.guardrails[0]"),
    ],
    "litellm-value-compiled": [
        ([listed(aws_region_name="os.environ/PLACE"), f"{ENVIRONMENT}.PLACE={SECRET}"], f"{PARAMS}.aws_region_name"),
        ([listed(aws_role_name="os.environ/ROLE"), f"{ENVIRONMENT}.ROLE={SECRET}"], f"{PARAMS}.aws_role_name"),
    ],
}
