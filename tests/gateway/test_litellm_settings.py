"""What the gateway and its LiteLLM read from environment and general_settings is reserved by LISA or was reviewed.

`reviewed/variables.txt` and `reviewed/general_settings.txt` list what the configuration may set. A LiteLLM that reads
something else fails here: reserve it in lisa_schema, or add it to the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lisa_gateway.settings import Settings
from lisa_schema.rules.litellm import reserved_setting
from lisa_schema.settable_variables import GATEWAY, SETTABLE
from lisa_schema.variable_ownership import owned_variable

from .processes import LITELLM_PYTHON

REVIEWED = Path(__file__).parent / "reviewed"
READ = re.compile(
    r"(?:getenv|environ\.get|environ\.setdefault|get_secret(?:_str|_bool)?)\(\s*[\"']([A-Z][A-Z0-9_]+)[\"']"
    r"|environ\[\s*[\"']([A-Z][A-Z0-9_]+)[\"']\]|envvar=[\"']([A-Z][A-Z0-9_]+)[\"']"
)
OF_PROVIDERS = re.compile(r"[A-Z0-9_]+_API_(KEY|BASE)\Z")
"""Keys and addresses of providers, which a configuration needs."""

SETTING = re.compile(r"general_settings(?:\.get\(\s*[\"']([a-z0-9_]+)[\"']|\[[\"']([a-z0-9_]+)[\"']\])")
FIELD = re.compile(r"^    ([a-z][a-z0-9_]*): ", re.MULTILINE)


@cache
def sources() -> tuple[str, ...]:
    """LiteLLM's modules, but for integrations that a configuration turns on by name."""
    (package,) = LITELLM_PYTHON.parents[1].glob("lib/python3*/site-packages/litellm")
    folders = ("proxy", "secret_managers", "litellm_core_utils", "llms/custom_httpx", "router_utils")
    paths = [path for folder in folders for path in sorted((package / folder).rglob("*.py"))]
    paths += sorted(package.glob("*.py"))
    return tuple(path.read_text(encoding="utf-8") for path in paths if "guardrail_hooks" not in path.parts)


def variables() -> set[str]:
    found = {next(filter(None, names)) for text in sources() for names in READ.findall(text)}
    return {name for name in found if not OF_PROVIDERS.match(name)}


def general_settings() -> set[str]:
    return {next(filter(None, keys)) for text in sources() for keys in SETTING.findall(text)} | set(fields())


def fields() -> Iterator[str]:
    for text in sources():
        _, found, rest = text.partition("class ConfigGeneralSettings")
        if found:
            yield from FIELD.findall(rest.partition("\nclass ")[0])


def reviewed(name: str) -> list[str]:
    return (REVIEWED / name).read_text(encoding="utf-8").split()


def test_every_variable_that_litellm_reads_is_reserved_or_reviewed() -> None:
    free = {name for name in variables() if owned_variable(GATEWAY, name) is None and name not in SETTABLE[GATEWAY]}
    assert len(free) > 100
    assert free - set(reviewed("variables.txt")) == set()


def test_the_gateways_settings_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    required = {"TOKEN_TABLE_NAME": "t", "REGISTERED_MODELS_PS_NAME": "/p", "AWS_REGION": "us-east-1"}
    for name, value in {**required, "USE_AUTH": "true", "use_auth": "false"}.items():
        monkeypatch.setenv(name, value)
    assert Settings().use_auth is False, "a second spelling wins, so that every spelling has to be reserved"
    assert owned_variable(GATEWAY, "use_auth") is not None


def test_every_general_setting_is_reserved_or_reviewed() -> None:
    settings = general_settings()
    assert {"custom_auth", "health_check_interval", "max_request_size_mb"} <= settings
    assert {key for key in settings if not reserved_setting(key)} - set(reviewed("general_settings.txt")) == set()


@pytest.mark.parametrize("name", ["variables.txt", "general_settings.txt"])
def test_a_list_has_what_litellm_reads_and_is_free(name: str) -> None:
    listed = reviewed(name)
    read = variables() if name == "variables.txt" else general_settings()
    taken = [one for one in listed if (owned_variable(GATEWAY, one) if one.isupper() else reserved_setting(one))]
    assert listed == sorted(set(listed))
    assert set(listed) - read == set()
    assert taken == []
