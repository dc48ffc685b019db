"""What LiteLLM's providers, callbacks and caches require, from data/litellm.json, made by refresh_litellm.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from lisa_schema.litellm.names import block
from lisa_schema.litellm.references import VariableSource, find_variable, resolve

if TYPE_CHECKING:
    from lisa_schema.litellm.routes import AwsRoute
    from lisa_schema.models import Config, LitellmModel

OF_OPENAI = frozenset({"openai", "text-completion-openai", "custom_openai", "aiohttp_openai"})
"""Providers whose requests are for OpenAI, or for a server that `api_base` names."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1", "host.docker.internal"})  # noqa: S104  # compared


@dataclass(frozen=True, slots=True)
class Group:
    """Variables and parameters of which one is enough.

    Attributes:
        variables: of the environment of the gateway's container.
        parameters: of `litellm_params`, of a cache or of a callback.
    """

    variables: tuple[str, ...]
    parameters: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is anything that is enough."""
        return bool(self.variables or self.parameters)

    @property
    def words(self) -> str:
        """What to set, for messages: the parameter that is named most plainly, or a variable."""
        plain = next((name for name in ("api_key", "api_base") if name in self.parameters), None)
        names = [plain] if plain else list(self.parameters[:1])
        shown = [f"`{name}`" for name in (*names, *self.variables[:2])]
        return " or ".join(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a request of a provider requires.

    Attributes:
        needs: groups without which LiteLLM sends no request.
        host: where it goes to without an address; empty when there is none.
        address: what sets another one.
        key: what adds a key to a request that is sent without one.
        is_listed: whether LiteLLM's own list of requirements names a key.
        module: a package that the gateway's image lacks; else empty.
    """

    needs: tuple[Group, ...]
    host: str
    address: Group
    key: Group
    is_listed: bool
    module: str

    @property
    def is_local(self) -> bool:
        """Whether it goes to the machine that LiteLLM runs on."""
        return self.host in _LOCAL_HOSTS


@dataclass(frozen=True, slots=True)
class Extension:
    """What a callback or a cache requires.

    Attributes:
        needs: groups without which LiteLLM does not create it.
        module: a package that the gateway's image lacks; else empty.
    """

    needs: tuple[Group, ...]
    module: str


@cache
def providers() -> Mapping[str, Provider]:
    """Return the providers whose requirements are known."""
    return {
        name: Provider(
            needs=tuple(_own(name, group) for group in _groups(row.get("needs", ()))),
            host=row.get("host", ""),
            address=_own(name, _group(row.get("address", ((), ())))),
            key=_own(name, _group(row.get("key", ((), ())))),
            is_listed=row.get("isListed", False),
            module=row.get("module", ""),
        )
        for name, row in cast("dict[str, dict[str, Any]]", block("providerRequirements")).items()
    }


@cache
def extensions(kind: str) -> Mapping[str, Extension]:
    """Return what callbacks (`callbackRequirements`) or caches (`cacheRequirements`) require, where it is known."""
    return {
        name: Extension(_groups(row.get("needs", ())), row.get("module", ""))
        for name, row in cast("dict[str, dict[str, Any]]", block(kind)).items()
    }


def is_variable_set(config: Config, name: str) -> bool:
    """Return whether the configuration or LISA sets a variable of the gateway's container."""
    return find_variable(config, name).source not in {VariableSource.NOWHERE, VariableSource.IMAGE}


def all_parameters(entry: LitellmModel, config: Config) -> dict[str, Any]:
    """Return the `litellm_params` of an entry with those that LiteLLM adds: defaults, and a named credential."""
    router = config.litellm_config.router_settings.model_extra or {}
    defaults = router.get("default_litellm_params")
    own = entry.litellm_params.model_dump(exclude_none=True)
    name = own.get("litellm_credential_name")
    values = credentials(config).get(name, {}) if isinstance(name, str) else {}
    return {**(defaults if isinstance(defaults, Mapping) else {}), **values, **own}


def called_region(entry: LitellmModel, config: Config, route: AwsRoute) -> str | None:
    """Return the Region that LiteLLM calls for an entry; None when only the running container knows it."""
    given = all_parameters(entry, config).get("aws_region_name")
    return resolve(config, str(given)) if given else route.region or config.region


def credentials(config: Config) -> dict[str, Mapping[str, Any]]:
    """Return the values of `credential_list` by the name of the credential."""
    listed = (config.litellm_config.model_extra or {}).get("credential_list")
    found: dict[str, Mapping[str, Any]] = {}
    for item in listed if isinstance(listed, list | tuple) else ():
        if isinstance(item, Mapping) and isinstance(item.get("credential_name"), str):
            values = item.get("credential_values")
            found[item["credential_name"]] = values if isinstance(values, Mapping) else {}
    return found


def _own(provider: str, group: Group) -> Group:
    """A group without the variables of OpenAI: LiteLLM would send OpenAI's key to another provider, or the reverse."""
    if provider in OF_OPENAI:
        return group
    return Group(tuple(name for name in group.variables if not name.startswith("OPENAI_")), group.parameters)


def _groups(rows: Any) -> tuple[Group, ...]:
    return tuple(_group(row) for row in rows)


def _group(row: Any) -> Group:
    return Group(tuple(row[0]), tuple(row[1]))
