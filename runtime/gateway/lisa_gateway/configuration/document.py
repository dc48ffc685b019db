"""The configuration itself, and the reference that names its files by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from lisa_gateway.routing.document import RoutingError, RoutingTable

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class Fault(StrEnum):
    """Why a configuration is not adopted; a label of the metric."""

    PARAMETER = "parameter"
    OBJECT = "object"
    DIGEST = "digest"
    CONTENT = "content"
    LITELLM = "litellm"


class ConfigurationFaultError(Exception):
    """A configuration cannot be read or adopted.

    Attributes:
        fault: the kind.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class File(BaseModel):
    """A file in S3.

    Attributes:
        bucket: where it is.
        key: key of the object.
        sha256: digest of its content.
    """

    model_config = ConfigDict(frozen=True)

    bucket: NonEmpty
    key: NonEmpty
    sha256: Sha256


class Reference(BaseModel):
    """The value of the SSM parameter: which files are the configuration.

    Attributes:
        schema_version: form of the value.
        routes: the routes document.
        litellm: LiteLLM's configuration file.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)

    schema_version: Literal[1]
    routes: File
    litellm: File


@dataclass(frozen=True)
class Configuration:
    """What the gateway serves with.

    Attributes:
        routes: the routes document, JSON.
        litellm: LiteLLM's configuration file, YAML.
        keys: keys of models by the variables of LiteLLM that hold them; they are not part of what is published.
    """

    routes: bytes
    litellm: bytes
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def identity(self) -> str:
        """Differs where the configuration or a key does: SHA-256, in hexadecimal."""
        return hashlib.sha256(f"{self.digest}{sorted(self.keys.items())}".encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Names the configuration: SHA-256 of the digests of both files, in hexadecimal."""
        parts = "".join(hashlib.sha256(part).hexdigest() for part in (self.routes, self.litellm))
        return hashlib.sha256(parts.encode()).hexdigest()

    @cached_property
    def table(self) -> RoutingTable:
        """The routes.

        Raises:
            RoutingError: the document is not valid.
        """
        return RoutingTable.read(self.routes)

    @cached_property
    def uses_litellm(self) -> bool:
        """Whether LiteLLM has a model. It translates other APIs for models whose route is direct, too."""
        return self.table.needs_litellm or bool(self._litellm_models)

    @cached_property
    def _litellm_models(self) -> list[Any]:
        content = yaml.load(self.litellm, Loader=_Loader)  # noqa: S506  # a safe loader
        models = content.get("model_list") or [] if isinstance(content, dict) else None
        if not isinstance(models, list):
            raise ValueError("it must be a mapping with a model_list")  # noqa: TRY004  # as for any other content
        return models

    def check(self) -> None:
        """Check that both files have the form that the gateway and LiteLLM read.

        Raises:
            ConfigurationFaultError: one of them has not.
        """
        try:
            _ = self.table
        except RoutingError as error:
            raise ConfigurationFaultError(Fault.CONTENT, f"routes.json is not valid: {error}") from error
        try:
            _ = self._litellm_models
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigurationFaultError(Fault.CONTENT, f"LiteLLM's config.yaml is not valid: {error}") from error


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_reference(value: str) -> Reference:
    """Read the value of the SSM parameter.

    Raises:
        ConfigurationFaultError: it is not a reference.
    """
    try:
        return Reference.model_validate_json(value)
    except ValueError as error:
        raise ConfigurationFaultError(
            Fault.PARAMETER, f"the value is not a reference to a configuration: {error}"
        ) from error
