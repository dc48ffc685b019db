"""Which of LiteLLM's routes manage the proxy itself: a caller there acts with the proxy's own key."""

from __future__ import annotations

_VERSIONS = frozenset({"v1", "v2", "management"})
_FAMILIES = frozenset(
    {
        *("access_group", "active", "add", "agents", "alerting", "audit", "auto_router", "budget", "cache"),
        *("callbacks", "compliance", "config", "config_overrides", "cost", "credentials", "customer"),
        *("debug", "delete", "email", "end_user", "fallback", "gateway", "get", "global", "guardrails"),
        *("health", "invitation", "jwt", "key", "login", "logout", "memory-usage"),
        *("memory-usage-in-mem-cache", "memory-usage-in-mem-cache-items", "metrics", "model_group"),
        *("model_hub", "onboarding", "organization", "otel-spans", "policies", "policy", "project"),
        *("prompts", "provider", "public", "reload", "reset", "routes", "schedule", "scim", "settings"),
        *("spend", "sso", "tag", "team", "test", "ui", "update", "upload", "usage", "user", "users"),
    }
)
_WITHIN = frozenset(
    {("mcp", "server"), ("mcp", "sessions"), ("model", "delete"), ("model", "new"), ("model", "update")}
)
_INFERENCE = frozenset({("guardrails", "apply_guardrail"), ("model_group", "info")})


def is_administration(path: str) -> bool:
    """Whether a decoded path below `/v2/serve` is one of LiteLLM's administration, with or without a version in front.

    LiteLLM trusts whoever holds its master key, and the gateway holds it for everybody.
    """
    parts = [part for part in path.lower().split("/") if part not in ("", ".")]
    if ".." in parts:
        return True
    while parts and parts[0] in _VERSIONS:
        if parts[0] == "management":
            return True
        parts = parts[1:]
    pair = tuple(parts[:2])
    return bool(parts) and pair not in _INFERENCE and (parts[0] in _FAMILIES or pair in _WITHIN)
