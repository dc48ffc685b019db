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
    "litellm-value-type": [
        [
            external_model("openai/x", ", rpm: 6, tpm: '100000', timeout: 2.5, max_retries: 0, tags: [a], weight: 2"),
            f"{SETTINGS}={{num_retries: 0, request_timeout: 600, allowed_fails: 3, ssl_verify: '/etc/ca.pem'}}",
        ],
        [external_model("openai/x", ", timeout: os.environ/T, temperature: 0.1, stop: [a]"), f"{ENVIRONMENT}.T=3"],
        [f"{GENERAL}={{health_check_interval: 300, background_health_checks: 'true', max_parallel_requests: null}}"],
        [f"{ROUTER}={{retry_policy: {{TimeoutErrorRetries: 2}}, cooldown_time: 1.5, fallbacks: []}}"],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: redis, host: h, port: 6379, ttl: 60}}}}"],
        [guardrail(f"{PRESIDIO}, mode: pre_call, default_on: true")],
        [external_model("openai/x", ", presence_penalty: -1.5, seed: -1")],
    ],
    "litellm-address": [
        [listed(api_base="https://models.example.com/v1")],
        [listed(api_base="http://10.0.0.4:8000/v1/")],
        [listed(api_base="https://localhost.example.com/v1")],
        [external_model("azure_ai/x", ", api_base: 'https://x.example.com/v1/chat/completions'")],
        [listed(api_base="os.environ/BASE"), f"{ENVIRONMENT}.BASE=https://models.example.com/v1"],
        [listed(api_base="os.environ/BASE"), f"{ENVIRONMENT}.BASE={SECRET}"],
        [f"{SETTINGS}={{cache: true, cache_params: {{type: redis, host: redis.example.com}}}}"],
        [external_model("bedrock/amazon.titan-embed-text-v2:0", ", aws_region_name: us-east-1")],
    ],
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
    "litellm-value-known": [
        [f"{ROUTER}.routing_strategy=latency-based-routing"],
        [f"{ROUTER}.optional_pre_call_checks=[prompt_caching]"],
        [f"{GENERAL}={{alerting: [slack, email], alert_types: [llm_too_slow]}}"],
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
    "litellm-value-type": [
        *(
            ([external_model("openai/x", f", {key}: {value}")], f"{PARAMS}.{key}")
            for key, value in (
                ("rpm", "ten"),
                ("rpm", "-1"),
                ("tpm", "10k"),
                ("timeout", "30s"),
                ("stream_timeout", "[5]"),
                ("max_retries", "'two'"),
                ("max_retries", "1.5"),
                ("tags", "a"),
                ("drop_params", "maybe"),
                ("input_cost_per_token", "free"),
            )
        ),
        ([f"{SETTINGS}.request_timeout=10m"], f"{SETTINGS}.request_timeout"),
        ([f"{SETTINGS}.num_retries=-1"], f"{SETTINGS}.num_retries"),
        ([f"{SETTINGS}.fallbacks={{mistral7b: [mistral7b]}}"], f"{SETTINGS}.fallbacks"),
        ([f"{ROUTER}.context_window_fallbacks={{mistral7b: [mistral7b]}}"], f"{ROUTER}.context_window_fallbacks"),
        ([f"{ROUTER}.cooldown_time=1 minute"], f"{ROUTER}.cooldown_time"),
        ([f"{ROUTER}.model_group_alias=[a]"], f"{ROUTER}.model_group_alias"),
        ([f"{ROUTER}.retry_policy={{TimeoutErrorRetries: never}}"], f"{ROUTER}.retry_policy.TimeoutErrorRetries"),
        ([f"{GENERAL}.max_parallel_requests=x"], f"{GENERAL}.max_parallel_requests"),
        ([f"{GENERAL}.health_check_interval=5m"], f"{GENERAL}.health_check_interval"),
        (["litellmConfig.guardrails={a: 1}"], "litellmConfig.guardrails"),
        (["litellmConfig.mcp_servers=[{url: 'https://a.example.com'}]"], "litellmConfig.mcp_servers"),
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: local, ttl: 1h}}}}"], f"{SETTINGS}.cache_params.ttl"),
        ([guardrail(f"{PRESIDIO}, mode: pre_call, default_on: 3")], f"{GUARDRAIL}.default_on"),
    ],
    "litellm-address": [
        ([listed(api_base="localhost:8000/v1")], f"{PARAMS}.api_base"),
        ([listed(api_base="models.example.com/v1")], f"{PARAMS}.api_base"),
        ([listed(api_base="ftp://models.example.com")], f"{PARAMS}.api_base"),
        ([listed(api_base="https://models.example.com/v1/chat/completions")], f"{PARAMS}.api_base"),
        ([external_model("ollama/x", ", api_base: 'http://localhost:11434'")], f"{PARAMS}.api_base"),
        ([external_model("ollama/x", ", api_base: 'http://h.example.com/api/generate'")], f"{PARAMS}.api_base"),
        ([listed(api_base="os.environ/BASE"), f"{ENVIRONMENT}.BASE=models.example.com/v1"], f"{PARAMS}.api_base"),
        (
            [external_model("bedrock/amazon.titan-embed-text-v2:0", ", aws_profile_name: dev")],
            f"{PARAMS}.aws_profile_name",
        ),
        ([listed(api_base="http://127.0.0.1:8000/v1"), OWN_IMAGE], f"{PARAMS}.api_base"),
        (
            [f"{SETTINGS}={{cache: true, cache_params: {{type: redis, host: localhost}}}}"],
            f"{SETTINGS}.cache_params.host",
        ),
        (
            [
                guardrail(
                    "guardrail: presidio, mode: pre_call, presidio_analyzer_api_base: 'http://localhost:5002', "
                    "presidio_anonymizer_api_base: 'http://b.example.com'"
                )
            ],
            f"{GUARDRAIL}.presidio_analyzer_api_base",
        ),
    ],
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
    "litellm-value-known": [
        ([f"{ROUTER}.routing_strategy=least-buzy"], f"{ROUTER}.routing_strategy"),
        ([f"{ROUTER}.optional_pre_call_checks=[prompt_cachng]"], f"{ROUTER}.optional_pre_call_checks[0]"),
        (
            [f"{ROUTER}.routing_groups=[{{group_name: g, models: [mistral7b], routing_strategy: no}}]"],
            f"{ROUTER}.routing_groups[0].routing_strategy",
        ),
        ([f"{GENERAL}.alerting=[slak]"], f"{GENERAL}.alerting[0]"),
        ([f"{GENERAL}.alert_types=[llm_to_slow]"], f"{GENERAL}.alert_types[0]"),
        ([f"{SETTINGS}={{cache: true, cache_params: {{type: memcached}}}}"], f"{SETTINGS}.cache_params.type"),
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
