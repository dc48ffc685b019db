"""Regenerate litellm.json and litellm_models.json in lisa_schema: `.venv/gateway/bin/python tools/refresh_litellm.py`.

The table has the names that the pinned LiteLLM accepts in its configuration file, from its own types where it has
types, else from the places of its source that read a name. What guardrails require is found by creating each of them
without parameters and without a network, and by setting the variables that its error messages name; what providers,
caches and callbacks require likewise, with the packages of the gateway's image only.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import sys
import typing
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import litellm_extensions
import litellm_guardrails
import litellm_models
import litellm_providers
from litellm_probe import Laboratory
from litellm_types import types_of

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "schema" / "lisa_schema" / "data" / "litellm.json"
_SECTIONS = {
    "environment_variables",
    "general_settings",
    "include",
    "litellm_settings",
    "model_list",
    "router_settings",
}
# Arguments of scheduled work, whose mapping has the same name as the configuration.
_NOT_SECTIONS = {"force_reload", "interval_hours"}
_NOT_SETTINGS = frozenset({"model_list", "search_tools", "guardrail_list"})
_NEVER_A_VALUE = frozenset({"sso"})


def main() -> int:
    """Write the table."""
    TABLE.write_text(table(), encoding="utf-8", newline="\n")
    litellm_models.TABLE.write_text(litellm_models.models_table(), encoding="utf-8", newline="\n")
    return 0


def table() -> str:
    """Return the table as text: a line for each list of names."""
    rows = {"schemaVersion": 1, "litellm": metadata.version("litellm"), **names()}
    lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(', ', ':'))}" for key, value in rows.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def names() -> dict[str, Any]:
    """Collect the names by the block of the configuration file that they belong to."""
    import litellm
    from litellm.integrations.SlackAlerting.slack_alerting import AlertType
    from litellm.llms.bedrock.base_aws_llm import BEDROCK_INVOKE_PROVIDERS_LITERAL
    from litellm.llms.bedrock.common_utils import (
        BedrockRoute,
        get_all_bedrock_regions,
        get_bedrock_cross_region_inference_regions,
    )
    from litellm.proxy._types import ConfigGeneralSettings
    from litellm.types import guardrails as guardrail_types
    from litellm.types import litellm_params, router
    from litellm.types.utils import ModelInfoBase, all_litellm_params

    source = Source(Path(litellm.__file__).parent)
    generic = json.loads((source.root / "integrations/generic_api/generic_api_compatible_callbacks.json").read_text())
    loggers = {*litellm._known_custom_logger_compatible_callbacks, *generic}
    arguments = litellm_params.RoutingStrategyName
    strategies = {*typing.get_args(arguments), *(one.value for one in router.RoutingStrategy)}
    provider_parameters = source.read("optional_params", "litellm_params", "kwargs", within="llms")
    own_parameters = {
        *router.LiteLLM_Params.model_fields,
        *typing.get_type_hints(router.LiteLLMParamsTypedDict),
        *all_litellm_params,
        *inspect.signature(litellm.completion).parameters,
        *inspect.signature(litellm.embedding).parameters,
    }
    laboratory = Laboratory(own_parameters | provider_parameters | _cache_parameters(), image_modules())
    with laboratory.open():
        required = {
            "providerRequirements": litellm_providers.provider_requirements(laboratory, _providers()),
            "cacheRequirements": litellm_extensions.cache_requirements(laboratory, _cache_types()),
            "callbackRequirements": litellm_extensions.callback_requirements(
                laboratory, loggers | source.compared_with("callback", "litellm_logging.py")
            ),
        }
    return {
        "sections": sorted((source.read("config", within="proxy/proxy_server.py") | _SECTIONS) - _NOT_SECTIONS),
        "generalSettings": sorted({*ConfigGeneralSettings.model_fields, *source.read("general_settings")}),
        "litellmSettings": sorted(
            _package_variables()
            | source.module_settings()
            | source.read("litellm_settings")
            | source.compared("load_config")
        ),
        "routerSettings": sorted(set(litellm.Router.get_valid_args()) - _NOT_SETTINGS),
        "litellmParams": sorted(name for name in own_parameters if not name.startswith("_")),
        "providerParams": sorted(provider_parameters - own_parameters),
        "modelInfo": sorted(
            {
                *router.ModelInfo.model_fields,
                *typing.get_type_hints(ModelInfoBase),
                *source.read("model_info", "_model_info", "deployment_model_info"),
                *{key for entry in litellm.model_cost.values() for key in entry},
            }
        ),
        "cacheParams": sorted(_cache_parameters()),
        "cacheTypes": sorted(_cache_types()),
        "retryPolicy": sorted(router.RetryPolicy.model_fields),
        "allowedFailsPolicy": sorted(router.AllowedFailsPolicy.model_fields),
        "routingStrategies": sorted(strategies),
        "preCallChecks": sorted(typing.get_args(typing.get_args(router.OptionalPreCallChecks)[0])),
        "alertTypes": sorted(one.value for one in AlertType),
        "callbacks": sorted(loggers | source.compared("initialize_callbacks_on_proxy")),
        "logCallbacks": sorted(loggers | source.compared_with("callback", "litellm_logging.py")),
        "guardrailParams": sorted(guardrail_types.LitellmParams.model_fields),
        "guardrailModes": sorted(one.value for one in guardrail_types.GuardrailEventHooks),
        **litellm_guardrails.requirements(source.below("proxy/guardrails")),
        "piiEntities": sorted(one.value for one in guardrail_types.PiiEntityType),
        "piiActions": sorted(one.value for one in guardrail_types.PiiAction),
        "contentFilterPatterns": _content_filter_patterns(),
        "providers": sorted(_providers()),
        "providerPatterns": _provider_patterns(),
        "knownEndpoints": sorted(litellm.openai_compatible_endpoints),
        "imageModules": image_modules(),
        "bedrockRoutes": sorted(typing.get_args(BedrockRoute)),
        "bedrockModelProviders": sorted(typing.get_args(BEDROCK_INVOKE_PROVIDERS_LITERAL)),
        "bedrockRegions": sorted(get_all_bedrock_regions()),
        "bedrockGeographies": sorted(get_bedrock_cross_region_inference_regions()),
        "bedrockConverseModels": sorted(litellm.bedrock_converse_models),
        "bareModels": _bare_models(),
        "types": types_of(source.compared("load_config")),
        **required,
    }


def _providers() -> set[str]:
    import litellm
    from litellm.llms.openai_like.json_loader import JSONProviderRegistry
    from litellm.types.utils import LlmProviders

    return {*(one.value for one in LlmProviders), *litellm.provider_list, *JSONProviderRegistry.list_providers()}


def _cache_parameters() -> set[str]:
    from litellm.caching.caching import Cache

    return {*inspect.signature(Cache.__init__).parameters, *_redis_parameters()} - {"self", "kwargs"}


def _cache_types() -> set[str]:
    from litellm.caching.caching import LiteLLMCacheType

    return {one.value for one in LiteLLMCacheType}


def _content_filter_patterns() -> list[str]:
    """Names of the prebuilt patterns of LiteLLM's content filter."""
    from litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter.patterns import PREBUILT_PATTERNS

    return sorted(PREBUILT_PATTERNS)


def _provider_patterns() -> list[list[str]]:
    """Patterns of names of models that LiteLLM does not list yet, each with its provider."""
    import litellm

    file = Path(litellm.__file__).with_name("model_prices_and_context_window_backup.json")
    rules = json.loads(file.read_text(encoding="utf-8"))["fallback_generalizations"]["rules"]
    found = ((rule["pattern"], rule.get("model_info", {}).get("litellm_provider")) for rule in rules)
    return [[pattern, provider] for pattern, provider in found if provider]


def image_modules() -> list[str]:
    """Top-level modules of the packages that the gateway's image installs."""
    text = (ROOT / "runtime" / "gateway" / "requirements.txt").read_text(encoding="utf-8")
    installed = {match[1].lower().replace("_", "-") for match in re.finditer(r"^([A-Za-z0-9_.-]+)==", text, re.M)}
    return sorted(
        module
        for module, distributions in metadata.packages_distributions().items()
        if module.isidentifier() and any(name.lower().replace("_", "-") in installed for name in distributions)
    )


def _bare_models() -> dict[str, list[str]]:
    """Names without a provider that LiteLLM recognizes, by provider; those of Bedrock need permissions."""
    import litellm

    found: dict[str, list[str]] = {}
    for name in sorted(litellm.model_cost):
        if "/" in name or name == "sample_spec":
            continue
        try:
            provider = litellm.get_llm_provider(name)[1]
        except litellm.exceptions.BadRequestError:
            continue
        found.setdefault(provider, []).append(name)
    return dict(sorted(found.items()))


def _package_variables() -> set[str]:
    """Plain values among the attributes of the package."""
    import litellm

    plain = (bool, int, float, str, list, dict, type(None))
    return {
        name
        for name, value in vars(litellm).items()
        if isinstance(value, plain) and not name.startswith("_") and name == name.lower()
    }


def _redis_parameters() -> set[str]:
    """Parameters of a Redis cache that LiteLLM passes to its Redis client."""
    import redis

    return {
        *inspect.signature(redis.Redis).parameters,
        "redis_url",
        "service_name",
        "sentinel_nodes",
        "gcp_service_account",
    }


class Source:
    """LiteLLM's source, by what reads a name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files = {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}

    def read(self, *variables: str, within: str = "") -> set[str]:
        """Names that are read from a mapping of one of these names: `x.get("name"`, `x["name"]`, `"name" in x`."""
        mapping = "|".join(map(re.escape, variables))
        pattern = re.compile(
            rf"\b(?:{mapping})(?:\.(?:get|pop)\(\s*|\[)\"(?P<a>\w+)\"|\"(?P<b>\w+)\" (?:not )?in (?:{mapping})\b"
        )
        found: set[str] = set()
        for path, text in self._files.items():
            if path.relative_to(self.root).as_posix().startswith(within):
                found |= {match["a"] or match["b"] for match in pattern.finditer(text)}
        return {name for name in found if not name.startswith("_")}

    def module_settings(self) -> set[str]:
        """Variables of the package, which `litellm_settings` sets."""
        found: set[str] = set()
        for statement in ast.parse(self._files[self.root / "__init__.py"]).body:
            targets: Iterable[ast.expr] = ()
            if isinstance(statement, ast.AnnAssign):
                targets = (statement.target,)
            elif isinstance(statement, ast.Assign):
                targets = statement.targets
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        return {name for name in found if not name.startswith("_") and name == name.lower()} | {
            name for name in found if name.startswith("LITELLM")
        }

    def compared(self, function: str) -> set[str]:
        """Texts that a function compares `key` or `callback` with."""
        found: set[str] = set()
        for text in self._files.values():
            if f"def {function}(" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
                    found |= set(_compared(node, ("key", "callback")))
        return found

    def compared_with(self, variable: str, file: str) -> set[str]:
        """Texts that a variable is compared with in a file."""
        text = next(text for path, text in self._files.items() if path.name == file)
        return set(_compared(ast.parse(text), (variable,))) - _NEVER_A_VALUE

    def below(self, folder: str) -> list[str]:
        """Texts of the files below a folder."""
        return [text for path, text in self._files.items() if path.is_relative_to(self.root / folder)]


def _compared(tree: ast.AST, variables: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id in variables:
            for value in node.comparators:
                parts = value.elts if isinstance(value, ast.Set | ast.Tuple | ast.List) else (value,)
                yield from (
                    part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )


if __name__ == "__main__":
    sys.exit(main())
