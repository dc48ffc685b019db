"""What goes to LISA and what comes back."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field


class ModelType(str, Enum):  # noqa: UP042  # Python 3.10 has no StrEnum
    """What a model makes."""

    TEXTGEN = "textgen"
    EMBEDDING = "embedding"


class ModelKwargs(BaseModel):
    """Arguments of a model; those that are not set are left to the model's server. Others than these are passed on.

    Those of text generation are Text Generation Inference's, `normalize` and `truncate` are also those of Text
    Embeddings Inference, and `instruction` is that of Instructor.
    """

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    max_new_tokens: int | None = None
    top_k: int | None = None
    top_p: float | None = None
    typical_p: float | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    return_full_text: bool | None = None
    truncate: int | bool | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    do_sample: bool | None = None
    watermark: bool | None = None
    normalize: bool | None = None
    instruction: str | None = None


class FoundationModel(BaseModel):
    """A hosted model.

    Attributes:
        provider: `<modelHosting>.<modelType>.<inferenceContainer>`, such as `ecs.textgen.tgi`.
        model_name: its name in the configuration.
        model_type: what it makes.
        model_kwargs: arguments for every call with it, to be changed at will.
        streaming: whether it can stream; None for a model that embeds.
    """

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=(), validate_assignment=True)

    provider: str
    model_name: str = Field(alias="modelName")
    model_type: ModelType = Field(alias="modelType")
    model_kwargs: ModelKwargs | None = Field(default=None, alias="modelKwargs")
    streaming: bool | None = None


class Response(BaseModel):
    """Text that was generated.

    Attributes:
        generated_text: the text.
        generated_tokens: how many tokens it has.
        finish_reason: why it ends: `stop`, `length` …
    """

    model_config = ConfigDict(populate_by_name=True)

    generated_text: str = Field(alias="generatedText")
    generated_tokens: int = Field(alias="generatedTokens")
    finish_reason: str = Field(alias="finishReason")


class StreamingResponse(BaseModel):
    """A piece of text that is being generated; the last one has no text, and says how it ended.

    Attributes:
        token: the text.
        finish_reason: why it ends; None but for the last.
        generated_tokens: how many tokens there were; None but for the last.
    """

    token: str
    finish_reason: str | None = None
    generated_tokens: int | None = None
