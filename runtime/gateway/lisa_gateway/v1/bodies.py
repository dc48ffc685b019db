"""Bodies of the deprecated routes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class TextgenArguments(_Body):
    """`modelKwargs` of text generation, as Text Generation Inference has them; None means the server's own default."""

    max_new_tokens: int = Field(default=50, ge=1)
    top_k: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    typical_p: float | None = Field(default=None, gt=0, le=1)
    temperature: float | None = Field(default=None, ge=0)
    repetition_penalty: float | None = Field(default=None, gt=0)
    return_full_text: bool = False
    truncate: int | None = Field(default=None, ge=1)
    stop_sequences: list[str] = Field(default_factory=list)
    seed: int | None = Field(default=None, ge=0)
    do_sample: bool = False
    watermark: bool = Field(default=False, description="Accepted for compatibility; has no effect.")


class _ModelRequest(_Body):
    provider: str = Field(description="`<modelHosting>.<modelType>.<inferenceContainer>`, as `ecs.textgen.tgi`.")
    model: str = Field(alias="modelName")


class GenerateRequest(_ModelRequest):
    """Body of generate and generateStream."""

    text: str
    arguments: TextgenArguments = Field(default_factory=TextgenArguments, alias="modelKwargs")


class EmbeddingsRequest(_ModelRequest):
    """Body of embeddings; its arguments are the container's: normalize and truncate, or instruction."""

    text: str | list[str]
    arguments: dict[str, Any] = Field(default_factory=dict, alias="modelKwargs")


class OpenAIRequest(_Body):
    """Body of the OpenAI routes: `model` is `<modelName> (<provider>)`, the rest goes on as it is."""

    model_config = ConfigDict(extra="allow")

    model: str


class Generated(_Body):
    """Answer of generate."""

    generated_text: str = Field(alias="generatedText")
    generated_tokens: int = Field(alias="generatedTokens")
    finish_reason: str = Field(alias="finishReason", description="As in the OpenAI API: stop, length …")


class Embedded(_Body):
    """Answer of embeddings."""

    embeddings: list[list[float]]


class ModelDescription(_Body):
    """A hosted model; `streaming` is there for models that generate text."""

    provider: str
    name: str = Field(alias="modelName")
    kind: Literal["textgen", "embedding"] = Field(alias="modelType")
    arguments: dict[str, Any] = Field(alias="modelKwargs")
    # Omitted where it means nothing, as LISA 2.x did: its SDK does not accept null.
    streaming: bool | None = Field(default=None, exclude_if=lambda streaming: streaming is None)


class OpenAIModel(_Body):
    """An entry of OpenAI's list of models."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "LISA"


class OpenAIModels(_Body):
    """OpenAI's list of models."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]
