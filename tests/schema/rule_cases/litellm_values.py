"""Values in LiteLLM's settings: their types, the addresses and the names that LiteLLM accepts."""

from __future__ import annotations

from .changes import ENVIRONMENT, PARAMS, SECRET, SETTINGS, Failing, Passing, external_model, listed
from .litellm_language import GENERAL, GUARDRAIL, OWN_IMAGE, PRESIDIO, ROUTER, guardrail

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
    "litellm-value-known": [
        [f"{ROUTER}.routing_strategy=latency-based-routing"],
        [f"{ROUTER}.optional_pre_call_checks=[prompt_caching]"],
        [f"{GENERAL}={{alerting: [slack, email], alert_types: [llm_too_slow]}}"],
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
}
