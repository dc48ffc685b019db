"""The compiled routes: which models there are, and where requests for each go.

`lisa compile` writes them to `generated/<env>/gateway/routes.json`; `lisa_compiler.emit.routes` has the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lisa_gateway.access.document import AccessDocument, AccessError

SCHEMA_VERSION = 1

Operation = Literal["chat", "completions", "embeddings"]
_Name = Annotated[str, StringConstraints(min_length=1)]
_Address = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@\s]+$")]
_MODES = {"textgen": "chat", "embedding": "embedding"}


class RoutingError(ValueError):
    """A routes document that cannot be used."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class ModelKey(_Entry):
    """The key that a model's server requires.

    Attributes:
        secret: name of the Secrets Manager secret that holds it as plain text.
    """

    secret: _Name


class RoutedModel(_Entry):
    """A name that clients may use.

    Attributes:
        name: the model's public name.
        route: `direct` for the model's own server, `litellm` for LiteLLM.
        reason: why LiteLLM; empty for a direct route.
        kind: `textgen` or `embedding`; None for an external model whose type is not known.
        engine: what serves it: `vllm`, `tgi` …; empty for an external model.
        address: scheme, host and optional port of its server; empty unless the route is direct.
        server_name: what its server calls it, where that is not the public name.
        former_name: what its server calls it too; a server that an earlier version started knows that name alone.
        scaled_service: the service whose capacity follows its requests; empty for none.
        closed: when its schedule has no instances, for people; empty if it always has some.
        operations: what its server answers itself.
        key: the key that its server requires; None for a server without.
    """

    name: _Name
    route: Literal["direct", "litellm"]
    reason: str = ""
    kind: Literal["textgen", "embedding"] | None = Field(default=None, alias="type")
    engine: str = ""
    address: _Address | Literal[""] = ""
    server_name: str = Field(default="", alias="serverName")
    former_name: str = Field(default="", alias="formerName")
    scaled_service: str = Field(default="", alias="scaledService")
    closed: str = ""
    operations: frozenset[Operation] = frozenset()
    key: ModelKey | None = None

    @property
    def is_direct(self) -> bool:
        """Whether requests for its operations go to its own server."""
        return self.route == "direct"

    @property
    def mode(self) -> str:
        """LiteLLM's `mode`, which `check_model_serves` takes; empty where the type is not known."""
        return _MODES.get(self.kind or "", "")


class _Document(_Entry):
    schema_version: int = Field(alias="schemaVersion")
    models: tuple[RoutedModel, ...] = ()
    access: Mapping[str, Any] | None = None


class RoutingTable:
    """The routes by public name. It never changes: new routes are a new table.

    Args:
        models: the models, in the order in which they are listed.
        access: the document's `access`, for the part that enforces it; None when all models are open to all callers.

    Attributes:
        access: see the argument.
        needs_litellm: whether requests for a model go to LiteLLM: without such a model, the gateway is ready while
            LiteLLM is not. True for an empty table, which stands for a gateway without routes.
        is_complete: whether the table has every name that LiteLLM serves: not with an empty table, nor with a name
            that is a pattern.
    """

    def __init__(self, models: tuple[RoutedModel, ...] = (), access: Mapping[str, Any] | None = None) -> None:
        self.access = access
        self._models: dict[str, RoutedModel] = {}
        for model in models:
            if model.is_direct and not (model.address and model.operations):
                raise RoutingError(f"The direct route of {model.name!r} has no address or no operations.")
            if model.name in self._models:
                raise RoutingError(f"{model.name!r} has two routes.")
            self._models[model.name] = model
        self.needs_litellm = not models or any(not model.is_direct for model in models)
        self.is_complete = bool(models) and not any("*" in model.name for model in models)

    @classmethod
    def read(cls, content: bytes) -> RoutingTable:
        """Read `routes.json`.

        Raises:
            RoutingError: it is not JSON, has another version, or a route that cannot be used.
        """
        try:
            document = _Document.model_validate_json(content)
        except ValidationError as error:
            raise RoutingError(f"The routes are not valid: {_first(error)}.") from None
        if document.schema_version != SCHEMA_VERSION:
            raise RoutingError(
                f"The routes have schemaVersion {document.schema_version}; this gateway reads {SCHEMA_VERSION}."
            )
        if document.access is not None:
            try:
                AccessDocument.read(document.access)
            except AccessError as error:
                raise RoutingError(str(error)) from None
        return cls(document.models, document.access)

    def find(self, name: str) -> RoutedModel | None:
        """The model of a public name; None for a name that is not in the routes."""
        return self._models.get(name)

    def __iter__(self) -> Iterator[RoutedModel]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(step) for step in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
